"""The sheet: a CSV file with the answers to a question, which a marker fills in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.batch import cells
from grader.course.csv_people import lines as lines_of
from grader.course.csv_people import require_none_wrong
from grader.errors import BadCall
from grader.marking.groups import AnswerGroup, DistinctAnswer
from grader.marking.shelves import TITLES
from grader.model import ZERO, Judgement, Opinion, Points, show_points
from grader.store.answer_marks import NewMark
from grader.store.rubrics import RubricItem

WHOLE = "whole group"
"""Title of a column. Any text in this column copies the row's mark to other answers of the same group. They must await
marking, and their rows must be empty."""
COLUMNS = (
    "question", "answer", "shelf", "group", "text", "students", "suggested", "by machine", "points", "comment", WHOLE,
)  # fmt: skip
"""Titles of the columns. A column for each rubric item follows."""
_NEEDED = ("question", "answer", "points", "comment")
MOST_BYTES = 32 << 20
MOST_COMMENT = 10_000
_ITEM = re.compile(r"\[([0-9a-zA-Z_-]{1,40})\] .*", re.DOTALL)
_POINTS = re.compile(r"\d{1,4}([.,]\d{1,2})?", re.ASCII)
"""Points such as "2.5", or "2,5" from spreadsheets with a decimal comma."""

Row = tuple[int, Mapping[str, str]]
"""(line number, cells by column title)"""


Key = tuple[str, str]
"""(text in the column `question`, digest of an answer)"""


@dataclass(frozen=True)
class QuestionSheet:
    """The answers to one question, sorted for one marker."""

    place: str
    """The text in the column `question`: "COURSE ASSIGNMENT q1.6" for the service's database, "q1.6" for a folder of
    reports."""
    worth: Points
    groups: Sequence[AnswerGroup]
    marker: str = ""
    """Id of the marker; empty for a folder of reports, which has one marker."""
    items: Sequence[RubricItem] = ()

    @property
    def answers(self) -> list[DistinctAnswer]:
        return [answer for group in self.groups for answer in group.answers]


def write(sheets: Sequence[QuestionSheet]) -> bytes:
    """Return a sheet as CSV with a byte order mark, by which spreadsheets recognize UTF-8."""
    items = [item for sheet in sheets for item in sheet.items]
    table: list[Sequence[str]] = [[*COLUMNS, *map(heading, items)]]
    for sheet in sheets:
        for group in sheet.groups:
            table += [_cells(sheet, group, answer, items) for answer in group.answers]
    return cells.dumps(table).encode("utf-8-sig", "replace")


def heading(item: RubricItem) -> str:
    """Return the title of a rubric item's column, for example "[sign] 2 Wrong sign"."""
    return f"[{item.id}] {show_points(item.points)} {item.text}"


def _cells(
    sheet: QuestionSheet, group: AnswerGroup, answer: DistinctAnswer, items: Sequence[RubricItem]
) -> Sequence[str]:
    suggested = answer.suggestion.points if answer.suggestion else None
    mark = answer.mark_of(sheet.marker)
    applied = mark.items if mark else ()
    points = ""
    if mark and (mark.adjustment or not applied):  # otherwise the points follow changes of the items' points
        points = show_points(mark.points(sheet.worth))
    return (
        sheet.place,
        answer.digest,
        TITLES[group.shelf],
        str(group.number),
        answer.text.replace("\0", ""),
        str(answer.students),
        "" if suggested is None else show_points(suggested),
        grounds_text(answer.suggestion),
        points,
        mark.comment if mark else "",
        "",
        *("x" if item in applied else "" for item in items),
    )


def grounds_text(suggestion: Opinion | None) -> str:
    """Return the comparisons of formulas behind a suggestion, one per line."""
    return "\n".join(map(_ground, suggestion.judgements)) if suggestion else ""


def _ground(ground: Judgement) -> str:
    suggests = "" if ground.points is None else f"Suggests {show_points(ground.points)}."
    return " ".join(filter(None, (ground.words, ground.evidence, *ground.remarks, suggests)))


