"""Files and strings made to break what reads them: only our own errors, in bounded time."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from assistant.bulk import load_vectors
from assistant.citations import cite
from assistant.corpus import read_corpus
from assistant.disagreements import load_disagreements, load_findings
from assistant.documents import apart, read_document
from assistant.documents.tags import MAX_ATTRIBUTES, MAX_IN_LINE, iter_attribute_counts
from assistant.errors import AssistantError, CorpusError, StoreError, UsageError
from assistant.generations import current_generation, read_manifest
from assistant.guardrails import Guardrails
from assistant.lexicon import load_lexicon
from assistant.questions import load_examples, load_questions
from assistant.settings import Serving, Settings
from assistant.sources import load_about, load_sources
from assistant.text import sha256_text
from assistant.texts import TextStore
from assistant.types import Article, Turn
from assistant.verify import verify_export
from tests.conftest import HashingEncoder

SENTENCE = "<p>A frozen shoulder is stiff and sore for a long while, and it eases with time.</p>"
NAMES = " ".join(f"a{n}" for n in range(20_000))
many = hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def our_error(call: Callable[[], object]) -> str:
    """What is told, in one line; empty where nothing is wrong. Any other exception is a failure."""
    said = ""
    try:
        call()
    except AssistantError as error:
        said = str(error)
    assert "\n" not in said
    return said


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("<p>" + "<span>a b</span> " * (MAX_IN_LINE + 1), "tags in a row"),
        ("<p>" + "<font><i>a</i></font> " * MAX_IN_LINE, "tags in a row"),
        (f'<p x=">" {NAMES}>w', "attributes"),
        (f'<p x="<" {NAMES}>w', "attributes"),
        (f"<p {NAMES.replace(' ', '/')}>w", "attributes"),
        ("<p " + NAMES.replace(" ", "=''") + ">w", "attributes"),
        (f"<!--!><p>--><script /><p {NAMES}>w", "attributes"),
        (f"<!-- <script> --><p {NAMES}>w", "attributes"),
        ("<div>" + "<div>a b c.</div>" * 20_000, "elements"),
    ],
    ids=range(9),
)
def test_a_page_that_would_take_minutes_is_refused_at_once(
    tmp_path: Path, page: str, said: str
) -> None:
    path = tmp_path / "x.html"
    path.write_text(SENTENCE + page, "utf-8")
    with pytest.raises(CorpusError, match=said):
        read_document(path)


def pdf_of(content: bytes, form: bytes) -> bytes:
    """A PDF of one page with this content, and a form X that it may draw."""
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R /Resources "
        b"<< /Font << /F 4 0 R >> /XObject << /X 6 0 R >> >> >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Length %d >> stream\n%s\nendstream" % (len(content), content),
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << /XObject "
        b"<< /X 6 0 R >> /Font << /F 4 0 R >> >> /Length %d >> stream\n%s\nendstream"
        % (len(form), form),
    )
    raw = b"%PDF-1.4\n"
    for number, body in enumerate(objects, start=1):
        raw += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    return raw + b"trailer << /Size 7 /Root 1 0 R >>\n%%EOF"


WORDS = b"BT /F 12 Tf 50 700 Td (A hip bends and turns.) Tj ET\n"


@pytest.mark.timeout(120)
def test_a_pdf_that_draws_without_end_is_refused_and_ends_no_process(tmp_path: Path) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(pdf_of(WORDS + b"/X Do", WORDS))
    assert "A hip bends and turns." in read_document(path).text
    path.write_bytes(pdf_of(WORDS + b"/X Do", b"/X Do " + WORDS + b" /X Do"))
    with pytest.raises(CorpusError, match=r"x\.pdf: .*too much time or memory.*\.txt"):
        read_document(path)


def test_a_pdf_may_take_so_much_time_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_CHILD", "import sys\nwhile True: pass")
    monkeypatch.setattr(apart, "MIN_SECONDS", 1)
    monkeypatch.setattr(apart, "_WAIT", 1)
    with pytest.raises(CorpusError, match="too much time"):
        apart.read_pdf_apart(b"%PDF")


def test_scripts_and_comments_have_no_attributes() -> None:
    code = "for(i=0;i<n;i++){ x = a < b " + "c d " * MAX_ATTRIBUTES + "}"
    page = f"<script>{code}</script><!-- <p {'a b ' * 999}> --><STYLE>{code}</STYLE><p a b=c d>"
    assert [count for _, count in iter_attribute_counts(page)] == [0, 0, 0, 0, 3]


@many
@given(
    st.lists(
        st.sampled_from(
            "<p |<a:b | a1| b2| c3=1| d4='x'| e5=\"y\"|\"|'|=|>|/| |<!--|-->|--!>|<!|<?x |]]>|"
            "<![CDATA[|<script>|<script |</script>|<script />|<style>|</style>|<textarea>|"
            "</textarea>|<title>|</title>|<xmp>|</xmp>|<noscript>|</noscript>|<svg>|</svg>|<|</|"
            "<!DOCTYPE |\n|\f|\v|\u00a0|\u0085|İ|<!-->|<!--->|<SCRIPT>|<iframe>|</iframe>".split(
                "|"
            )
        ),
        max_size=25,
    )
)
def test_no_tag_has_more_attributes_than_were_counted(pieces: list[str]) -> None:
    """Against the parser itself: a tag that is not counted would be a way around the limit."""
    from lxml import etree, html

    page = "".join(pieces)
    counted = max((count for _, count in iter_attribute_counts(page)), default=0)
    try:
        found = html.document_fromstring(page.encode(), parser=html.HTMLParser(encoding="utf-8"))
    except etree.LxmlError:
        return
    assert max(len(element.attrib) for element in found.iter("*")) <= counted


TOMLS: tuple[tuple[str, Callable[[Path], object]], ...] = (
    ("sources.toml", lambda folder: (load_sources(folder), load_about(folder))),
    ("disagreements.toml", lambda folder: load_disagreements(folder, {})),
    ("disagreements.toml", lambda folder: load_findings(folder, {})),
    ("lexicon.toml", load_lexicon),
    ("examples.toml", load_examples),
)


@pytest.mark.parametrize(("name", "load"), TOMLS, ids=range(len(TOMLS)))
@pytest.mark.parametrize(
    "content",
    [b"a = " + b"[" * 5000, b"a = 9" + b"9" * 5000, b"\xff", b"a = ", b"\0"],
    ids=range(5),
)
def test_a_file_beside_the_articles_that_is_no_toml_is_told(
    tmp_path: Path, name: str, load: Callable[[Path], object], content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CorpusError, match=rf"{name}: cannot be read .*correct it"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("disagreements.toml", "disagreement = 1\nbeyond = 1"),
        ("disagreements.toml", 'disagreement = ["a"]\nbeyond = ["a"]'),
        ("disagreements.toml", "[disagreement]\nside = 1\n[beyond]\narticle = 1"),
        ("lexicon.toml", "synonyms = 1"),
        ("lexicon.toml", "[[synonyms]]\nsubject = true"),
        ("lexicon.toml", "[[synonyms]]\nwords = [1]"),
        ("examples.toml", 'questions = "abc"'),
        ("examples.toml", "questions = [1]"),
        ("sources.toml", "articles = 1"),
        ("sources.toml", "corpus = 1\narticles = 1"),
    ],
)
def test_toml_of_another_shape_is_told(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    for load in (load for of, load in TOMLS if of == name):
        with pytest.raises(CorpusError, match=name):
            load(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000,
        "9" * 5000,
        '{"question": "a \\ud800", "article": null, "why": "x"}',
        '{"question": "a", "article": ["a"]}',
        '["question"]',
    ],
    ids=range(5),
)
def test_a_line_of_questions_that_cannot_be_used_is_told(tmp_path: Path, line: str) -> None:
    (tmp_path / "questions.jsonl").write_text(line, "utf-8")
    with pytest.raises(CorpusError, match=r"questions\.jsonl:1: .*; correct the line"):
        load_questions(tmp_path, {})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from("id quote sha256 statements citations text generator x".split()), inner
        )
    ),
    max_leaves=12,
)
KNOWN = "gluteus-medius-rehab:763-851"


@many
@given(rows=JSON, generator=st.sampled_from(["extractive", "rephrase: x", 5]))
def test_any_json_is_an_export_or_an_error(
    tmp_path: Path, articles: dict[str, Article], rows: Any, generator: Any
) -> None:
    path = tmp_path / "export.json"
    answer = {"statements": rows, "citations": [{"id": KNOWN, "quote": "x"}]}
    path.write_text(json.dumps([rows, {**answer, "generator": generator}]), "utf-8")
    our_error(lambda: verify_export(path, articles))


@pytest.mark.parametrize("statement", [None, "x", 5, {"text": "x"}, {"text": "x", "citations": 5}])
def test_a_statement_that_is_none_is_a_quote_that_fails(
    tmp_path: Path, articles: dict[str, Article], statement: Any
) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps({"statements": [statement], "generator": "rephrase: x"}), "utf-8")
    assert [quote.problem != "" for quote in verify_export(path, articles)] == [True]


@many
@given(st.text(max_size=60) | st.from_regex(r"[a-z-]{1,20}:\d{1,12}-\d{1,12}(@[0-9a-f]{8})?"))
def test_any_string_is_a_citation_or_an_error(articles: dict[str, Article], text: str) -> None:
    our_error(lambda: cite(articles, text))


@many
@given(
    st.dictionaries(
        st.sampled_from([*Settings.__dataclass_fields__, *Serving.__dataclass_fields__]),
        st.text(st.characters(exclude_characters="\0"), max_size=20)
        | st.sampled_from(["nan", "-1", "1e400", "~nobody/x", "yes", "x" * 9999, "9" * 5000]),
    )
)
def test_any_environment_makes_settings_or_an_error(values: dict[str, str]) -> None:
    environ = {f"ASSISTANT_{name.upper()}": value for name, value in values.items()}
    our_error(lambda: Settings.from_environment(environ).index_folder)
    our_error(lambda: Serving.from_environment(environ).on("127.0.0.1"))


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"../x", b"x" * 5000, b"[" * 100_000, b"{}", b"[]", b"5"]
)
def test_any_bytes_in_an_index_are_told(tmp_path: Path, content: bytes) -> None:
    for name in ("current", "manifest.json", "texts/00000000-0.json"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    for call in (
        lambda: current_generation(tmp_path),
        lambda: read_manifest(tmp_path),
        lambda: TextStore(tmp_path).earlier("x", "00000000"),
    ):
        with pytest.raises(StoreError, match="run `knee-hip ingest --force`"):
            call()


def test_vectors_that_would_fill_the_memory_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("sha256.npy", bytes(60_000_000))
    with pytest.raises(UsageError, match="would unpack to 60000000 bytes"):
        load_vectors(path, ["a"], HashingEncoder())
    np.savez(path, sha256=np.array([sha256_text("a")]), vectors=np.ones((1, 64), np.float32))
    huge = b"{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999, 64), }".ljust(117)
    with zipfile.ZipFile(path) as file:
        hashes = file.read("sha256.npy")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("sha256.npy", hashes)
        file.writestr("vectors.npy", b"\x93NUMPY\x01\x00\x76\x00" + huge + b"\n")
    with pytest.raises(UsageError, match="cannot be read"):
        load_vectors(path, ["a"], HashingEncoder())


@many
@given(data=st.data())
def test_a_damaged_file_of_vectors_is_told(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "v.npz"
    np.savez_compressed(
        path, sha256=np.array([sha256_text("a")]), vectors=np.eye(1, 64, dtype=np.float32)
    )
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    encoder = HashingEncoder()
    said = our_error(lambda: load_vectors(path, ["a"], encoder))
    assert said.startswith(str(path)) or not said


@pytest.mark.parametrize(
    ("question", "history"),
    [
        ("my knee has hurt for ➋ days", ()),
        ("aged ²², is ① m, 5² years old", ()),
        ("what helps?", (Turn("user", "⟅⥂➂➄⮌ since ➋ weeks ago"),)),
        ("୨ weeks ago, aged ४५, ٣ months", ()),
    ],
)
def test_digits_of_every_script_are_read_or_passed_over(
    question: str, history: tuple[Turn, ...]
) -> None:
    assert Guardrails().screen(question, history).rest is not None


def test_names_of_files_lead_nowhere_else(tmp_path: Path) -> None:
    """A corpus is what lies in its folder: an id or an entry with dots names nothing outside."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    (tmp_path / "outside.txt").write_text("Outside\n\nNobody may read this here.\n", "utf-8")
    (folder / "hip.txt").write_text("Hips\n\nA hip bends and turns a lot.\n", "utf-8")
    (folder / "sources.toml").write_text('[articles."../outside"]\ntitle = "Outside"\n', "utf-8")
    corpus = read_corpus(folder)
    assert list(corpus.articles) == ["hip"]
    for asked in ("../outside:0-7", "/etc/passwd:0-7", "..%2foutside:0-7@00000000"):
        assert "no article" in our_error(lambda asked=asked: cite(corpus.articles, asked))
