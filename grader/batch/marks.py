"""Marks of written answers in the output folder of a batch: the file that `grader mark import-reports` writes."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path

from grader.errors import BadCall
from grader.model import Points, show_points
from grader.store.answer_marks import AnswerMark, Key, NewMark
from grader.store.files import write
from grader.store.records import Person

MARKS_FILE = "marks.json"

_MARKER = Person("", "", "")
_TIME = dt.datetime.min
"""Placeholders for `AnswerMark`: a folder of reports records neither markers nor times."""


def read_marks(folder: Path) -> dict[Key, NewMark]:
    """Return the marks in the folder's marks.json; none if there is no such file. A mark in a folder of reports has no
    rubric items, so its adjustment is all of its points."""
    file = folder / MARKS_FILE
    if not file.exists():
        return {}
    marks = {}
    try:
        for row in json.loads(file.read_text("utf-8")):
            key = row["question"], row["digest"]
            marks[key] = NewMark((), Points(row["points"]), row["comment"])
    except (OSError, ValueError, TypeError, KeyError):
        raise BadCall(f"{file} is not a valid file of marks: move it away and import the marks again") from None
    return marks


def write_marks(folder: Path, marks: Mapping[Key, NewMark]) -> None:
    """Write the folder's marks.json."""
    rows = []
    for (question, digest), mark in sorted(marks.items()):
        points = show_points(mark.adjustment)
        rows.append({"question": question, "digest": digest, "points": points, "comment": mark.comment})
    write(folder / MARKS_FILE, json.dumps(rows, indent=1) + "\n")


def as_stored(marks: Mapping[Key, NewMark]) -> dict[Key, list[AnswerMark]]:
    """Return the marks in the form in which a course keeps them."""
    stored = {}
    for (question, digest), mark in marks.items():
        stored[question, digest] = [
            AnswerMark(question, digest, _MARKER, (), mark.adjustment, mark.comment, False, _TIME)
        ]
    return stored
