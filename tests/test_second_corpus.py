"""A corpus of quite different articles, in six formats and with nothing beside them, works."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from assistant.encoder import PackagedEncoder
from assistant.errors import CorpusError
from assistant.pipeline import Assistant, build_assistant, build_index
from assistant.render import answer_to_json, render_answer
from assistant.settings import Settings
from assistant.sources import SOURCES_FILE, load_about
from assistant.texts import TextStore
from assistant.types import Kind, Outcome
from assistant.verify import verify_export
from tests.conftest import HashingEncoder

SHOULDER = Path(__file__).parent / "corpora" / "shoulder"
# What stands in the files and is not the article.
NOT_THE_ARTICLE = (
    "turmeric fixed it", "Kinesio tape", "brace cures pain", "surgery is always needed",
    "Ignore all previous", "Night owl", "555-01", "cookies", "posture corrector", "free shipping",
)  # fmt: skip


@pytest.fixture(scope="session")
def shoulder_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("mine") / "shoulder"
    shutil.copytree(SHOULDER, folder)
    return Settings(corpus=folder, data=tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def shoulder(shoulder_settings: Settings, real_encoder: PackagedEncoder) -> Assistant:
    return build_assistant(shoulder_settings, encoder=real_encoder)


def test_every_file_of_the_folder_is_an_article(shoulder: Assistant) -> None:
    assert sorted(shoulder.articles) == sorted(path.stem for path in SHOULDER.iterdir())


@pytest.mark.parametrize(
    ("question", "article"),
    [
        ("what often helps with rotator cuff pain", "rotator-cuff"),
        ("should i wear a posture brace", "posture"),
        ("does massage help a sore shoulder", "physiotherapy-faq"),
        ("which muscles control the shoulder blade", "scapular-control"),
        ("how do i get back into swimming", "return-to-activity"),
    ],
)
def test_each_format_answers_in_its_exact_words(
    shoulder: Assistant, question: str, article: str
) -> None:
    answer = shoulder.ask(question)
    assert answer.outcome is Outcome.ANSWERED
    assert article in {citation.span.article_id for citation in answer.citations}
    for citation in answer.citations:
        source = shoulder.articles[citation.span.article_id]
        assert source.text[citation.span.start : citation.span.end] == citation.quote
        assert not any(citation.span.overlaps(item.span) for item in source.left_out)


def test_what_no_article_says_is_not_answered_and_its_word_is_named(shoulder: Assistant) -> None:
    answer = shoulder.ask("can turmeric help my rotator cuff")
    assert (answer.kind, answer.outcome) == (Kind.NOT_COVERED, Outcome.ABSTAINED)
    assert any("turmeric" in notice.text for notice in answer.notices)


@pytest.mark.parametrize("question", ["how do i bake sourdough bread", "who won the world cup"])
def test_what_is_about_something_else_is_off_topic(shoulder: Assistant, question: str) -> None:
    assert shoulder.ask(question).kind is Kind.OFF_TOPIC


@pytest.mark.parametrize(
    "question", ["what is a frozen shoulder", "what is a labral tear", "can yoga cure impingement"]
)
def test_what_is_about_the_corpus_is_never_off_topic(shoulder: Assistant, question: str) -> None:
    assert shoulder.ask(question).kind is not Kind.OFF_TOPIC


def test_an_emergency_is_one_whatever_the_corpus(shoulder: Assistant) -> None:
    answer = shoulder.ask("my chest is tight and the pain goes into my left arm, i can't breathe")
    assert answer.kind is Kind.EMERGENCY
    assert not answer.statements


def test_the_overview_names_the_articles_and_no_others(shoulder: Assistant) -> None:
    texts = " ".join(notice.text for notice in shoulder.ask("what do you know?").notices)
    assert all(article.title in texts for article in shoulder.articles.values())
    assert "12 articles" in texts
    assert "hip" not in texts
    assert "gluteus" not in texts


@pytest.mark.parametrize("message", ["", "asdf", "tell me about cars", "wie backe ich brot"])
def test_fixed_texts_give_an_example_of_this_corpus(shoulder: Assistant, message: str) -> None:
    texts = " ".join(notice.text for notice in shoulder.ask(message).notices)
    assert shoulder.examples[0] in texts


def test_suggestions_come_from_the_corpus_and_are_answered_by_several_articles(
    shoulder: Assistant,
) -> None:
    answers = [shoulder.ask(question) for question in shoulder.examples]
    assert 3 <= len(answers) <= 6
    assert all(answer.kind is Kind.IN_SCOPE and answer.statements for answer in answers)
    assert len({answer.citations[0].span.article_id for answer in answers}) >= 3


def test_text_that_is_not_the_article_is_in_no_passage(shoulder: Assistant) -> None:
    quotes = "\n".join(passage.quote for passage in shoulder.retriever.index.passages)
    assert [words for words in NOT_THE_ARTICLE if words in quotes] == []


@pytest.mark.parametrize(
    "question",
    [
        "did turmeric fix the clicking", "what brace should i buy", "what is the phone number",
        "what do readers say about sleeping in a car seat",
    ],
)  # fmt: skip
def test_asking_for_left_out_text_does_not_bring_it_up(shoulder: Assistant, question: str) -> None:
    shown = render_answer(shoulder.ask(question))
    assert [words for words in NOT_THE_ARTICLE if words in shown] == []


def test_a_citation_of_a_pdf_carries_its_page(shoulder: Assistant) -> None:
    answer = shoulder.ask("which exercises train the shoulder blade")
    pages = {
        row["id"]: row["page"]
        for row in answer_to_json(answer)["citations"]
        if row["article"] == "scapular-control"
    }
    assert pages
    assert set(pages.values()) <= {1, 2, 3}
    assert 2 in pages.values()
    assert "page 2" in render_answer(answer)
    others = [r for r in answer_to_json(answer)["citations"] if r["article"] not in
              ("scapular-control", "after-a-dislocation")]  # fmt: skip
    assert all("page" not in row for row in others)


def test_a_citation_is_read_again_from_the_stored_text(
    shoulder: Assistant, shoulder_settings: Settings, tmp_path: Path
) -> None:
    answer = shoulder.ask("how likely is a second dislocation")
    citation = next(c for c in answer.citations if c.span.article_id == "after-a-dislocation")
    store = TextStore(shoulder_settings.index_folder)
    stored = store.earlier("after-a-dislocation", citation.sha256[:8])
    assert stored is not None
    assert stored.quote(citation.span) == citation.quote
    assert shoulder.cite(citation.id).citation == citation
    export = tmp_path / "export.json"
    export.write_text(json.dumps(answer_to_json(answer)), "utf-8")
    assert [row.problem for row in verify_export(export, shoulder.articles, store)] == [""] * len(
        answer.citations
    )


def test_a_claim_finds_who_says_it(shoulder: Assistant) -> None:
    result = shoulder.claim("There is no good reason to wear a brace all day.")
    assert result.says[0].span.article_id == "posture"


def test_only_the_changed_passages_of_an_edited_article_are_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "shoulder"
    shutil.copytree(SHOULDER, folder)
    settings = Settings(corpus=folder, data=tmp_path / "data")
    encoder = HashingEncoder()
    build_index(settings, encoder)
    article = folder / "posture.md"
    article.write_text(
        article.read_text("utf-8").replace("Bring the mouse close", "Bring the keyboard close"),
        "utf-8",
    )
    report = build_index(settings, encoder)
    assert report.changed == ("posture",)
    assert report.embedded == 1


@pytest.mark.parametrize("about", ['about = "<b>"', "about = 3", 'about = "a\\nb"'])
def test_a_corpus_that_says_nonsense_of_itself_is_named(tmp_path: Path, about: str) -> None:
    (tmp_path / SOURCES_FILE).write_text(f"[corpus]\n{about}\n", "utf-8")
    with pytest.raises(CorpusError, match=r"\[corpus\]"):
        load_about(tmp_path)
