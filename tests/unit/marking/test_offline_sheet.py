"""The CSV that goes out and comes back: nothing is lost, nothing acts, and what is wrong is named."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from itertools import zip_longest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import BadCall
from grader.marking.offline.sheet import FilledRow, SheetLine, SheetQuestion, read, rows, write
from grader.model import ZERO, Points
from grader.store.rubrics import RubricItem

A, B = "a" * 64, "b" * 64
RIGHT = RubricItem("r1", "q1", "Right; ; ; ; ; ; ; and so,\non", Points(2))
LATER = RubricItem("r2", "q1", "=1", Points(1))
Q1 = SheetQuestion("q1", Points(5))
LINES = [SheetLine(Q1, A, "because", 1, None), SheetLine(Q1, B, "why not", 2, None)]
MARKED = [replace(line, asked=replace(Q1, items=(RIGHT, LATER))) for line in LINES]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).map(str.strip)


def sheet(*rows: str) -> bytes:
    return ("question,answer,points,comment\n" + "\n".join(rows)).encode()


@given(TEXT, st.integers(0, 500), TEXT)
def test_what_is_written_reads_back_whatever_students_and_readers_write(text: str, hundredths: int, said: str) -> None:
    points = Points(hundredths, 100)
    lines = [SheetLine(Q1, A, text, 1, None, points, comment=said), SheetLine(Q1, B, text, 2, None)]
    assert read(rows(write(lines)), lines) == [FilledRow("q1", A, (), points, said)]


@given(TEXT, TEXT)
def test_no_cell_acts_in_a_spreadsheet(text: str, said: str) -> None:
    written = write([SheetLine(Q1, A, f"={text}", 1, None, Points(1), comment=f"@{said}")]).decode("utf-8-sig")
    for row in csv.reader(io.StringIO(written, newline="")):
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_ticks_come_back_and_points_beside_them_are_of_the_whole_answer() -> None:
    both = [replace(MARKED[0], items=frozenset({"r1"})), replace(MARKED[1], items=frozenset({"r1"}), points=Points(5))]
    assert read(rows(write(both)), MARKED) == [
        FilledRow("q1", A, ("r1",), ZERO, ""),
        FilledRow("q1", B, ("r1",), Points(3), ""),
    ]


def test_an_item_that_is_gone_is_named_by_its_line() -> None:
    content = write([replace(MARKED[0], items=frozenset({"r1", "r2"}))])
    with pytest.raises(BadCall, match="line 2: the rubric has no item r1"):
        read(rows(content), LINES)


def test_lines_are_counted_as_a_spreadsheet_counts_them() -> None:
    content = write([replace(LINES[0], text="over\nthree\nlines"), replace(LINES[1], points=Points(6))])
    with pytest.raises(BadCall, match=r"^line 3: the question is worth 5 points, less than 6"):
        read(rows(content), LINES)


def test_the_longest_answer_that_a_notebook_may_hold_comes_back() -> None:
    lines = [replace(LINES[0], text="x" * 1_000_000, points=Points(1))]
    assert read(rows(write(lines)), lines) == [FilledRow("q1", A, (), Points(1), "")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_excel_makes_of_it_is_read(delimiter: str) -> None:
    table = (("question", "answer", "points", "comment"), ("q1", A, "2,5" if delimiter != "," else "2.5", "so"))
    text = "\r\n".join(delimiter.join(row) for row in table)
    for content in (text.encode("utf-8-sig"), text.encode("utf-16")):
        assert read(rows(content), LINES) == [FilledRow("q1", A, (), Points("2.5"), "so")]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "line 1: missing columns"),
        (b"question,points\nq1,1", "missing columns: answer, comment"),
        (sheet(f"q1,{A},6,"), "line 2: the question is worth 5 points, less than 6"),
        (sheet(f"q1,{A},-1,"), "is not a number of points"),
        (sheet(f"q1,{A},1.005,"), "at most two decimals"),
        (sheet(f"q1,{A},nan,"), "is not a number of points"),
        (sheet(f"q1,{A},1,", f"q1,{A},2,"), "line 3: an earlier row marks this answer already"),
        (sheet(f"q2,{A},1,"), "export the sheet again"),
        (sheet(f"q1,{A},,why"), "a comment, but no points"),
        (sheet(f"q1,{A},1,{'x' * 10_001}"), "at most 10000 characters"),
        (sheet(f'q1,{A},1,"open'), "not CSV"),
        (b"\xff\x00\x80", "UTF-8"),
        (sheet(*[f"q1,{A},x," for _ in range(12)]), "and 2 more"),
    ],
)
def test_wrong_rows_are_named_by_their_lines(content: bytes, says: str) -> None:
    with pytest.raises(BadCall, match=says):
        read(rows(content), LINES)


# ── groups ───────────────────────────────────────────────────────────────────────────────────────────

DIGESTS = ["a" * 64, "b" * 64, "c" * 64, "d" * 64]
GROUPED = [
    SheetLine(Q1, digest, digest[0], 1, None, group=group) for digest, group in zip(DIGESTS, (1, 1, 1, 2), strict=True)
]


def filled_in(lines: list[SheetLine], *cells: dict[str, str]) -> bytes:
    """The file of these lines with these cells of its rows."""
    table = list(csv.DictReader(io.StringIO(write(lines).decode("utf-8-sig"), newline="")))
    out = io.StringIO()
    writer = csv.DictWriter(out, table[0])
    writer.writeheader()
    writer.writerows(row | cell for row, cell in zip_longest(table, cells, fillvalue={}))
    return out.getvalue().encode()


def test_a_mark_for_the_whole_group_is_every_empty_row_s() -> None:
    content = filled_in(GROUPED, {"points": "4", "comment": "so", "whole group": "x"}, {"points": "1"})
    assert sorted(read(rows(content), GROUPED), key=lambda one: one.digest) == [
        FilledRow("q1", DIGESTS[0], (), Points(4), "so"),
        FilledRow("q1", DIGESTS[1], (), Points(1), ""),
        FilledRow("q1", DIGESTS[2], (), Points(4), "so"),
    ]


def test_what_others_have_marked_is_left_alone() -> None:
    lines = [replace(line, waits=line.digest != DIGESTS[1]) for line in GROUPED]
    content = filled_in(lines, {"points": "4", "whole group": "yes"})
    assert {one.digest for one in read(rows(content), lines)} == {DIGESTS[0], DIGESTS[2]}


def test_a_group_of_another_question_is_another_group() -> None:
    lines = [*GROUPED[:2], replace(GROUPED[2], asked=SheetQuestion("q2", Points(5)))]
    content = filled_in(lines, {"points": "4", "whole group": "x"})
    assert {one.digest for one in read(rows(content), lines)} == set(DIGESTS[:2])


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ([{"whole group": "x"}], "line 2: the row marks a whole group, but has no points"),
        ([{"points": "1", "whole group": "x"}] * 2, "line 3: an earlier row marks this whole group already"),
    ],
)
def test_an_ambiguous_mark_of_a_group_is_refused(cells: list[dict[str, str]], says: str) -> None:
    with pytest.raises(BadCall, match=says):
        read(rows(filled_in(GROUPED, *cells)), GROUPED)
