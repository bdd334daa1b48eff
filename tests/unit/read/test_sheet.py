"""The CSV that goes out and comes back: nothing is lost, nothing acts, and what is wrong is named."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import BadCall
from grader.model import Points
from grader.read.sheet import Given, Line, read, write

WORTH = {("q1", "a" * 64): Points(5), ("q1", "b" * 64): Points(5)}
A, B = "a" * 64, "b" * 64
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).map(str.strip)


def sheet(*rows: str) -> bytes:
    return ("question,answer_id,points,comment\n" + "\n".join(rows)).encode()


@given(TEXT, st.integers(0, 500), TEXT)
def test_what_is_written_reads_back_whatever_students_and_readers_write(text: str, hundredths: int, said: str) -> None:
    points = Points(hundredths, 100)
    written = write([Line("q1", A, 1, text, None, points, said), Line("q1", B, 2, text, None)])
    assert read(written, WORTH) == [Given("q1", A, points, said)]


@given(TEXT, TEXT)
def test_no_cell_acts_in_a_spreadsheet(text: str, said: str) -> None:
    written = write([Line("q1", A, 1, f"={text}", None, Points(1), f"@{said}")]).decode("utf-8-sig")
    for row in csv.reader(io.StringIO(written, newline="")):
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_excel_makes_of_it_is_read(delimiter: str) -> None:
    rows = (("question", "answer_id", "points", "comment"), ("q1", A, "2,5" if delimiter != "," else "2.5", "so"))
    text = "\r\n".join(delimiter.join(row) for row in rows)
    for content in (text.encode("utf-8-sig"), text.encode("utf-16")):
        assert read(content, WORTH) == [Given("q1", A, Points("2.5"), "so")]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "line 1: the columns"),
        (b"question,points\nq1,1", "answer_id, comment is not"),
        (sheet(f"q1,{A},6,"), "line 2: the question is worth 5 points; 6 are more"),
        (sheet(f"q1,{A},-1,"), "are no points"),
        (sheet(f"q1,{A},1.005,"), "at most two decimals"),
        (sheet(f"q1,{A},nan,"), "are no points"),
        (sheet(f"q1,{A},1,", f"q1,{A},2,"), "line 3: this answer stands further up already"),
        (sheet(f"q2,{A},1,"), "export again"),
        (sheet(f"q1,{A},,why"), "a comment and no points"),
        (sheet(f'q1,{A},1,"open'), "not CSV"),
        (b"\xff\x00\x80", "UTF-8"),
        (sheet(*[f"q1,{A},x," for _ in range(12)]), "and 2 more"),
    ],
)
def test_what_is_wrong_is_named_by_its_line(content: bytes, says: str) -> None:
    with pytest.raises(BadCall, match=says):
        read(content, WORTH)
