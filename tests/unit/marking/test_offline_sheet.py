"""The CSV that goes out and comes back: nothing is lost, nothing acts, and what is wrong is named."""

from __future__ import annotations

import csv
import datetime as dt
import io
from itertools import zip_longest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import BadCall
from grader.marking.groups import AnswerGroup, DistinctAnswer
from grader.marking.offline.sheet import QuestionSheet, read, rows, write
from grader.marking.status import marking_status
from grader.model import Points, Shelf
from grader.store.answer_marks import AnswerMark, NewMark
from grader.store.records import Person
from grader.store.rubrics import RubricItem

A, B = "a" * 64, "b" * 64
RIGHT = RubricItem("r1", "q1", "Right; ; ; ; ; ; ; and so,\non", Points(2))
LATER = RubricItem("r2", "q1", "=1", Points(1))
WORTH = Points(5)
GRACE = Person("", "grace", "Grace")


def answer(digest: str, text: str = "because", mark: NewMark | None = None, marker: Person = GRACE) -> DistinctAnswer:
    marks: tuple[AnswerMark, ...] = ()
    if mark is not None:
        applied = tuple(item for item in (RIGHT, LATER) if item.id in mark.items)
        marks = (
            AnswerMark("q1", digest, marker, applied, mark.adjustment, mark.comment, False, dt.datetime(2026, 1, 1)),
        )
    status = marking_status(marks, 1, WORTH)
    return DistinctAnswer(digest, text, frozenset({"ada"}), Shelf.UNREAD, "", None, None, marks, status, False)


def question(*answers: DistinctAnswer, place: str = "q1", items: tuple[RubricItem, ...] = ()) -> QuestionSheet:
    groups = [AnswerGroup(each.digest, Shelf.UNREAD, (each,), number) for number, each in enumerate(answers, 1)]
    return QuestionSheet(place, WORTH, groups, items=items)


SHEETS = [question(answer(A), answer(B, "why not"))]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).map(str.strip)


def sheet(*rows: str) -> bytes:
    return ("question,answer,points,comment\n" + "\n".join(rows)).encode()


@given(TEXT, st.integers(0, 500), TEXT)
def test_what_is_written_reads_back_whatever_students_and_readers_write(text: str, hundredths: int, said: str) -> None:
    mark = NewMark((), Points(hundredths, 100), said)
    sheets = [question(answer(A, text, mark), answer(B, text))]
    assert read(rows(write(sheets)), sheets) == {("q1", A): mark}


@given(TEXT, TEXT)
def test_no_cell_acts_in_a_spreadsheet(text: str, said: str) -> None:
    marked = answer(A, f"={text}", NewMark((), Points(1), f"@{said}"))
    written = write([question(marked)]).decode("utf-8-sig")
    for row in csv.reader(io.StringIO(written, newline="")):
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_ticks_come_back_and_points_beside_them_are_of_the_whole_answer() -> None:
    ticked, adjusted = NewMark(("r1",)), NewMark(("r1",), Points(3))
    sheets = [question(answer(A, mark=ticked), answer(B, mark=adjusted), items=(RIGHT, LATER))]
    assert [row["points"] for _, row in rows(write(sheets))] == ["", "5"]
    assert read(rows(write(sheets)), sheets) == {("q1", A): ticked, ("q1", B): adjusted}


def test_an_item_that_is_gone_is_named_by_its_line() -> None:
    content = write([question(answer(A, mark=NewMark(("r1", "r2"))), items=(RIGHT, LATER))])
    with pytest.raises(BadCall, match="line 2: the rubric has no item r1"):
        read(rows(content), SHEETS)


def test_lines_are_counted_as_a_spreadsheet_counts_them() -> None:
    content = filled_in([question(answer(A, "over\nthree\nlines"), answer(B))], {}, {"points": "6"})
    with pytest.raises(BadCall, match=r"^line 3: the question is worth 5 points, less than 6"):
        read(rows(content), SHEETS)


