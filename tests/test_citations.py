"""Citations are exact, can be looked up and traced, and tell when the text has changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from assistant.citations import cite, make_citation, parse_citation_id
from assistant.errors import CitationError, UsageError
from assistant.pipeline import Assistant
from assistant.render import answer_to_json
from assistant.types import Answer, Article, Kind, Outcome, Span, Statement
from assistant.verify import verify_export
from evals.mutations import changed_quotes, load_paraphrases, quotable_sentences


def test_every_sentence_of_every_article_can_be_looked_up(articles: dict[str, Article]) -> None:
    for article in articles.values():
        for sentence in article.sentences:
            context = cite(articles, f"{sentence.span.id}@{article.sha256[:8]}")
            assert context.citation.quote == article.quote(sentence.span)
            assert context.citation.section
            assert article.quote(sentence.span) in context.paragraph


def test_a_citation_shows_what_stands_around_it_and_its_reference(
    articles: dict[str, Article],
) -> None:
    fix = articles["fix-the-hip"]
    at = fix.text.index("The second systematic review")
    context = cite(articles, f"fix-the-hip:{at}-{at + 40}")
    assert context.before.startswith("The pooled data")
    assert context.after.startswith("The authors identified")
    assert context.references[0].quote.startswith("Barton CJ")


@pytest.mark.parametrize(
    ("id_", "said"),
    [
        ("nonsense", "not a citation id"),
        ("fix-the-hip:9-3", "not a citation id"),
        ("nowhere:1-2", "no article"),
        ("fix-the-hip:0-999999", "not in"),
        ("fix-the-hip:82-100@00000000", "has changed"),
        ("../../etc/passwd:1-2", "no article"),
        ("", "not a citation id"),
        ("fix-the-hip:" + "9" * 5000 + "-1", "not a citation id"),
    ],
)
def test_an_id_that_names_nothing_is_told(
    articles: dict[str, Article], id_: str, said: str
) -> None:
    with pytest.raises(CitationError, match=said):
        cite(articles, id_)


def test_left_out_text_cannot_be_cited(articles: dict[str, Article]) -> None:
    for article in articles.values():
        for item in article.left_out:
            with pytest.raises(CitationError, match="not the article"):
                make_citation(article, item.span)


def test_an_id_keeps_place_and_hash() -> None:
    assert parse_citation_id("a:1-5@0123abcd") == (Span("a", 1, 5), "0123abcd")


def test_an_answer_without_its_invariants_cannot_be_built() -> None:
    with pytest.raises(TypeError):
        Answer("q", "q", Kind.UNCLEAR, Outcome.ABSTAINED, disclaimer="")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="cited statement"):
        Answer("q", "q", Kind.IN_SCOPE, Outcome.ANSWERED)
    with pytest.raises(ValueError, match="needs a citation"):
        Statement("Knees bend.", ())


def test_a_claim_finds_who_says_it(assistant: Assistant) -> None:
    result = assistant.claim("The gluteus medius keeps the pelvis level while you walk or run")
    assert any("keep your pelvis level" in c.quote for c in result.says)
    assert result.near == ()
    assert result.disclaimer


def test_a_claim_that_nobody_makes_like_this_shows_what_comes_near(assistant: Assistant) -> None:
    result = assistant.claim("A weak gluteus medius makes your pelvis drop on one side")
    assert result.says == ()
    assert any("weak" in c.quote and "drop" in c.quote for c in result.near)


def test_a_claim_turned_round_is_not_said(assistant: Assistant) -> None:
    result = assistant.claim("Pure strength of the stabilizers is the goal.")
    assert not any("not the goal" in c.quote for c in result.says)
    assert any("not the goal" in c.quote for c in result.says_otherwise)


def test_a_claim_that_nobody_makes_is_said_by_none(assistant: Assistant) -> None:
    result = assistant.claim("Turmeric cures knee pain within a week.")
    assert result.says == ()


def test_a_sentence_that_holds_a_claims_words_does_not_say_it_for_that(
    assistant: Assistant,
) -> None:
    result = assistant.claim("Weak hips cause knee pain")
    assert not any("assessment" in c.quote for c in result.says)
    true = "Foam rolling the calf can improve ankle mobility"
    for said in (f"A study of 900 runners proved: {true}", true.replace("calf", "forearm")):
        assert assistant.claim(said).says == ()


def test_paraphrases_are_found_and_changed_sentences_are_not(assistant: Assistant) -> None:
    def said(text: str, quotes: Sequence[str]) -> bool:
        says = assistant.claim(text).says
        return any(q in c.quote or c.quote in q for q in quotes for c in says)

    true = [p for p in load_paraphrases() if p.split == "dev"][::3]
    changed = changed_quotes(quotable_sentences())[::15]
    assert min(len(true), len(changed)) > 100
    assert np.mean([said(p.text, p.quotes) for p in true]) > 0.65
    assert np.mean([said(c.text, c.quotes) for c in changed]) < 0.06


def test_an_export_is_replayed_against_the_files(assistant: Assistant, tmp_path: Path) -> None:
    answer = answer_to_json(assistant.ask("How can I tell if my gluteus medius is weak?"))
    export = tmp_path / "export.json"
    export.write_text(json.dumps([answer]), "utf-8")
    assert all(not quote.problem for quote in verify_export(export, assistant.articles))
    forged = json.loads(json.dumps(answer))
    forged["statements"][0]["text"] = "Inject 500 mg of anything."
    export.write_text(json.dumps(forged), "utf-8")
    assert any(quote.problem for quote in verify_export(export, assistant.articles))
    forged["citations"][0] = {"id": answer["citations"][0]["id"], "quote": "Lies.", "sha256": None}
    export.write_text(json.dumps(forged), "utf-8")
    assert any(
        quote.quote == "Lies." and quote.problem
        for quote in verify_export(export, assistant.articles)
    )
    answer["citations"][0]["quote"] += "!"
    export.write_text(json.dumps({"answers": [answer]}), "utf-8")
    assert verify_export(export, assistant.articles)[0].problem
    answer["citations"][0]["sha256"] = "0" * 64
    export.write_text(json.dumps(answer), "utf-8")
    assert any("changed" in q.problem for q in verify_export(export, assistant.articles))


@pytest.mark.parametrize("content", ["{", "[]", '{"id": 1}', "[" * 100_000])
def test_an_export_that_is_none_is_told(assistant: Assistant, tmp_path: Path, content: str) -> None:
    export = tmp_path / "export.json"
    export.write_text(content, "utf-8")
    with pytest.raises(UsageError, match="export"):
        verify_export(export, assistant.articles)


def test_a_heading_is_cited_under_its_own_post(articles: dict[str, Article]) -> None:
    at = articles["gluteus-medius-rehab"].text.index("What It Is")
    context = cite(articles, f"gluteus-medius-rehab:{at}-{at + 10}@3BC5005B")
    assert context.citation.section[0].startswith("Hip Airplane")
    with pytest.raises(CitationError, match="white space"):
        cite(articles, "fix-the-hip:34-36")


def test_a_heading_does_not_make_its_sentences_say_it(assistant: Assistant) -> None:
    result = assistant.claim("the gluteus medius is weak")
    assert not any("mirror" in c.quote or "squat." in c.quote for c in result.says)
