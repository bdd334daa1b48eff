"""The sheet: a CSV file with the answers to a question, which a marker fills in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from grader.assignments.catalogue import Assignment
from grader.assignments.manifest import WrittenQuestion
from grader.batch import safe_csv
from grader.bounds import MAX_COMMENT_CHARACTERS
from grader.course import csv_people
from grader.errors import BadCall
from grader.marking.groups import SHELF_TITLES, AnswerGroup, DistinctAnswer
from grader.model import ZERO, Judgement, Points, show_points
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


def question_of(assignment: Assignment, id: str) -> WrittenQuestion:
    """Return a written question of an assignment. Raise `BadCall` if there is none with this id."""
    if id not in assignment.questions:
        raise BadCall(f"{assignment.id} has no written question {id!r}: it has {', '.join(assignment.questions)}")
    return assignment.questions[id]


def write(sheets: Sequence[QuestionSheet]) -> bytes:
    """Return a sheet as CSV with a byte order mark, by which spreadsheets recognize UTF-8."""
    items = [item for sheet in sheets for item in sheet.items]
    titles = [f"[{item.id}] {show_points(item.points)} {item.text}" for item in items]
    table = [[*COLUMNS, *titles]]
    for sheet in sheets:
        for group in sheet.groups:
            for answer in group.answers:
                row = [sheet.place, answer.digest, SHELF_TITLES[group.shelf], str(group.number)]
                row += [answer.text.replace("\0", ""), str(answer.students)]
                suggested = "" if answer.suggested is None else show_points(answer.suggested)
                row += [suggested, "\n".join(map(_ground, answer.grounds))]
                mark = answer.mark_of(sheet.marker)
                applied = mark.items if mark else ()
                points = ""
                if mark and (mark.adjustment or not applied):  # otherwise the points follow the items' points
                    points = show_points(mark.points(sheet.worth))
                row += [points, mark.comment if mark else "", ""]
                row += ["x" if item in applied else "" for item in items]
                table.append(row)
    return safe_csv.dumps(table).encode("utf-8-sig", "replace")


def _ground(ground: Judgement) -> str:
    """Return the comparison of one formula as a line of text."""
    sentences = [ground.words, ground.evidence, *ground.remarks]
    if ground.points is not None:
        sentences.append(f"Suggests {show_points(ground.points)}.")
    return " ".join(filter(None, sentences))


def rows(content: bytes) -> list[Row]:
    """Parse a sheet, and return its rows.

    Raises:
        BadCall: If the content is not CSV or a column is missing.
    """
    table = []
    for number, line in csv_people.lines(content, "file", MOST_BYTES):
        table.append((number, [safe_csv.unescaped(cell).strip() for cell in line]))
    titles = table[0][1] if table else []  # the cells of the first line
    missing = [title for title in _NEEDED if title not in titles]
    if missing:
        raise BadCall(f"line 1: missing columns: {', '.join(missing)}")
    # spreadsheets leave out empty cells at the end of a line
    return [(number, dict(zip_longest(titles, line, fillvalue=""))) for number, line in table[1:]]


def read(rows: Sequence[Row], sheets: Sequence[QuestionSheet]) -> dict[Key, NewMark]:
    """Return the marks in a filled sheet.

    Args:
        rows: The rows of the sheet.
        sheets: The answers that were exported.

    Raises:
        BadCall: If a row is wrong. The message names the first ten wrong rows.
    """
    answers = [(sheet, answer) for sheet in sheets for answer in sheet.answers]
    sheet_of = {(sheet.place, answer.digest): sheet for sheet, answer in answers}
    waiting = {(sheet.place, answer.digest) for sheet, answer in answers if answer.waits_for(sheet.marker)}
    marks: dict[Key, NewMark] = {}
    group_marks: dict[Key, NewMark] = {}
    unfilled = []  # (key of the answer, its group) of each empty row
    errors = []
    for number, row in rows:
        key = row["question"], row["answer"]
        group = row["question"], row.get("group", "")
        try:
            mark = _mark(row, sheet_of.get(key))
            if mark is None:
                unfilled.append((key, group))
                continue
            if key in marks:
                raise BadCall("an earlier row marks this answer already")
            marks[key] = mark
            if row.get(WHOLE):
                if group in group_marks:
                    raise BadCall("an earlier row marks this whole group already")
                group_marks[group] = mark
        except BadCall as error:
            errors.append(f"line {number}: {error}")
    csv_people.require_none_wrong(errors)
    for key, group in unfilled:
        if key in waiting and group in group_marks:
            marks.setdefault(key, group_marks[group])
    return marks


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
    if len(comment) > MAX_COMMENT_CHARACTERS or "\0" in comment:
        raise BadCall(f"a comment may have at most {MAX_COMMENT_CHARACTERS} characters")
    applied = [item for item in sheet.items if item.id in ticked]
    ids = tuple(item.id for item in applied)
    unknown = ticked.difference(ids)
    if unknown:
        raise BadCall(f"the rubric has no item {min(unknown)}: export the sheet again")
    adjustment = ZERO
    if points:
        adjustment = _points(points, sheet.worth) - sum((item.points for item in applied), ZERO)
    return NewMark(ids, adjustment, comment)


def _points(text: str, worth: Points) -> Points:
    """Return the points in a cell. Raise `BadCall` if they are not a number, or more than the question is worth."""
    if not _POINTS.fullmatch(text):
        raise BadCall(f"{text[:20]!r} is not a number of points: write a number with at most two decimals")
    points = Points(text.replace(",", "."))
    if points > worth:
        raise BadCall(f"the question is worth {show_points(worth)} points, less than {text}")
    return points
