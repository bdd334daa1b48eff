"""Read the scores in gradebooks of `grader batch`, Canvas or Moodle, to compare them with a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from grader.batch.cells import unescaped
from grader.batch.people import ClassStudent, read
from grader.course import csv_people
from grader.errors import BadCall
from grader.model import ZERO, Points

_SCORE_COLUMNS = ("final", "grade", "score", "total score", "points")
"""Titles of score columns. In a Canvas gradebook, the title of the score column is the assignment's name."""
_CANVAS = ("student", "id", "sis user id", "sis login id", "section")
_READ_ONLY = ("current score", "final score", "current points", "final points", "current grade", "final grade")
"""Endings of the titles of columns that Canvas computes, such as "Final Score". They are not used as score columns."""


@dataclass(frozen=True)
class OtherScore:
    """A student's row in another gradebook."""

    student: ClassStudent
    points: Points | None
    """The score; None without a score."""
    status: str = ""


def read_scores(content: bytes, column: str = "") -> list[OtherScore]:
    """Return the scores in a gradebook.

    Args:
        content: The CSV file.
        column: Title of the score column; empty to look for usual titles such as "final" and "grade".

    Raises:
        BadCall: If there is no score column, or several.
    """
    lines = csv_people.lines(content)
    header = [" ".join(cell.split()) for cell in lines[0][1]] if lines else []
    if {"check", "points", "student"} <= set(header):
        return _summed(content, lines)
    wanted = column or _scores_in(header)
    if wanted not in header:
        raise BadCall(f"the gradebook has no column {wanted!r} (it has: {', '.join(header)[:300]})")
    return [
        OtherScore(
            student, _points(_cell(student, wanted)), _cell(student, "status") or _cell(student, "Feedback comments")
        )
        for student in read(content)
    ]


def _cell(student: ClassStudent, column: str) -> str:
    cells = {" ".join(title.split()): cell for title, cell in student.cells.items()}
    return cells.get(column, "").strip()


def _scores_in(header: Sequence[str]) -> str:
    small = {cell.lower(): cell for cell in header}
    if set(_CANVAS) <= set(small):
        columns = [c for c in header if c.lower() not in _CANVAS and not c.lower().endswith(_READ_ONLY) and c]
        if len(columns) == 1:
            return columns[0]
        raise _ambiguous(columns)
    found = next((small[name] for name in _SCORE_COLUMNS if name in small), "")
    if not found:
        raise _ambiguous(header)
    return found


def _ambiguous(columns: Sequence[str]) -> BadCall:
    names = ", ".join(columns)[:300]
    return BadCall(f"the column with the scores is not clear: name it with --compare-column, one of: {names}")


def _summed(content: bytes, lines: Sequence[tuple[int, Sequence[str]]]) -> list[OtherScore]:
    """Read scores.csv of `grader batch`, which has a row for each check, and return each student's total."""
    header = list(lines[0][1])
    totals: dict[tuple[str, str], Points | None] = {}
    for _, cells in lines[1:]:
        row: Mapping[str, str] = dict(zip(header, map(unescaped, cells), strict=False))
        who = (row["student"], row.get("name", ""))
        totals.setdefault(who, None)
        earned = _points(row["points"])
        if earned is not None:
            totals[who] = (totals[who] or ZERO) + earned
    return [OtherScore(ClassStudent(name=name, key=key), points) for (key, name), points in totals.items()]


def _points(text: str) -> Points | None:
    """Parse a score such as "37.5", "37,5" or "37.5 / 40". Return None if the cell contains no number."""
    number = text.partition("/")[0].strip().replace(",", ".")
    if number in ("", "-", "EX", "N/A"):
        return None
    try:
        return Points(Fraction(number))
    except (ValueError, ZeroDivisionError):
        return None
