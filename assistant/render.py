"""Answer → JSON and plain text. Decides nothing: what is not in the value is not in the text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from assistant.types import (
    Answer,
    Citation,
    CitationContext,
    ClaimResult,
    Outcome,
    Statement,
    StatementRole,
)

_DIFFER: Final = "The articles differ:"
_REWORDED: Final = "    reworded by a language model from: "
_NEAREST: Final = "Nearest, but this does not answer it:"


def citation_to_json(citation: Citation) -> dict[str, Any]:
    """A citation with the keys that stay; offsets in code points, half-open.

    Only the citation of a PDF has a `page`, counted from 1.
    """
    return {
        "id": citation.id,
        "article": citation.span.article_id,
        "title": citation.title,
        "section": list(citation.section),
        "start": citation.span.start,
        "end": citation.span.end,
        "quote": citation.quote,
        "sha256": citation.sha256,
        "evidence_tag": citation.evidence_tag.value,
        **({"page": citation.page} if citation.page else {}),
    }


def answer_to_json(answer: Answer) -> dict[str, Any]:
    """An answer with the keys that stay; every value is plain JSON."""
    return {
        "question": answer.question,
        "query": answer.query,
        "kind": answer.kind.value,
        "outcome": answer.outcome.value,
        "notices": [{"kind": notice.kind, "text": notice.text} for notice in answer.notices],
        "statements": [_statement_to_json(statement) for statement in answer.statements],
        "citations": [citation_to_json(citation) for citation in answer.citations],
        "nearest": [citation_to_json(citation) for citation in answer.nearest],
        "suggestions": list(answer.suggestions),
        "disclaimer": answer.disclaimer,
        "generator": answer.generator,
        "timings_ms": dict(answer.timings_ms),
    }


def _statement_to_json(statement: Statement) -> dict[str, Any]:
    return {
        "text": statement.text,
        "citations": [citation.id for citation in statement.citations],
        "role": statement.role.value,
        "lead": statement.lead,
        "reworded": statement.reworded,
    }


def context_to_json(context: CitationContext) -> dict[str, Any]:
    """A looked-up citation; `link` carries the first 8 digits of the file's hash."""
    citation = context.citation
    return {
        **citation_to_json(citation),
        "link": f"{citation.id}@{citation.sha256[:8]}",
        **({"moved_from": context.moved_from} if context.moved_from else {}),
        "before": context.before,
        "after": context.after,
        "paragraph": context.paragraph,
        "references": [citation_to_json(reference) for reference in context.references],
    }


def claim_to_json(result: ClaimResult) -> dict[str, Any]:
    """Who says a claim; `similarity` is a cosine in [-1, 1]."""
    says = zip(result.says, result.similarities, strict=True)
    return {
        "claim": result.claim,
        "says": [{**citation_to_json(c), "similarity": s} for c, s in says],
        "says_otherwise": [citation_to_json(c) for c in result.says_otherwise],
        "near": [citation_to_json(c) for c in result.near],
        "disclaimer": result.disclaimer,
    }


def render_answer(answer: Answer) -> str:
    """An answer as plain text; quotes stand in “ ”, with the number of their citation.

    A language model's words do not, and have the quotes they come from below them.
    """
    numbers = {citation: n for n, citation in enumerate(answer.citations, start=1)}
    parts = [notice.text for notice in answer.notices]
    if answer.statements:
        parts.append("\n".join(_statement_lines(answer.statements, numbers)))
        parts.append("\n".join(_citation_line(c, f"[{n}]") for c, n in numbers.items()))
    if answer.nearest:
        nearest = [f"  “{_one_line(c.quote)}”\n{_citation_line(c, ' ')}" for c in answer.nearest]
        parts.append("\n".join([_NEAREST, *nearest]))
    if answer.suggestions and answer.outcome is not Outcome.ANSWERED:
        parts.append("\n".join(["You could ask:", *(f"  {q}" for q in answer.suggestions)]))
    parts.append(answer.disclaimer)
    return "\n\n".join(parts)


def _statement_lines(
    statements: Iterable[Statement], numbers: dict[Citation, int]
) -> Iterable[str]:
    lead, differs = "", False
    for statement in statements:
        if statement.role is StatementRole.DIFFERS and not differs:
            differs = True
            yield _DIFFER
        if statement.lead and statement.lead != lead:
            yield f"{statement.lead}:"
        lead = statement.lead
        marks = "".join(f"[{numbers[c]}]" for c in statement.citations)
        bullet = "  • " if statement.role is StatementRole.ITEM else "  "
        if not statement.reworded:
            yield f"{bullet}“{_one_line(statement.text)}” {marks}"
            continue
        yield f"{bullet}{_one_line(statement.text)} {marks}"
        yield from (f"{_REWORDED}“{_one_line(c.quote)}”" for c in statement.citations)


def _citation_line(citation: Citation, mark: str) -> str:
    place = _place(citation)
    return f"{mark} {place} ({citation.evidence_tag.value}; {citation.id})"


def _place(citation: Citation) -> str:
    headings = " › ".join(dict.fromkeys((citation.title, *citation.section)))
    return f"{headings}, page {citation.page}" if citation.page else headings


def _one_line(text: str) -> str:
    return " ".join(text.split())


def render_context(context: CitationContext) -> str:
    """A looked-up citation as plain text, the quote between the sentences around it."""
    citation = context.citation
    around = [context.before, f">>> {_one_line(citation.quote)} <<<", context.after]
    return "\n".join(
        [
            _place(citation),
            "",
            *(
                [f"(the article has changed since {context.moved_from}; the same words)", ""]
                if context.moved_from
                else []
            ),
            *(_one_line(line) for line in around if line),
            "",
            *(f"reference: {_one_line(r.quote)} ({r.id})" for r in context.references),
            f"{citation.id}@{citation.sha256[:8]}",
            f"evidence: {citation.evidence_tag.value}",
            f"sha256:   {citation.sha256}",
        ]
    )


def render_claim(result: ClaimResult) -> str:
    """Who says a claim, as plain text."""
    parts = []
    if result.says:
        parts.append("\n".join(["The articles say:", *_quoted(result.says)]))
    else:
        parts.append("No sentence was found that says just this.")
    if result.says_otherwise:
        parts.append("\n".join(["They also say otherwise:", *_quoted(result.says_otherwise)]))
    if result.near:
        parts.append("\n".join(["About the same, but not saying it:", *_quoted(result.near)]))
    return "\n\n".join([*parts, result.disclaimer])


def _quoted(citations: Iterable[Citation]) -> list[str]:
    return [f"  “{_one_line(c.quote)}”\n{_citation_line(c, ' ')}" for c in citations]
