"""How many changed sentences pass the support check, and how many true paraphrases.

Each quotable sentence of the corpus, and each true paraphrase of one, is changed in one thing
(`evals.mutate`); a change that passes as carried by the unchanged quote is let through. The same is
asked of two common stand-ins for such a check: a fuzzy match and a share of common words.
Rows of the test half of ``paraphrases.jsonl`` are counted and never printed.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assistant.corpus import load_corpus
from assistant.errors import UsageError
from assistant.passages import iter_passages
from assistant.settings import DEFAULT_CORPUS
from assistant.support import check_support
from assistant.text import words
from assistant.types import Decision
from assistant.words import stems
from evals.lines import LineError, iter_lines, parse_object
from evals.mutate import KINDS, joined, mutations
from evals.stats import proportion

PARAPHRASES: Final = Path(__file__).parent / "mutations" / "paraphrases.jsonl"
FUZZY: Final = 95.0
OVERLAP: Final = 0.8

Carries = Callable[[str, Sequence[str]], bool]


@dataclass(frozen=True, slots=True)
class Paraphrase:
    """A true retelling of `quotes`; `split` is dev or test."""

    quotes: tuple[str, ...]
    text: str
    split: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A statement that its quotes do not carry; `base` is ``"quote"`` or ``"paraphrase"``."""

    kind: str
    base: str
    text: str
    quotes: tuple[str, ...]
    split: str = "dev"


def load_paraphrases(path: Path = PARAPHRASES) -> list[Paraphrase]:
    """The paraphrases of a file.

    Raises:
        UsageError: Names file and line.
    """
    found = []
    for place, line in iter_lines(path):
        try:
            row = parse_object(line)
            if row["split"] not in ("dev", "test"):
                raise LineError("split is neither dev nor test")
            found.append(Paraphrase(tuple(row["quotes"]), row["paraphrase"], row["split"]))
        except (LineError, KeyError, TypeError) as error:
            raise UsageError(f"{place}: {error}; correct the line") from error
    return found


def quotable_sentences(corpus: Path = DEFAULT_CORPUS) -> list[str]:
    """Every sentence of the articles that may be quoted, in order."""
    return [p.quote for a in load_corpus(corpus).values() for p in iter_passages(a, 0)]


def changed_quotes(sentences: Sequence[str]) -> list[Changed]:
    """All mutations of the articles' own sentences."""
    found = [
        Changed(kind, "quote", text, (sentence,))
        for sentence in sentences
        for kind in KINDS
        if kind != "joined"
        for text in mutations(sentence, kind)
    ]
    # A neighbour tells of the same, one from afar of something else.
    for gap in (1, 7):
        for first, second in zip(sentences, sentences[gap:], strict=False):
            found += [Changed("joined", "quote", t, (first, second)) for t in joined(first, second)]
    return found


def changed_paraphrases(paraphrases: Sequence[Paraphrase]) -> list[Changed]:
    """All mutations of true paraphrases, against the quotes they retell."""
    found = [
        Changed(kind, "paraphrase", text, p.quotes, p.split)
        for p in paraphrases
        for kind in KINDS
        if kind != "joined"
        for text in mutations(p.text, kind)
    ]
    for split in ("dev", "test"):
        own = [p for p in paraphrases if p.split == split]
        for first, second in zip(own, own[5:], strict=False):
            quotes = (*first.quotes, *second.quotes)
            found += [
                Changed("joined", "paraphrase", text, quotes, split)
                for text in joined(first.text, second.text)
            ]
    return found


def by_check(statement: str, quotes: Sequence[str]) -> bool:
    """The project's own check."""
    return check_support(statement, quotes).decision is Decision.PASS


def by_fuzzy_match(statement: str, quotes: Sequence[str]) -> bool:
    """A quote, or a part of the quotes, is alike by at least `FUZZY` per cent."""
    from rapidfuzz import fuzz

    text, whole = _squeezed(statement), _squeezed(" ".join(quotes))
    return max(fuzz.ratio(text, whole), fuzz.partial_ratio(text, whole)) >= FUZZY


