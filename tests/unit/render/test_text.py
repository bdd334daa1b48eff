import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.render.text import clean, file_name, one_line

TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def acts_instead_of_showing(character: str) -> bool:
    return (
        unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or unicodedata.bidirectional(character) in TURNING
    ) and character not in "\t\n"


def test_honest_text_stays_as_it_is() -> None:
    text = "dW1 = X.T @ dh / N\n\t# ∇J ≤ ½ · naïve · 中文 · עברית · 👩🏽‍🔬\n"
    assert clean(text) == text


def test_no_character_of_unicode_still_acts() -> None:
    everything = "".join(map(chr, range(0x110000)))
    shown = clean(everything, limit=len(everything))
    assert [c for c in shown if acts_instead_of_showing(c)] == []


def test_a_file_name_keeps_letters_of_every_language_and_loses_what_acts() -> None:
    everything = "".join(map(chr, range(0x110000)))
    named = file_name(everything)
    assert len(named) == len(everything)
    assert [c for c in named if acts_instead_of_showing(c) or unicodedata.category(c) in ("Cc", "Cf", "Cs")] == []
    honest = "Übung 1 (résumé) · 課題 · עברית · 👩🏽.py"
    assert file_name(honest) == honest


@pytest.mark.parametrize(
    ("acting", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m", "\\x9b31m"),
        ("a\rb", "a\\x0db"),
        ("\x00\x07\x08\x7f", "\\x00\\x07\\x08\\x7f"),
        ("\u202etxt.exe", "\\u202etxt.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_acts_is_spelled_out(acting: str, shown: str) -> None:
    assert clean(acting) == shown


def test_length_is_bounded_and_what_is_missing_is_said() -> None:
    assert clean("x" * 30_000, limit=10) == "x" * 10 + "… (29,990 more characters are not shown)"


def test_one_line_is_one_line() -> None:
    assert one_line("  a\n\n b\x0b\u2028c\t") == "a b c"
    assert one_line("x" * 500, limit=10) == "x" * 10 + "…"
    assert one_line(" " * 5000 + "x", limit=10) == "…"


@given(st.text(st.characters()))
def test_cleaned_text_can_be_stored_and_cleaning_it_again_changes_nothing(text: str) -> None:
    shown = clean(text)
    shown.encode()  # raises where UTF-8 has no bytes for a character
    assert clean(shown) == shown
    assert not re.search(r"[\n\r\x1b]", one_line(text))
