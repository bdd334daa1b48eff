"""Read the scores in gradebooks of `grader batch`, Canvas or Moodle, to compare them with a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from grader.batch.people import ClassStudent, read
from grader.batch.safe_csv import unescaped
from grader.course import csv_people
from grader.errors import BadCall
from grader.model import ZERO, Points

_SCORE_COLUMNS = ("final", "grade", "score", "total score", "points")
"""Titles of score columns. In a Canvas gradebook, the title of the score column is the assignment's name."""
_CANVAS = {"student", "id", "sis user id", "sis login id", "section"}
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
    lines = csv_people.lines(content)  # (number of the line, its cells)
    header = [_title(cell) for cell in lines[0][1]] if lines else []
    if {"check", "points", "student"} <= set(header):
        return _summed(lines)
    score_column = column or _score_column(header)
    if score_column not in header:
        raise BadCall(f"the gradebook has no column {score_column!r} (it has: {', '.join(header)[:300]})")
    scores = []
    for student in read(content):
        cells = {_title(title): cell.strip() for title, cell in student.cells.items()}
        status = cells.get("status") or cells.get("Feedback comments", "")
        scores.append(OtherScore(student, _points(cells.get(score_column, "")), status))
    return scores


def _title(cell: str) -> str:
    """Return a column's title without superfluous spaces."""
    return " ".join(cell.split())


def _score_column(header: Sequence[str]) -> str:
    """Return the title of the score column in a gradebook with these titles. Canvas's gradebooks have one column for
    each assignment, so the column is clear only if there is one. In other gradebooks, the first usual title is taken.
    Raise `BadCall` if the column is not clear."""
    titles = {title.lower(): title for title in header if title}
    if titles.keys() >= _CANVAS:
        candidates = [titles[name] for name in titles if name not in _CANVAS and not name.endswith(_READ_ONLY)]
        is_clear = len(candidates) == 1
    else:
        candidates = [titles[name] for name in _SCORE_COLUMNS if name in titles]
        is_clear = bool(candidates)
        candidates = candidates or list(header)
    if not is_clear:
        names = ", ".join(candidates)[:300]
        raise BadCall(f"the column with the scores is not clear: name it with --compare-column, one of: {names}")
    return candidates[0]


def _summed(lines: Sequence[tuple[int, Sequence[str]]]) -> list[OtherScore]:
    """Read scores.csv of `grader batch`, which has a row for each check, and return each student's total."""
    _, header = lines[0]
    totals: dict[tuple[str, str], Points | None] = {}
    for number, cells in lines[1:]:
        if len(cells) < len(header):
            raise BadCall(f"the gradebook's line {number} is cut off: it has {len(cells)} of {len(header)} columns")
        row = dict(zip(header, map(unescaped, cells), strict=False))
        student = (row["student"], row.get("name", ""))
        total = totals.setdefault(student, None)
        earned = _points(row["points"])
        if earned is not None:
            totals[student] = (total or ZERO) + earned
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
