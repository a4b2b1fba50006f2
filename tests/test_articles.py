"""Files become articles with exact offsets, and what is not the article stays out."""

from __future__ import annotations

import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from assistant.articles import parse_article
from assistant.corpus import load_corpus
from assistant.errors import CorpusError
from assistant.passages import iter_passages
from assistant.settings import DEFAULT_CORPUS
from assistant.sources import Source
from assistant.text import iter_sentences, sha256_text
from assistant.types import Article, BlockKind, EvidenceTag

LEFT_OUT_WORDS = (
    "waitlist",
    "FREE training",
    "Links on this website",
    "Check out this video",
    "contact us today",
    "Pingback",
    "Hiring",
    "Resumes",
    "Scroll to Top",
    "knee_patella_intro01",
    "TFL Muscle Battle",
    "Are you ready to change",
    "medial plica",
    "cleats",
    "retroversion",
    "email address",
    "919-809",
    "a ton of videos",
    "happy to point you",
)


def test_the_articles_are_the_files_that_sources_toml_names() -> None:
    sources = tomllib.loads((DEFAULT_CORPUS / "sources.toml").read_text("utf-8"))["articles"]
    for path in DEFAULT_CORPUS.glob("*.txt"):
        assert sha256_text(path.read_bytes().decode("utf-8")) == sources[path.stem]["sha256"]
    assert len(sources) == 4


def test_every_sentence_is_an_exact_slice_and_touches_nothing_left_out(
    articles: dict[str, Article],
) -> None:
    for article in articles.values():
        for sentence in article.sentences:
            quote = article.text[sentence.span.start : sentence.span.end]
            assert quote == quote.strip()
            assert not any(item.span.overlaps(sentence.span) for item in article.left_out)
            assert not any(words in quote for words in LEFT_OUT_WORDS), quote


@pytest.mark.parametrize("chars", [0, 200, 600, 4000])
def test_passages_are_whole_sentences_at_every_splitter_setting(
    articles: dict[str, Article], chars: int
) -> None:
    for article in articles.values():
        quotable = [s.span for s in article.sentences if s.quotable]
        passages = list(iter_passages(article, chars))
        covered = [span for p in passages for span in quotable if p.span.contains(span)]
        assert covered == quotable
        for passage in passages:
            assert passage.quote == article.quote(passage.span)
            assert not any(item.span.overlaps(passage.span) for item in article.left_out)


def test_three_posts_in_one_file_are_told_apart(articles: dict[str, Article]) -> None:
    rehab = articles["gluteus-medius-rehab"]
    titles = [rehab.quote(b.span) for b in rehab.blocks if b.kind is BlockKind.TITLE]
    assert [t.split()[0] for t in titles] == ["Why", "Hip", "The"]
    shoulder = next(s for s in rehab.sentences if "rotator cuff" in rehab.quote(s.span))
    assert shoulder.section[0].startswith("The Basics of Physical Therapy")


def test_how_and_tips_belong_to_their_exercise(articles: dict[str, Article]) -> None:
    rehab = articles["gluteus-medius-rehab"]
    bridge = next(s for s in rehab.sentences if "Lie on your back" in rehab.quote(s.span))
    level = next(s for s in rehab.sentences if "Actively keep hips level" in rehab.quote(s.span))
    assert bridge.owner == level.owner == "Single-Leg Glute Bridge / Hip Thrust"
    assert rehab.blocks[level.block].marker == "Tips"
    assert bridge.evidence_tag is level.evidence_tag is EvidenceTag.INSTRUCTION


def test_a_reference_mark_is_tied_to_its_reference(articles: dict[str, Article]) -> None:
    fix = articles["fix-the-hip"]
    references = [b for b in fix.blocks if b.kind is BlockKind.REFERENCE]
    assert [fix.quote(b.span).split()[0].strip(",") for b in references] == [
        "Lankhorst",
        "Barton",
        "Selkowitz",
    ]
    second = next(s for s in fix.sentences if "via EMG" in fix.quote(s.span))
    assert second.references == (2,)


def test_left_out_words_inside_a_sentence_leave_the_slice_beside_them(
    articles: dict[str, Article],
) -> None:
    fix = articles["fix-the-hip"]
    quotes = [fix.quote(s.span) for s in fix.sentences]
    assert any(q.endswith("causing Patellofemoral Pain Syndrome") for q in quotes)
    assert any(q.endswith("in the recent JOSPT (3)") for q in quotes)


