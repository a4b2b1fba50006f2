"""Which files are articles, what is said of those that are not, and what becomes of old texts."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from assistant.articles import parse_article
from assistant.bulk import load_vectors, save_texts
from assistant.citations import cite
from assistant.cli import main
from assistant.corpus import load_corpus, read_corpus
from assistant.documents import Document
from assistant.errors import (
    CitationChangedError,
    CitationError,
    CorpusError,
    StoreError,
    UsageError,
)
from assistant.generations import current_generation
from assistant.ingest import ingest, make_plan
from assistant.opening import open_index
from assistant.settings import Settings
from assistant.text import sha256_text
from assistant.texts import TextStore
from assistant.verify import verify_export
from tests.conftest import HashingEncoder

TEXT = "Hips\n\nHips move the leg. They carry the body.\n"


def write(folder: Path, **files: str) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text, "utf-8")


@pytest.mark.parametrize(
    ("name", "article_id"),
    [("my article.txt", "my-article"), ("a:b.txt", "a-b"), ("a@b.txt", "a-b"),
     ("deep/er/knee.txt", "deep-er-knee"), ("Knie é.txt", "Knie-é")],
)  # fmt: skip
def test_any_file_name_gives_an_id_that_a_citation_can_carry(
    tmp_path: Path, name: str, article_id: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TEXT, "utf-8")
    articles = load_corpus(tmp_path)
    assert list(articles) == [article_id]
    sentence = articles[article_id].sentences[0]
    assert cite(articles, sentence.span.id).citation.quote == "Hips move the leg."


def test_one_file_is_a_corpus(tmp_path: Path) -> None:
    write(tmp_path, hips=TEXT, other=TEXT)
    assert list(load_corpus(tmp_path / "hips.txt")) == ["hips"]


def test_hidden_files_and_readmes_are_no_articles(tmp_path: Path) -> None:
    write(tmp_path, hips=TEXT, README=TEXT)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "notes.txt").write_text(TEXT, "utf-8")
    assert list(load_corpus(tmp_path)) == ["hips"]


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    write(tmp_path, hips=TEXT)
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self.txt").symlink_to(tmp_path / "self.txt")
    corpus = read_corpus(tmp_path)
    assert list(corpus.articles) == ["hips"]
    assert list(corpus.failed) == ["self.txt"]


def test_linked_folders_are_read_once(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "corpus", tmp_path / "elsewhere"
    for home in (folder / "b", elsewhere):
        home.mkdir(parents=True)
    write(folder / "b", hips=TEXT)
    write(elsewhere, knees=TEXT.replace("Hips", "Knees"))
    (elsewhere / "back").symlink_to(tmp_path, target_is_directory=True)
    (folder / "a").symlink_to(folder / "b", target_is_directory=True)
    (folder / "c").symlink_to(elsewhere, target_is_directory=True)
    (folder / "d").symlink_to(elsewhere, target_is_directory=True)
    assert list(read_corpus(folder).articles) == ["b-hips", "c-knees"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.txt", b"", "empty"),
        ("binary.txt", b"a\0b", "binary"),
        ("latin.txt", b"caf\xe9", "not UTF-8 at byte 3"),
        ("old.doc", b"x", "no format that is read"),
        ("HIPS.txt", TEXT.encode(), "the same id"),
        ("folder.txt/", b"", ""),
    ],
)
def test_a_file_that_fails_is_named_and_the_others_are_read(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    write(tmp_path, hips=TEXT, knees=TEXT.replace("Hips", "Knees"))
    if name.endswith("/"):
        (tmp_path / name).mkdir()
        assert not read_corpus(tmp_path).failed
        return
    (tmp_path / name).write_bytes(content)
    corpus = read_corpus(tmp_path)
    assert "knees" in corpus.articles
    assert name in corpus.failed
    assert said in str(corpus.failed[name])
    with pytest.raises(CorpusError):
        load_corpus(tmp_path)


def test_an_ingest_goes_on_without_a_file_that_fails_unless_strict(
    small_settings: Settings,
) -> None:
    (small_settings.corpus / "bad.txt").write_bytes(b"\xff")
    with pytest.raises(CorpusError, match=r"bad\.txt"):
        ingest(small_settings, HashingEncoder(), strict=True)
    assert current_generation(small_settings.index_folder) is None
    report = ingest(small_settings, HashingEncoder())
    assert report.articles == 2
    assert list(report.failed) == ["bad.txt"]
    assert len(open_index(small_settings, HashingEncoder()).passages) == 6


def test_where_every_file_fails_the_index_in_use_stays(small_settings: Settings) -> None:
    ingest(small_settings, HashingEncoder())
    before = current_generation(small_settings.index_folder)
    for path in small_settings.corpus.iterdir():
        path.write_bytes(b"\0")
    with pytest.raises(CorpusError, match=r"elbow\.txt.*wrist\.txt"):
        ingest(small_settings, HashingEncoder())
    assert current_generation(small_settings.index_folder) == before


def test_an_article_that_cannot_be_read_any_more_is_told_with_its_reason(
    small_settings: Settings,
) -> None:
    ingest(small_settings, HashingEncoder())
    (small_settings.corpus / "wrist.txt").write_bytes(b"\xff")
    with pytest.raises(StoreError, match=r"wrist changed.*not UTF-8"):
        open_index(small_settings, HashingEncoder())


def test_a_file_that_changes_while_it_is_read_leaves_the_index_in_use(
    small_settings: Settings,
) -> None:
    ingest(small_settings, HashingEncoder())
    before = current_generation(small_settings.index_folder)
    path = small_settings.corpus / "wrist.txt"
    path.write_text(path.read_text("utf-8") + "\nWrists bend.\n", "utf-8")

    class Editing(HashingEncoder):
        def encode(self, texts):  # type: ignore[no-untyped-def]
            path.write_text("Wrists\n\nOther words.\n", "utf-8")
            return super().encode(texts)

    with pytest.raises(CorpusError, match="wrist changed while"):
        ingest(small_settings, Editing())
    assert current_generation(small_settings.index_folder) == before
    assert ingest(small_settings, HashingEncoder()).built


def test_a_plan_says_what_would_be_done_and_does_nothing(small_settings: Settings) -> None:
    encoder = HashingEncoder()
    first = make_plan(small_settings, encoder)
    assert not small_settings.index_folder.exists()
    assert first.report(built=False).added == ("elbow", "wrist")
    ingest(small_settings, encoder)
    assert make_plan(small_settings, encoder).unchanged
    path = small_settings.corpus / "wrist.txt"
    path.write_text(path.read_text("utf-8").replace("A splint", "A soft splint"), "utf-8")
    (small_settings.corpus / "elbow.txt").unlink()
    encoded = len(encoder.encoded)
    report = make_plan(small_settings, encoder).report(built=False)
    assert (report.changed, report.removed, report.embedded) == (("wrist",), ("elbow",), 1)
    assert len(encoder.encoded) == encoded


def test_what_the_format_says_of_headings_is_followed() -> None:
    text = "Shoulders\n\nmoving them\n\nThey turn.\n\nNot A Heading\n\nThey lift.\n"
    document = Document(
        text, title="Shoulders", author="A. Writer", headings=((0, 1), (11, 2)), structured=True
    )
    article = parse_article("s", text, None, document)
    assert article.author == "A. Writer"
    sections = {article.quote(s.span): s.section for s in article.sentences}
    assert sections["They turn."][-1] == "moving them"
    assert sections["They lift."][-1] == "moving them"
    assert "Not A Heading" in sections


def test_a_citation_of_a_text_with_pages_names_the_page() -> None:
    text = "Shoulders\n\nThey turn.\n\nThey lift.\n"
    pages = (0, text.index("They lift"))
    article = parse_article("s", text, None, Document(text, pages=pages))
    pages_cited = [
        cite({"s": article}, s.span.id).citation.page for s in article.sentences if s.quotable
    ]
    assert pages_cited[-2:] == [1, 2]


def changed(settings: Settings, old: str, new: str) -> None:
    path = settings.corpus / "wrist.txt"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    ingest(settings, HashingEncoder())


def old_id(settings: Settings, words: str) -> str:
    article = load_corpus(settings.corpus)["wrist"]
    start = article.text.index(words)
    return f"wrist:{start}-{start + len(words)}@{article.sha256[:8]}"


def test_an_old_id_finds_the_same_words_at_their_new_place(small_settings: Settings) -> None:
    ingest(small_settings, HashingEncoder())
    id_ = old_id(small_settings, "A splint keeps it straight.")
    texts = TextStore(small_settings.index_folder)
    for new in ("A very sore wrist", "An extremely sore wrist"):
        changed(small_settings, "A sore wrist" if new[0:2] == "A " else "A very sore wrist", new)
        context = cite(load_corpus(small_settings.corpus), id_, texts)
        assert context.citation.quote == "A splint keeps it straight."
        assert context.moved_from == id_


def test_an_old_id_of_changed_words_says_what_they_were_and_are(small_settings: Settings) -> None:
    ingest(small_settings, HashingEncoder())
    id_ = old_id(small_settings, "A splint keeps it straight.")
    changed(small_settings, "A splint keeps it straight", "A soft splint keeps it straight")
    texts = TextStore(small_settings.index_folder)
    with pytest.raises(CitationChangedError, match="A soft splint") as error:
        cite(load_corpus(small_settings.corpus), id_, texts)
    assert error.value.was == "A splint keeps it straight."
    assert error.value.now == "A soft splint keeps it straight."
    with pytest.raises(CitationError, match="no text of that time"):
        cite(load_corpus(small_settings.corpus), id_.split("@")[0] + "@00000000", texts)


def test_old_text_that_was_left_out_is_never_shown(small_settings: Settings) -> None:
    path = small_settings.corpus / "wrist.txt"
    path.write_text(path.read_text("utf-8") + "\n2 thoughts on “Wrists”\n\nI am Bob.\n", "utf-8")
    ingest(small_settings, HashingEncoder())
    id_ = old_id(small_settings, "I am Bob.")
    changed(small_settings, "2 thoughts on “Wrists”\n\n", "")
    with pytest.raises(CitationError) as error:
        cite(load_corpus(small_settings.corpus), id_, TextStore(small_settings.index_folder))
    assert "Bob" not in str(error.value)


def test_an_export_says_which_quotes_have_changed_since(
    small_settings: Settings, tmp_path: Path
) -> None:
    ingest(small_settings, HashingEncoder())
    article = load_corpus(small_settings.corpus)["wrist"]
    rows = [
        {"id": s.span.id, "quote": article.quote(s.span), "sha256": article.sha256}
        for s in article.sentences
        if s.quotable
    ]
    rows.append({**rows[0], "quote": "Never said."})
    export = tmp_path / "export.json"
    export.write_text(json.dumps(rows), "utf-8")
    changed(small_settings, "A sore wrist often comes", "A sore wrist sometimes comes")
    texts = TextStore(small_settings.index_folder)
    problems = [r.problem for r in verify_export(export, load_corpus(small_settings.corpus), texts)]
    assert "sometimes" in problems[-3]
    assert "same words now stand at" in problems[-2]
    assert "did not say that" in problems[-1]


def test_a_stored_text_that_was_changed_is_found_and_mended(small_settings: Settings) -> None:
    ingest(small_settings, HashingEncoder())
    path = min((small_settings.index_folder / "texts").iterdir())
    whole = path.read_bytes()
    chance = random.Random(3)
    for _ in range(40):
        at = chance.randrange(len(whole))
        flipped = bytes([whole[at] ^ (1 << chance.randrange(8))])
        path.write_bytes(whole[:at] + flipped + whole[at + 1 :])
        with pytest.raises(StoreError):
            open_index(small_settings, HashingEncoder())
    assert ingest(small_settings, HashingEncoder()).built
    assert open_index(small_settings, HashingEncoder())


def test_vectors_computed_elsewhere_are_taken_and_others_refused(
    small_settings: Settings, tmp_path: Path
) -> None:
    encoder = HashingEncoder()
    plan = make_plan(small_settings, encoder)
    count = save_texts(tmp_path / "texts.jsonl", plan.to_embed)
    rows = [json.loads(line) for line in (tmp_path / "texts.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) == count
    hashes = np.array([row["sha256"] for row in rows])
    assert hashes[0] == sha256_text(rows[0]["text"])
    vectors = encoder.encode([row["text"] for row in rows])
    np.savez(tmp_path / "right.npz", sha256=hashes, vectors=vectors)
    report = ingest(small_settings, HashingEncoder(), vectors=tmp_path / "right.npz")
    assert report.embedded == 0
    assert report.carried_over == count
    np.savez(tmp_path / "wrong.npz", sha256=hashes, vectors=vectors[::-1])
    (tmp_path / "none.npz").write_bytes(b"PK nothing")
    np.savez(tmp_path / "short.npz", sha256=hashes, vectors=vectors[:, :3])
    for name in ("wrong", "none", "short", "missing"):
        with pytest.raises(UsageError, match=name):
            load_vectors(tmp_path / f"{name}.npz", plan.to_embed, encoder)


def test_the_command_names_each_file_that_failed_and_exits_with_1(small_settings: Settings) -> None:
    (small_settings.corpus / "bad.txt").write_bytes(b"\xff")
    done = subprocess.run(
        [sys.executable, "-m", "assistant", "ingest", str(small_settings.corpus), "--dry-run",
         "--json"],
        capture_output=True,
        text=True,
        env={**os.environ, "ASSISTANT_DATA": str(small_settings.data)},
        check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "bad.txt: not UTF-8 at byte 0" in done.stderr
    facts = json.loads(done.stdout)
    assert facts["articles"] == 2
    assert not small_settings.data.exists()


def test_words_that_are_now_part_of_a_longer_sentence_have_changed(
    small_settings: Settings,
) -> None:
    path = small_settings.corpus / "wrist.txt"
    path.write_text("Wrists\n\n• bend the wrist for hours\n• rest it\n", "utf-8")
    ingest(small_settings, HashingEncoder())
    id_ = old_id(small_settings, "bend the wrist for hours")
    changed(small_settings, "bend the wrist for hours", "do not bend the wrist for hours")
    with pytest.raises(CitationChangedError, match="do not bend"):
        cite(load_corpus(small_settings.corpus), id_, TextStore(small_settings.index_folder))


def test_old_words_that_are_left_out_today_are_not_shown(small_settings: Settings) -> None:
    ingest(small_settings, HashingEncoder())
    id_ = old_id(small_settings, "A splint keeps it straight.")
    (small_settings.corpus / "sources.toml").write_text(
        '[articles.wrist]\n[[articles.wrist.leave_out]]\nkind = "an offer"\n'
        'from = "A splint"\nto = "straight."\n',
        "utf-8",
    )
    changed(small_settings, "often comes", "mostly comes")
    with pytest.raises(CitationError, match="never shown") as error:
        cite(load_corpus(small_settings.corpus), id_, TextStore(small_settings.index_folder))
    assert "splint" not in str(error.value)


def test_what_lies_beside_the_articles_may_not_change_meanwhile(small_settings: Settings) -> None:
    class Editing(HashingEncoder):
        def encode(self, texts):  # type: ignore[no-untyped-def]
            (small_settings.corpus / "sources.toml").write_text(
                '[articles.wrist]\nrules_off = ["sales"]\n', "utf-8"
            )
            return super().encode(texts)

    with pytest.raises(CorpusError, match=r"sources\.toml changed while"):
        ingest(small_settings, Editing())
    assert current_generation(small_settings.index_folder) is None


def test_a_name_that_is_no_text_and_a_file_that_is_none_are_named(tmp_path: Path) -> None:
    write(tmp_path, hips=TEXT)
    os.mkfifo(tmp_path / "pipe.txt")
    with open(os.fsencode(tmp_path) + b"/inv\xff.txt", "w", encoding="utf-8") as file:
        file.write(TEXT)
    corpus = read_corpus(tmp_path)
    assert list(corpus.articles) == ["hips"]
    reasons = " ".join(map(str, corpus.failed.values()))
    assert "no regular file" in reasons
    assert "not UTF-8; rename it" in reasons


def test_what_is_written_about_an_article_that_fails_is_passed_over(
    small_settings: Settings,
) -> None:
    rows = [
        {"question": "what helps a wrist?", "article": "wrist", "quote": "A splint keeps it "},
        {"question": "what is tennis elbow?", "article": "elbow", "quote": "Tennis elbow is pain"},
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (small_settings.corpus / "questions.jsonl").write_text(lines, "utf-8")
    (small_settings.corpus / "wrist.txt").write_bytes(b"\xff")
    report = ingest(small_settings, HashingEncoder())
    assert (report.articles, report.questions) == (1, 1)


def test_one_file_as_a_corpus_follows_the_sources_beside_it(tmp_path: Path) -> None:
    write(tmp_path, hips=TEXT, knees=TEXT)
    (tmp_path / "sources.toml").write_text(
        '[articles.hips]\nauthor = "A. Writer"\n[articles.knees]\nauthor = "B."\n', "utf-8"
    )
    corpus = read_corpus(tmp_path / "hips.txt")
    assert corpus.articles["hips"].author == "A. Writer"
    assert not corpus.failed


def test_a_damaged_earlier_text_costs_no_vector(small_settings: Settings) -> None:
    ingest(small_settings, HashingEncoder())
    before = set((small_settings.index_folder / "texts").iterdir())
    changed(small_settings, "A splint", "A soft splint")
    names = {text.name for text in read_corpus(small_settings.corpus).texts.values()}
    (old,) = (path for path in before if path.name not in names)
    old.write_bytes(old.read_bytes()[:-5])
    path = small_settings.corpus / "wrist.txt"
    path.write_text(path.read_text("utf-8").replace("soft", "hard"), "utf-8")
    assert ingest(small_settings, HashingEncoder()).embedded == 1


def test_an_empty_path_is_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["ingest", ""])
    assert stopped.value.code == 2
    assert "name a folder" in capsys.readouterr().err
