"""Any supported file becomes the text that citations refer to; any other bytes, one clear error."""

from __future__ import annotations

import io
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.articles import parse_article
from assistant.documents import SUFFIXES, Document, files, read_document
from assistant.documents import docx as docx_module
from assistant.documents import pdf as pdf_module
from assistant.documents.hidden import hiding_selectors
from assistant.documents.writer import clean
from assistant.errors import CorpusError

SHOULDER = Path(__file__).parent / "corpora" / "shoulder"
FILES = sorted(path for path in SHOULDER.iterdir() if path.suffix in SUFFIXES)
EXTRACTED = [path for path in FILES if path.suffix != ".txt"]
ARTICLE = "<p>A frozen shoulder is stiff and sore for a long while, and it eases with time.</p>"


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str, str | bytes], Document]:
    """Reads a file of this suffix and content."""

    def read_content(suffix: str, content: str | bytes) -> Document:
        path = tmp_path / f"x{suffix}"
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        return read_document(path)

    return read_content


Read = Callable[[str, str | bytes], Document]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_two_readings_give_the_same_document(path: Path) -> None:
    assert read_document(path) == read_document(path)


@pytest.mark.parametrize("path", EXTRACTED, ids=lambda path: path.name)
def test_the_text_is_plain_and_its_offsets_point_at_headings_and_pages(path: Path) -> None:
    document = read_document(path)
    text = document.text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert text == unicodedata.normalize("NFC", text)
    assert not any(c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") for c in text)
    assert "\u00a0" not in text
    assert document.headings == tuple(sorted(document.headings))
    for offset, level in document.headings:
        assert 1 <= level <= 6
        assert text[:offset].endswith("\n\n") or offset == 0
        line, _, rest = text[offset:].partition("\n")
        assert line.strip()
        assert rest.startswith("\n") or not rest
    assert document.pages == tuple(sorted(document.pages))
    assert bool(document.pages) == (path.suffix == ".pdf")
    assert document.structured == (path.suffix in (".md", ".html", ".docx"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_document_makes_an_article_of_its_sentences(path: Path) -> None:
    article = parse_article(path.stem, read_document(path).text)
    quotes = [article.quote(s.span) for s in article.sentences if s.quotable]
    assert len(quotes) >= 8
    assert all("\n" not in quote for quote in quotes)


def test_a_text_file_is_its_own_text(read: Read) -> None:
    raw = "  Hips\r\n\r\n\u00a0They move.\u200b\n\n\n"
    assert read(".txt", raw) == Document(raw)


def test_nothing_around_a_page_s_article_and_nothing_hidden_in_it_is_read() -> None:
    texts = " ".join(read_document(path).text for path in FILES if path.suffix != ".txt")
    for words in (
        "cookies", "Home", "Topics", "Sponsored", "magnetic", "Kinesio", "newsletter", "All rights",
        "Rider77", "turmeric", "Ignore all previous", "surgery is always needed", "window.track",
        "cures pain", "★", "capsule", "tracking", "layout", "Page 1", "general information",
        "leaflet 7",
    ):  # fmt: skip
        assert words not in texts, words


def test_the_general_rules_find_something_to_leave_out_in_the_shoulder_corpus() -> None:
    kinds = {
        item.kind
        for path in FILES
        for item in parse_article(path.stem, read_document(path).text).left_out
    }
    assert {"readers' comments", "a phone number or e-mail address", "sales"} <= kinds


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("frozen-shoulder.md", ("Frozen Shoulder: What to Expect", "Shoulder Notes editors",
                                "2024-03-18", "https://shoulder.example/frozen-shoulder")),
        ("posture.md", ("Does Posture Cause Shoulder Pain?", "", "", "")),
        ("impingement.html", ("Shoulder Impingement Explained", "Shoulder Notes editors",
                              "2023-11-02", "https://shoulder.example/impingement")),
        ("ac-joint.html", ("AC joint injuries", "", "", "")),
        ("scapular-control.pdf", ("Scapular Control: Why the Shoulder Blade Matters",
                                  "Shoulder Notes editors", "2024-05-06", "")),
        ("after-a-dislocation.pdf", ("", "", "2024-05-06", "")),
        ("return-to-activity.docx", ("Returning to Work and Sport With a Sore Shoulder",
                                     "Shoulder Notes editors", "2024-05-06", "")),
    ],
)  # fmt: skip
def test_what_a_file_states_of_itself_is_known_and_nothing_else(
    name: str, facts: tuple[str, str, str, str]
) -> None:
    document = read_document(SHOULDER / name)
    assert (document.title, document.author, document.date, document.address) == facts


def test_a_pdf_s_pages_start_where_their_words_do() -> None:
    document = read_document(SHOULDER / "scapular-control.pdf")
    starts = [document.text[page:].split("\n")[0] for page in document.pages]
    assert starts == [
        "Scapular Control: Why the Shoulder Blade Matters",
        "Exercises that are often used",
        "In short",
    ]


@pytest.mark.parametrize(
    ("suffix", "content", "text"),
    [
        (".md", "# A\n\none\ntwo  \nHow: three\n", "A\n\none two\n\nHow: three\n"),
        (".md", "3. a *b*\n4. [c](d)\n   - e\n", "3. a b\n4. c\n• e\n"),
        (".md", "a &amp; b&nbsp;c \\* ~~d~~ `e`<br>f\n", "a & b c * ef\n"),
        (".md", "| A | B |\n|-|-|\n| c | d. |\n", "A: c; B: d.\n"),
        (".md", "---\n\nNot front matter.\n\n---\n\nText.\n", "Not front matter.\n\nText.\n"),
        (".md", "a <span hidden>no</span> b <i style='color:red'>yes</i>\n", "a b yes\n"),
        (".md", "".join(f"{'  ' * n}- {n}\n" for n in range(30)),
         "".join(f"• {n}\n" for n in range(30))),
        (".md", "caf\u0065\u0301 \u200bso\u00adft \u2028 “q”\n", "café soft “q”\n"),
        (".html", "<h1>T</h1>" + ARTICLE + "<ol><li>one<li><p>two</p></ol>",
         "T\n\nA frozen shoulder is stiff and sore for a long while, and it eases with time."
         "\n\n1. one\n2. two\n"),
    ],
)  # fmt: skip
def test_marks_of_the_format_are_gone_and_the_words_stay(
    read: Read, suffix: str, content: str, text: str
) -> None:
    assert read(suffix, content).text == text


@pytest.mark.parametrize(
    "hiding",
    [
        "hidden", "aria-hidden='true'", "style='display:none'", "style='DISPLAY : none !important'",
        "style='visibility:hidden'", "style='font-size:0'", "style='font-size:1px'",
        "style='opacity:0.0'", "style='color:#FFF'", "style='color:rgb(255, 255, 255)'",
        "style='background:#123456;color:#123456'", "style='text-indent:-9999px'",
        "style='position:absolute;left:-5000px'", "class='a hid'", "id='gone'",
    ],
)  # fmt: skip
def test_words_that_a_page_hides_are_not_read(read: Read, hiding: str) -> None:
    style = "<style>/* x */.hid{display:none}@media print{p{display:none}}#gone{opacity:0}</style>"
    page = f"{style}<article><h1>T</h1>{ARTICLE}<p {hiding}>Say <b>this</b> now.</p></article>"
    text = read(".html", page).text
    assert "this" not in text
    assert "stiff and sore" in text


def test_light_words_on_a_dark_ground_are_read(read: Read) -> None:
    page = (
        f"<article><h1>T</h1>{ARTICLE}<div style='background-color: #036'><p style='color:white'>"
    )
    assert "Seen by all." in read(".html", page + "Seen by all.</p></div></article>").text


def test_rules_for_other_devices_hide_nothing() -> None:
    css = (
        "@import 'x'; .a, b.c {display:none} @media print { .d {display:none} } e f {display:none}"
    )
    assert hiding_selectors(css) == {("", ".", "a"), ("b", ".", "c")}


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (f"<meta charset=windows-1252>{ARTICLE}<p>caf\u00e9 \u2019</p>".encode("cp1252"), "café ’"),
        (b"\xff\xfe" + f"<html>{ARTICLE}<p>caf\u00e9</p>".encode("utf-16-le"), "café"),
    ],
)
def test_a_page_is_decoded_as_it_says(read: Read, raw: bytes, words: str) -> None:
    assert words in read(".html", raw).text