def by_overlap(statement: str, quotes: Sequence[str]) -> bool:
    """At least `OVERLAP` of the statement's longer words stand in the quotes."""
    own = {s for w in words(statement) if len(w) > 3 for s in stems(w)}
    theirs = set(stems(" ".join(quotes)))
    return bool(own) and len(own & theirs) >= OVERLAP * len(own)


MATCHERS: Final[Mapping[str, Carries]] = {
    "support check": by_check,
    "fuzzy match": by_fuzzy_match,
    "word overlap": by_overlap,
}


def measure_mutations(
    corpus: Path = DEFAULT_CORPUS, paraphrases: Path = PARAPHRASES
) -> dict[str, Any]:
    """All figures: let through by kind, kept by split, for each matcher."""
    retold = load_paraphrases(paraphrases)
    changed = all_mutations(corpus, paraphrases)
    return {
        name: {
            "let_through": _by_kind(changed, carries),
            "kept": {
                split: proportion(
                    [carries(p.text, p.quotes) for p in retold if p.split == split],
                    groups=[p.quotes[0] for p in retold if p.split == split],
                ).to_json()
                for split in ("dev", "test")
            },
        }
        for name, carries in MATCHERS.items()
    }


def all_mutations(corpus: Path = DEFAULT_CORPUS, paraphrases: Path = PARAPHRASES) -> list[Changed]:
    """Every mutation of the corpus's sentences and of the paraphrases."""
    quotes = changed_quotes(quotable_sentences(corpus))
    return quotes + changed_paraphrases(load_paraphrases(paraphrases))


def _by_kind(changed: Iterable[Changed], carries: Carries) -> dict[str, Any]:
    let: dict[tuple[str, str], list[bool]] = defaultdict(list)
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for mutation in changed:
        passed = carries(mutation.text, mutation.quotes)
        base = mutation.base if mutation.base == "quote" else f"paraphrase, {mutation.split}"
        for kind in (mutation.kind, "all"):
            for which in (base, "all"):
                let[kind, which].append(passed)
                groups[kind, which].append(mutation.quotes[0])
    found: dict[str, Any] = defaultdict(dict)
    for (kind, which), hits in let.items():
        found[kind][which] = proportion(hits, "lower", groups[kind, which]).to_json()
    return dict(found)


def render_mutations(figures: Mapping[str, Any]) -> str:
    """The tables, in Markdown."""
    ours = figures["support check"]["let_through"]
    others = [name for name in figures if name != "support check"]
    lines = [
        "| changed | n | let through | 95 % interval | of quotes | of paraphrases, dev | test | "
        + " | ".join(others)
        + " |",
        "| --- |" + " --- |" * (6 + len(others)),
    ]
    for kind in [*(k for k in KINDS if k in ours), "all"]:
        row = ours[kind]
        whole = row["all"]
        cells = [_share(row.get(w)) for w in ("quote", "paraphrase, dev", "paraphrase, test")]
        cells += [_share(figures[name]["let_through"][kind]["all"]) for name in others]
        lines.append(
            f"| {KINDS.get(kind, 'all')} | {whole['n']} | {_share(whole)} | "
            f"[{whole['low']:.3f}, {whole['high']:.3f}] | " + " | ".join(cells) + " |"
        )
    lines += [
        "",
        "| true paraphrases kept | n | " + " | ".join(figures) + " |",
        "| --- |" + " --- |" * (1 + len(figures)),
    ]
    for split in ("dev", "test"):
        kept = [figures[name]["kept"][split] for name in figures]
        cells = [
            f"{k['value']:.3f} [{k['low']:.3f}, {k['high']:.3f}]" if k["n"] else "" for k in kept
        ]
        lines.append(f"| {split} | {kept[0]['n']} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _share(figure: Mapping[str, Any] | None) -> str:
    return f"{figure['value']:.3f}" if figure and figure["n"] else ""


def _squeezed(text: str) -> str:
    return re.sub(r"\W+", " ", text.casefold()).strip()


def write_mutations(changed: Sequence[Changed], path: Path) -> None:
    """The mutations as JSON lines, to be read; never those of test paraphrases."""
    rows = [
        {"kind": c.kind, "base": c.base, "text": c.text, "quotes": c.quotes}
        for c in changed
        if c.split != "test"
    ]
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), "utf-8")
