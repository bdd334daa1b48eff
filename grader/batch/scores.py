"""Read the scores in gradebooks of `grader batch`, Canvas or Moodle, to compare them with a batch."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction

from grader.batch.people import ClassStudent, read
from grader.errors import BadCall
from grader.model import Points

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
    students = read(content)
    header = students[0].cells if students else {}
    titles = {" ".join(title.split()): title for title in header}
    if "check" in titles:
        raise BadCall("the gradebook has a row for each check: give gradebook.csv, with a row for each student")
    score_column = column or _score_column(titles)
    if score_column not in titles:
        raise BadCall(f"the gradebook has no column {score_column!r} (it has: {', '.join(titles)[:300]})")
    scores = []
    for student in students:
        cells = student.cells
        points = _points(cells.get(titles[score_column], ""))
        status = cells.get("status") or cells.get("Feedback comments", "")
        scores.append(OtherScore(student, points, status))
    return scores


def _score_column(titles: Collection[str]) -> str:
    """Return the title of the score column in a gradebook with these titles. Canvas's gradebooks have one column for
    each assignment, so the column is clear only if there is one. In other gradebooks, the first usual title is taken.
    Raise `BadCall` if the column is not clear."""
    by_name = {title.lower(): title for title in titles}
    if by_name.keys() >= _CANVAS:
        candidates = [by_name[name] for name in by_name if name not in _CANVAS and not name.endswith(_READ_ONLY)]
        usual = candidates if len(candidates) == 1 else []
    else:
        candidates = list(titles)
        usual = [by_name[name] for name in _SCORE_COLUMNS if name in by_name]
    if not usual:
        names = ", ".join(candidates)[:300]
        raise BadCall(f"the column with the scores is not clear: name it with --compare-column, one of: {names}")
    return usual[0]


def _points(text: str) -> Points | None:
    """Parse a score such as "37.5", "37,5" or "37.5 / 40". Return None if the cell contains no number."""
    number = text.partition("/")[0].strip().replace(",", ".")
    if number in ("", "-", "EX", "N/A"):
        return None
    try:
        return Points(Fraction(number))
    except (ValueError, ZeroDivisionError):
        return None