def test_the_longest_answer_that_a_notebook_may_hold_comes_back() -> None:
    sheets = [question(answer(A, "x" * 1_000_000, NewMark((), Points(1))))]
    assert read(rows(write(sheets)), sheets) == {("q1", A): NewMark((), Points(1))}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_excel_makes_of_it_is_read(delimiter: str) -> None:
    table = (("question", "answer", "points", "comment"), ("q1", A, "2,5" if delimiter != "," else "2.5", "so"))
    text = "\r\n".join(delimiter.join(row) for row in table)
    for content in (text.encode("utf-8-sig"), text.encode("utf-16")):
        assert read(rows(content), SHEETS) == {("q1", A): NewMark((), Points("2.5"), "so")}


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
        (sheet(f"q1,{A},,why"), "no points and no rubric item"),
        (sheet(f"q1,{A},1,{'x' * 10_001}"), "at most 10000 characters"),
        (sheet(f'q1,{A},1,"open'), "not CSV"),
        (b"\xff\x00\x80", "UTF-8"),
        (sheet(*[f"q1,{A},x," for _ in range(12)]), "and 2 more"),
    ],
)
def test_wrong_rows_are_named_by_their_lines(content: bytes, says: str) -> None:
    with pytest.raises(BadCall, match=says):
        read(rows(content), SHEETS)


# ── groups ───────────────────────────────────────────────────────────────────────────────────────────

DIGESTS = ["a" * 64, "b" * 64, "c" * 64, "d" * 64]


def grouped(*answers: DistinctAnswer, place: str = "q1") -> QuestionSheet:
    """The last answer is a group by itself."""
    groups = [AnswerGroup("1", Shelf.UNREAD, answers[:-1], 1), AnswerGroup("2", Shelf.UNREAD, answers[-1:], 2)]
    return QuestionSheet(place, WORTH, groups)


GROUPED = [grouped(*map(answer, DIGESTS))]


def filled_in(sheets: list[QuestionSheet], *cells: dict[str, str]) -> bytes:
    """The file of these answers with these cells of its rows."""
    table = list(csv.DictReader(io.StringIO(write(sheets).decode("utf-8-sig"), newline="")))
    out = io.StringIO()
    writer = csv.DictWriter(out, table[0])
    writer.writeheader()
    unchanged: dict[str, str] = {}
    writer.writerows(row | changes for row, changes in zip_longest(table, cells, fillvalue=unchanged))
    return out.getvalue().encode()


def test_a_mark_for_the_whole_group_is_every_empty_row_s() -> None:
    content = filled_in(GROUPED, {"points": "4", "comment": "so", "whole group": "x"}, {"points": "1"})
    assert read(rows(content), GROUPED) == {
        ("q1", DIGESTS[0]): NewMark((), Points(4), "so"),
        ("q1", DIGESTS[1]): NewMark((), Points(1), ""),
        ("q1", DIGESTS[2]): NewMark((), Points(4), "so"),
    }


def test_what_others_have_marked_is_left_alone() -> None:
    alan = Person("alan", "alan", "Alan")
    marked = answer(DIGESTS[1], mark=NewMark((), Points(1)), marker=alan)
    sheets = [grouped(answer(DIGESTS[0]), marked, *map(answer, DIGESTS[2:]))]
    content = filled_in(sheets, {"points": "4", "whole group": "yes"})
    assert read(rows(content), sheets).keys() == {("q1", DIGESTS[0]), ("q1", DIGESTS[2])}


def test_a_group_of_another_question_is_another_group() -> None:
    sheets = [grouped(*map(answer, DIGESTS[:3])), grouped(*map(answer, DIGESTS[2:]), place="q2")]
    content = filled_in(sheets, {"points": "4", "whole group": "x"})
    assert read(rows(content), sheets).keys() == {("q1", DIGESTS[0]), ("q1", DIGESTS[1])}


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ([{"whole group": "x"}], "line 2: the row has a comment or marks a whole group, but no points"),
        ([{"points": "1", "whole group": "x"}] * 2, "line 3: an earlier row marks this whole group already"),
    ],
)
def test_an_ambiguous_mark_of_a_group_is_refused(cells: list[dict[str, str]], says: str) -> None:
    with pytest.raises(BadCall, match=says):
        read(rows(filled_in(GROUPED, *cells)), GROUPED)