def test_each_evidence_tag_stands_where_its_article_shows_it(articles: dict[str, Article]) -> None:
    tags = {a.quote(s.span): s.evidence_tag for a in articles.values() for s in a.sentences}
    assert tags[next(q for q in tags if "actually my theory" in q)] is EvidenceTag.THEORY
    assert tags[next(q for q in tags if "moderate to strong" in q)] is EvidenceTag.REVIEW
    assert tags[next(q for q in tags if "a primary cause" in q)] is EvidenceTag.UNSOURCED


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Dr. Smith said no. Then she left.", ["Dr. Smith said no.", "Then she left."]),
        ("It is 3.5 cm long… Really.", ["It is 3.5 cm long…", "Really."]),
        ("They state, “It hurts.” We agree.", ["They state, “It hurts.”", "We agree."]),
        ("muscles (calves, quads etc). But no", ["muscles (calves, quads etc).", "But no"]),
        ("a.k.a. Monster Walks", ["a.k.a. Monster Walks"]),
        ("   ", []),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text: str, sentences: list[str]) -> None:
    assert [text[a:b] for a, b in iter_sentences(text, 0, len(text))] == sentences


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"caf\xe9 bad", "not UTF-8 at byte 3"),
        (b"a\0b", "binary"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_what_to_do(
    tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "x.txt").write_bytes(content)
    with pytest.raises(CorpusError, match=said) as error:
        load_corpus(tmp_path)
    assert "x.txt" in str(error.value)


def test_a_changed_article_is_an_error_that_names_both_hashes(tmp_path: Path) -> None:
    for path in DEFAULT_CORPUS.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    text = (tmp_path / "fix-the-hip.txt").read_text("utf-8")
    (tmp_path / "fix-the-hip.txt").write_text(text.replace("weak", "week", 1), "utf-8", newline="")
    with pytest.raises(CorpusError, match="ad67546e"):
        load_corpus(tmp_path)


def test_comments_and_phone_numbers_are_left_out_of_any_article() -> None:
    article = parse_article(
        "a",
        "Title\n\nGood words here. Call 555-123-4567 for more.\n\n3 comments on “Title”\n\nMe too.",
    )
    assert [article.quote(s.span) for s in article.sentences] == ["Good words here."]
    assert {item.kind for item in article.left_out} == {
        "readers' comments",
        "a phone number or e-mail address",
    }


def test_what_is_left_out_twice_is_left_out_whole() -> None:
    text = (
        "Hips\n\nHips move. Ask Bob Smith at 555-123-4567 about them.\r\n\r\nScroll to Top\r\n\n"
        "2 thoughts on “Hips”\n\nJohn Doe says: me too.\n\nMary says: I had surgery.\n"
    )
    source = Source(
        title="Hips",
        leave_out=(
            {"kind": "a name", "from": "Bob Smith", "to": "Bob Smith"},
            {"kind": "a comment", "from": "John Doe says", "to": "me too."},
        ),
    )
    article = parse_article("a", text, source)
    assert [article.quote(s.span) for s in article.sentences] == ["Hips move."]
    spans = [item.span for item in article.left_out]
    assert all(a.end <= b.start for a, b in pairwise(spans))
    assert all("Scroll" not in part for block in article.blocks for part in block.section)


def test_left_out_words_stand_in_no_heading_or_title() -> None:
    text = "Skip to content\n\nHip Facts\n\nWhat It Does knee_img01.png\n\nIt moves the leg.\n"
    leave_out = ({"kind": "image", "from": "knee_img01.png", "to": "knee_img01.png"},)
    article = parse_article("a", text, Source(leave_out=leave_out))
    assert article.title == "Hip Facts"
    assert article.sentences[0].section == ("Hip Facts", "What It Does")


@pytest.mark.parametrize(
    "sources",
    ["articles = 3", "[articles]\na = 3", "[articles.a]\nleave_out = 3", "[articles.a]\ntitle = 3",
     '[articles.a]\n[[articles.a.leave_out]]\nkind = "x"\nfrom = 3',
     '[articles.a]\n[[articles.a.leave_out]]\nkind = "x"\nfrom = " "', "[articles.a"],
)  # fmt: skip
def test_a_wrong_sources_file_is_told(tmp_path: Path, sources: str) -> None:
    (tmp_path / "a.txt").write_text("Hips\n\nHips move the leg.\n", "utf-8")
    (tmp_path / "sources.toml").write_text(sources, "utf-8")
    with pytest.raises(CorpusError, match=r"sources\.toml"):
        load_corpus(tmp_path)


def test_headings_alone_are_no_corpus(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Hips\n\nWhat They Do\n", "utf-8")
    with pytest.raises(CorpusError, match="no sentence"):
        load_corpus(tmp_path)