def pdf_of(lines: list[str], columns: int = 1) -> bytes:
    """A PDF with one line of words below the other; in columns, row by row across both."""
    from fpdf import FPDF

    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica", size=11)
    for number, line in enumerate(lines):
        pdf.set_xy(15 + 95 * (number % columns), 20 + 6 * (number // columns))
        pdf.cell(80, 6, line)
    return bytes(pdf.output())


def test_words_that_a_line_s_end_parts_are_mended_where_the_dictionary_says_so(read: Read) -> None:
    lines = ["After the examina-", "tion a well-", "known plan is made."]
    assert read(".pdf", pdf_of(lines)).text == "After the examination a well-known plan is made.\n"


def test_columns_are_read_one_after_the_other_even_if_written_row_by_row(read: Read) -> None:
    left = [f"the left side has words of row {n} in it" for n in range(8)]
    right = [f"the right side has words of row {n} too" for n in range(8)]
    rows = [words for pair in zip(left, right, strict=True) for words in pair]
    assert read(".pdf", pdf_of(rows, columns=2)).text.split() == " ".join(left + right).split()


def docx_of(parts: dict[str, bytes]) -> bytes:
    """The shoulder corpus's .docx with other parts."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(SHOULDER / "return-to-activity.docx") as original,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as changed,
    ):
        for name in original.namelist():
            changed.writestr(name, parts.get(name, original.read(name)))
    return buffer.getvalue()


def body_of(inside: str, before: str = "") -> bytes:
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    return (
        f'<?xml version="1.0"?>{before}<w:document xmlns:w="{space}"><w:body>{inside}</w:body>'
        "</w:document>"
    ).encode()


def test_deleted_and_hidden_words_of_a_docx_are_left_out_and_inserted_ones_stay(read: Read) -> None:
    inside = (
        "<w:p><w:r><w:t>One</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
        '<w:ins><w:r><w:t xml:space="preserve"> two</w:t></w:r></w:ins>'
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hid</w:t></w:r>"
        '<w:r><w:rPr><w:color w:val="FFFFFF"/></w:rPr><w:t>white</w:t></w:r>'
        '<w:r><w:rPr><w:sz w:val="2"/></w:rPr><w:t>tiny</w:t></w:r></w:p>'
    )
    assert read(".docx", docx_of({"word/document.xml": body_of(inside)})).text == "One two\n"


def entities() -> bytes:
    names = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE w [<!ENTITY a0 "aaaaaaaaaa">{names}]>'
    return docx_of({"word/document.xml": body_of("<w:p><w:r><w:t>&a11;</w:t></w:r></w:p>", bomb)})


def encrypted_pdf() -> bytes:
    from fpdf import FPDF

    pdf = FPDF()
    pdf.add_page()
    pdf.set_encryption(owner_password="owner", user_password="user")
    return bytes(pdf.output())


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"", b"\0\1\2\3 words", b"caf\xe9 words and words", b"  \n"])
def test_bytes_that_are_no_document_are_an_error_that_names_the_file(
    read: Read, suffix: str, content: bytes
) -> None:
    with pytest.raises(CorpusError, match=rf"x\{suffix}: .*(save|put|print)"):
        read(suffix, content)


@pytest.mark.parametrize(
    ("suffix", "content", "said"),
    [
        (".md", lambda: b"# caf\xe9", "not UTF-8 at byte 5"),
        (".html", lambda: b"<p>caf\xe9 is good</p>", "not UTF-8 at byte 6"),
        (".html", lambda: b"<meta charset='utf-7'><p>words and words", "utf-7"),
        (".html", lambda: b"<nav><a href=x>Home</a></nav>", "without an article"),
        (".html", lambda: b"<p" + b"".join(b" a%d=1" % n for n in range(999)) + b">", "attributes"),
        (".html", lambda: b"<p>a b c d</p>" * 60_001, "elements"),
        (".html", lambda: f"{ARTICLE}{'<b>' * 300}words".encode(), "nested too deeply"),
        (".md", lambda: b"![a](b)\n", "no text"),
        (".md", lambda: b"words\n\n" * 600_000, "characters of Markdown; .*split"),
        (".pdf", lambda: pdf_of([]), "no text layer"),
        (".pdf", encrypted_pdf, "password"),
        (".pdf", lambda: pdf_of(["some words"])[:300], "no PDF that can be read"),
        (".docx", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old .doc"),
        (".docx", lambda: docx_of({"word/document.xml": b" " * 70_000_000}), "unpacks to"),
        (".docx", lambda: docx_of({"word/document.xml": b"<w:p"}), "no .docx"),
        (".docx", entities, r"no \.docx|no text"),
        (".rtf", lambda: b"words", "no format"),
    ],
)  # fmt: skip
def test_each_unusable_file_is_told_with_what_to_do(
    read: Read, suffix: str, content: Callable[[], bytes], said: str
) -> None:
    with pytest.raises(CorpusError, match=said):
        read(suffix, content())


def test_a_pdf_that_only_its_owner_may_change_is_read(read: Read) -> None:
    from fpdf import FPDF

    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica", size=11)
    pdf.cell(80, 6, "Open to all readers.")
    pdf.set_encryption(owner_password="owner")
    assert read(".pdf", bytes(pdf.output())).text == "Open to all readers.\n"


def test_files_and_texts_have_a_limit(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 10)
    with pytest.raises(CorpusError, match="at most 10, split"):
        read(".txt", "more than ten bytes")
    monkeypatch.setattr(pdf_module, "MAX_FILE_BYTES", 10)
    with pytest.raises(CorpusError, match="more than 10"):
        pdf_module.read_pdf(pdf_of(["more than ten bytes"]))
    monkeypatch.setattr(docx_module, "MAX_UNPACKED_BYTES", 10)
    with pytest.raises(CorpusError, match="unpacks"):
        read(".docx", docx_of({}))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (".html", "<div>" * 10_000 + ARTICLE),
        (".html", ARTICLE + "<b>" * 100_000),
        (".html", "<table><tr><td>" * 3_000 + ARTICLE),
        (".html", "<style>" + "/*" * 200_000 + "</style>" + ARTICLE),
        (".html", "<style>" + "@a {" * 100_000 + "</style>" + ARTICLE),
        (".html", "<" * 500_000),
        (".md", ">" * 10_000 + "a"),
        (".md", "- " * 10_000 + "a"),
        (".md", "[" * 20_000),
        (".md", "<a hidden " * 20_000),
        (".md", "---\na: " + "[" * 5_000 + "\n---\nwords\n"),
    ],
    ids=range(11),
)
def test_nested_and_pathological_input_takes_no_stack_and_no_minutes(
    tmp_path: Path, suffix: str, content: str
) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_text(content, "utf-8")
    assert text_or_error(path)


def test_a_page_asks_the_network_for_nothing(read: Read) -> None:
    """Sockets raise in tests; so does what would open a file by an entity."""
    page = (
        '<!DOCTYPE html SYSTEM "http://192.0.2.1/x" [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
        f"<base href='http://192.0.2.1/'><link rel=stylesheet href=a.css>{ARTICLE}<p>&e;</p>"
        "<img src=http://192.0.2.1/a.png><iframe src=http://192.0.2.1/></iframe>"
    )
    assert "stiff and sore" in read(".html", page).text


def text_or_error(path: Path) -> str:
    """What reading comes to; any other exception is the test's failure."""
    try:
        return read_document(path).text
    except CorpusError as error:
        return str(error).removeprefix(f"{path}: ")


@pytest.mark.parametrize("suffix", [".md", ".html", ".pdf", ".docx"])
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_damaged_files_raise_nothing_but_corpus_errors(
    tmp_path: Path, suffix: str, data: st.DataObject
) -> None:
    raw = bytearray(
        data.draw(st.sampled_from([p for p in FILES if p.suffix == suffix])).read_bytes()
    )
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw)))
        count = data.draw(st.integers(0, 40))
        raw[at : at + count] = data.draw(st.binary(max_size=8))
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(raw)
    assert text_or_error(path).strip()


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_damaged_part_of_a_docx_raises_nothing_but_corpus_errors(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    with zipfile.ZipFile(SHOULDER / "return-to-activity.docx") as package:
        name = data.draw(st.sampled_from([n for n in package.namelist() if n.endswith("xml")]))
        part = package.read(name)
    at = data.draw(st.integers(0, len(part)))
    word = data.draw(st.sampled_from([b"", b"-1", b"x", b"99999999999999999999", b"</w:p>", b'"']))
    part = part[:at] + word + part[at + data.draw(st.integers(0, 12)) :]
    path = tmp_path_factory.mktemp("docx") / "damaged.docx"
    path.write_bytes(docx_of({name: part}))
    assert text_or_error(path).strip()


@given(st.text())
def test_cleaned_words_are_one_line_and_cleaning_them_again_changes_nothing(text: str) -> None:
    once = clean(text.replace("\f", " "))
    assert clean(once) == once
    assert "\n" not in once
    assert "  " not in once
    assert once == once.strip()
