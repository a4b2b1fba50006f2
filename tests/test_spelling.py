"""Slips of the finger, mended before the network reads a message."""

from __future__ import annotations

import pytest
from spellchecker import SpellChecker

from assistant.encoder import packaged_folder
from assistant.reader import (
    DATA,
    WORDS_FILE,
    format_words,
    load_reader,
    parse_words,
)
from assistant.reader import (
    spelling as spelling_of,
)
from assistant.spelling import Spelling, count_words, dictionary

COUNTS = {"knee": 50, "chest": 9, "chess": 2, "swollen": 8, "breathing": 5, "hip": 40, "and": 90}


@pytest.fixture(scope="module")
def spelling() -> Spelling:
    return Spelling(COUNTS, ["tka"])


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("my kneee is swolen", "my knee is swollen"),
        ("my chset hurts", "my chest hurts"),
        ("trouble berathign", "trouble breathing"),
        ("my hip adn my nkee", "my hip and my knee"),
        ("chesst knee", "chest knee"),
    ],
)
def test_a_slip_is_read_as_the_commonest_near_word(
    spelling: Spelling, typed: str, meant: str
) -> None:
    assert spelling.mend(typed) == meant


@pytest.mark.parametrize(
    "text",
    [
        "my knee, my hip!",
        "the coroner likes lilies",  # words of the dictionary
        "after the tka",  # a token of the model
        "my mcl and cbd",  # an abbreviation is no slip of another one
        "mi rodilla duele mucho hoy",  # another language
        "don't",
        "",
    ],
)
def test_what_is_right_or_unknowable_stays(spelling: Spelling, text: str) -> None:
    assert spelling.mend(text) == text


def test_counts_leave_out_slips_and_are_written_as_they_are_read() -> None:
    counts = count_words(["knee hip knee", "hip knee kneee", "zumba " * 20])
    assert counts == {"knee": 3, "hip": 2, "zumba": 20}
    assert parse_words(format_words(counts, {"hip": 0.4})) == (counts, {"hip": 0.4})


def test_the_projects_own_words_are_words() -> None:
    counts, alarm = parse_words((DATA / WORDS_FILE).read_text("utf-8"))
    assert len(counts) > 5000
    assert counts["knee"] > counts["kneecap"]
    assert not {"teh", "adn", "swolen", "kne"} & counts.keys()
    assert alarm["suicidal"] > 0.5 > alarm.get("knee", 0)


@pytest.mark.parametrize(
    "term", "perianal|paraesthesia|peroneal|meniscal|soleus|gastroc|avn|sufe|itbs|pfps".split("|")
)
def test_a_term_of_the_field_is_no_slip(term: str) -> None:
    own = spelling_of(packaged_folder(), load_reader().counts)
    assert own.mend(f"my {term} is sore") == f"my {term} is sore"


def test_the_dictionary_has_the_words_of_pyspellchecker_and_no_others() -> None:
    words = SpellChecker(language="en").word_frequency.dictionary.keys()
    assert len(words) > 100_000
    assert all(word in dictionary() for word in words)
    assert not any(f"{word}qz" in dictionary() for word in words)