def rows(content: bytes) -> list[Row]:
    """Parse a sheet, and return its rows.

    Raises:
        BadCall: If the content is not CSV or a column is missing.
    """
    found = lines_of(content, "file", MOST_BYTES)
    header = [cells.unescaped(cell).strip() for cell in found[0][1]] if found else []
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise BadCall(f"line 1: missing columns: {', '.join(missing)}")
    blank = dict.fromkeys(header, "")  # spreadsheets leave out empty cells at the end of a line
    return [
        (number, blank | {name: cells.unescaped(cell).strip() for name, cell in zip(header, row, strict=False)})
        for number, row in found[1:]
    ]


def read(rows: Sequence[Row], sheets: Sequence[QuestionSheet]) -> dict[Key, NewMark]:
    """Return the marks in a filled sheet.

    Args:
        rows: The rows of the sheet.
        sheets: The answers that were exported.

    Raises:
        BadCall: If a row is wrong. The message names the first ten wrong rows.
    """
    sheet_of = {(sheet.place, answer.digest): sheet for sheet in sheets for answer in sheet.answers}
    marks: dict[Key, NewMark] = {}
    group_marks: dict[Key, NewMark] = {}
    wrong = []
    for number, row in rows:
        key, group = _key(row), _group(row)
        try:
            mark = _mark(row, sheet_of.get(key))
            if mark is None:
                continue
            if key in marks:
                raise BadCall("an earlier row marks this answer already")
            marks[key] = mark
            if row.get(WHOLE):
                if group in group_marks:
                    raise BadCall("an earlier row marks this whole group already")
                group_marks[group] = mark
        except BadCall as error:
            wrong.append(f"line {number}: {error}")
    require_none_wrong(wrong)
    waiting = {
        (sheet.place, answer.digest) for sheet in sheets for answer in sheet.answers if answer.waits_for(sheet.marker)
    }
    for _, row in rows:
        key, group = _key(row), _group(row)
        if key in waiting and key not in marks and group in group_marks:
            marks[key] = group_marks[group]
    return marks


def _key(row: Mapping[str, str]) -> Key:
    return row["question"], row["answer"]


def _group(row: Mapping[str, str]) -> Key:
    return row["question"], row.get("group", "")


def _mark(row: Mapping[str, str], sheet: QuestionSheet | None) -> NewMark | None:
    """Return the mark in a row; None if the row is empty. `sheet` has the answer's question; None if unknown."""
    points, comment = row["points"], row["comment"]
    ticked = set()
    for title, cell in row.items():
        item = _ITEM.fullmatch(title)
        if item and cell:
            ticked.add(item[1])
    if not (points or ticked):
        if comment or row.get(WHOLE):
            raise BadCall(
                "the row has a comment or marks a whole group, but no points and no rubric item: fill in one of them"
            )
        return None
    if sheet is None:
        raise BadCall(f"{row['question'][:60]!r} has no answer {row['answer'][:12]!r}: export the sheet again")
    if len(comment) > MOST_COMMENT or "\0" in comment:
        raise BadCall(f"a comment may have at most {MOST_COMMENT} characters")
    unknown = ticked - {item.id for item in sheet.items}
    if unknown:
        raise BadCall(f"the rubric has no item {min(unknown)}: export the sheet again")
    applied = [item for item in sheet.items if item.id in ticked]
    adjustment = ZERO
    if points:
        adjustment = _points(points, sheet.worth) - sum((item.points for item in applied), ZERO)
    return NewMark(tuple(item.id for item in applied), adjustment, comment)


def _points(text: str, worth: Points) -> Points:
    if not _POINTS.fullmatch(text):
        raise BadCall(f"{text[:20]!r} is not a number of points: write a number with at most two decimals")
    points = Points(text.replace(",", "."))
    if points > worth:
        raise BadCall(f"the question is worth {show_points(worth)} points, less than {text}")
    return points
