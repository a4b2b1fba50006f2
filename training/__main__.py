"""`python -m training`: learn the reader and the corpus's finder anew, and measure them.

Takes an hour or two on two cores. The messages are parted into folds; what the network makes of
each message is first measured by one that has not met it, which also fits the balance with the
rules. The network that is kept has met all of them.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from math import log
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assistant.corpus import load_corpus
from assistant.disagreements import load_disagreements
from assistant.encoder import packaged_folder
from assistant.finder import FINDER_FILE, question_key, save_finder
from assistant.generations import file_sha256
from assistant.guardrails import DATA_DIR
from assistant.network import LEARNED_FILE
from assistant.passages import iter_passages
from assistant.questions import WrittenQuestion, load_questions
from assistant.reader import (
    FACTS_FILE,
    HEADS,
    WORDS_FILE,
    format_words,
    spelling,
)
from assistant.screening.data import load_policy
from assistant.screening.reading import RuleReader
from assistant.settings import DEFAULT_CORPUS, quiet_environment
from assistant.spelling import Spelling, count_words, words_of
from assistant.topics import load_topics
from assistant.types import Article, Passage
from training.balance import Fired, fired_on, fit_kinds, fit_urgency
from training.examples import Example, examples_of
from training.learn import PASSAGES, Scores, learn, log_softmax, scores_of
from training.measure import measure
from training.messages import load_carriers, load_messages, messages_of_policy
from training.network import ReaderNetwork

FOLDS: Final = 2
TERMS: Final = Path(__file__).parent / "terms.txt"
# Sources whose texts are plain and no messages.
PLAIN: Final = ("questions", "topics")
# A word in fewer red flags says nothing of them.
MET_IN_FLAGS: Final = 3


@dataclass(frozen=True)
class Material:
    """What is learned from."""

    examples: tuple[Example, ...]
    passages: tuple[Passage, ...]
    rules: RuleReader
    model: Path
    counts: Mapping[str, int]

    @cached_property
    def spelling(self) -> Spelling:
        """What mends a text before the network reads it."""
        return spelling(self.model, self.counts)

    def prepare(self, text: str) -> str:
        """A text as the network reads it."""
        return self.spelling.mend(self.rules.prepare(text))


def load_material(corpus: Path) -> Material:
    """All messages, and the written questions of one corpus."""
    articles = load_corpus(corpus)
    passages = tuple(p for article in articles.values() for p in iter_passages(article, 0))
    questions = (*load_questions(corpus, articles), *_about_differences(corpus, articles))
    policy = load_policy(DATA_DIR)
    messages = list(load_messages())
    messages += messages_of_policy(policy.examples, 1 + max(m.block for m in messages))
    examples = examples_of(messages, load_topics(), questions, passages)
    rules = RuleReader(policy)
    counts = words_known(rules, examples)
    return Material(examples, passages, rules, packaged_folder(), counts)


def words_known(rules: RuleReader, examples: Sequence[Example]) -> dict[str, int]:
    """Words of the examples with how often they were met, and terms that are right but rare."""
    counts = count_words(rules.prepare(example.message.text) for example in examples)
    rare = {*TERMS.read_text("utf-8").split(), *load_policy(DATA_DIR).lexicon.vocabulary}
    missing = sorted(word for word in rare - counts.keys() if word.isalpha() and word.isascii())
    return counts | dict.fromkeys(missing, 1)


def alarm_of_words(rules: RuleReader, examples: Sequence[Example]) -> dict[str, float]:
    """How much more often a word stands in red flags than in harmless messages: `Reader.alarm`."""
    in_flags: Counter[str] = Counter()
    in_others: Counter[str] = Counter()
    for message in (example.message for example in examples):
        if message.urgency is not None and message.source not in PLAIN:
            side = in_others if message.urgency == "none" else in_flags
            side.update(set(words_of(rules.prepare(message.text))))
    ratio = log(in_others.total() / in_flags.total())
    return {
        word: max(0.0, log((n + 1) / (in_others[word] + 1)) + ratio)
        for word, n in in_flags.items()
        if n >= MET_IN_FLAGS
    }


def _about_differences(
    corpus: Path, articles: Mapping[str, Article]
) -> tuple[WrittenQuestion, ...]:
    return tuple(
        WrittenQuestion(text, differs.spans)
        for differs in load_disagreements(corpus, articles)
        for text in differs.questions
    )


def fold_of(example: Example) -> int:
    """Which part an example belongs to, the same at every run."""
    digest = blake2b(str(example.message.block).encode(), digest_size=2).digest()
    return int.from_bytes(digest, "big") % FOLDS


def learn_from(material: Material, examples: Sequence[Example], seed: int) -> ReaderNetwork:
    """A network that has met these examples."""
    return learn(
        material.model,
        examples,
        len(material.passages),
        load_carriers(),
        material.prepare,
        seed,
        lambda line: print(line, flush=True),
    )


def scores_left_out(material: Material, seed: int) -> Scores:
    """The scores of every example by a network that has not met it."""
    folds = np.array([fold_of(example) for example in material.examples])
    found: dict[str, NDArray[np.float32]] = {}
    for fold in range(FOLDS):
        print(f"fold {fold + 1} of {FOLDS}", flush=True)
        met = [e for e, own in zip(material.examples, folds, strict=True) if own != fold]
        network = learn_from(material, met, seed)
        rows = np.flatnonzero(folds == fold)
        for name, values in score(material, network, [material.examples[n] for n in rows]).items():
            found.setdefault(name, np.zeros((len(folds), values.shape[1]), np.float32))
            found[name][rows] = values
    return found


def score(material: Material, network: ReaderNetwork, examples: Sequence[Example]) -> Scores:
    """What a network makes of examples, as log-probabilities of every head."""
    texts = [material.prepare(example.message.text) for example in examples]
    scores = scores_of(network, material.model, texts)
    return {name: log_softmax(values) for name, values in scores.items()}


def weigh(examples: Sequence[Example], scores: Scores, fired: Sequence[Fired]) -> dict[str, Any]:
    """The balance of rules and network, from scores of examples that it had not met.

    The written questions and topics are left out: they are plain, and would make alarms look rare.
    """
    rows = [n for n, e in enumerate(examples) if e.message.source not in PLAIN]
    urgency = [(n, value) for n in rows if (value := examples[n].message.urgency)]
    kinds = [
        (n, example.message.kind or "question")
        for n, example in enumerate(examples)
        if example.message.kind or example.message.source in PLAIN
    ]
    at, labels = zip(*urgency, strict=True)
    weights = fit_urgency(scores["urgency"][[*at]], labels, [fired[n] for n in at])
    at, labels = zip(*kinds, strict=True)
    of_kinds = fit_kinds(scores["kind"][[*at]], labels, [fired[n] for n in at])
    return {**weights, "kinds": of_kinds}


def save(
    material: Material,
    network: ReaderNetwork,
    facts: Mapping[str, Any],
    left_out: Scores,
    data: Path,
    corpus: Path,
) -> None:
    """Write the reader and the finder, in half precision."""
    from safetensors.numpy import save_file

    learned = network.changes()
    head = (learned.pop(f"heads.{PASSAGES}.weight"), learned.pop(f"heads.{PASSAGES}.bias"))
    save_file({name: v.astype(np.float16) for name, v in learned.items()}, data / LEARNED_FILE)
    (data / LEARNED_FILE).chmod(0o644)
    alarm = alarm_of_words(material.rules, material.examples)
    (data / WORDS_FILE).write_text(format_words(material.counts, alarm), "utf-8")
    sha256 = file_sha256(data / LEARNED_FILE)
    text = json.dumps({"sha256": sha256, **facts}, indent=1)
    (data / FACTS_FILE).write_text(text + "\n", "utf-8")
    answered = {}
    for example, row in zip(material.examples, left_out[PASSAGES], strict=True):
        if example.message.source in PLAIN:
            any_of_them = float(np.logaddexp.reduce(row[:-1]) - row[-1])
            answered[question_key(example.message.text)] = (any_of_them, float(row[:-1].max()))
    save_finder(corpus / FINDER_FILE, head, material.passages, sha256, answered)
    (corpus / FINDER_FILE).chmod(0o644)


def main() -> None:
    """Learn, measure, write."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=DEFAULT_CORPUS)
    parser.add_argument("--data", type=Path, default=DATA_DIR, help="where the reader is written")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    material = load_material(arguments.corpus)
    fired = [fired_on(material.rules, example.message.text) for example in material.examples]
    left_out = scores_left_out(material, arguments.seed)
    weighing = weigh(material.examples, left_out, fired)
    print("the network that is kept", flush=True)
    network = learn_from(material, material.examples, arguments.seed)
    facts = {
        "heads": {name: list(labels) for name, labels in HEADS.items()},
        "seed": arguments.seed,
        "weighing": weighing,
        "measured": measure(material.examples, left_out, fired, weighing),
    }
    save(material, network, facts, left_out, arguments.data, arguments.corpus)


if __name__ == "__main__":
    quiet_environment()
    main()
