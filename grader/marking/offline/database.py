"""Offline marking of one question in the service's database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from grader.assignments import catalogue
from grader.errors import BadCall
from grader.marking import actions
from grader.marking.groups import answer_groups
from grader.marking.offline.sheet import Key, QuestionSheet, Row
from grader.store import offerings, people, rubrics
from grader.store.answer_marks import NewMark
from grader.store.database import Tx
from grader.store.records import Role
from grader.store.rubrics import OfferedQuestion


def question_of(rows: Iterable[Row]) -> OfferedQuestion:
    """Return the question in a sheet's column `question`. All rows must have the same one."""
    places = {row["question"] for _, row in rows}
    if not places:
        raise BadCall("the file contains no answers")
    if len(places) != 1:
        raise BadCall("the file has answers to several questions: import one file per question")
    (place,) = places
    ids = place.split(" ")
    if len(ids) != 3:
        raise BadCall(f"the question {place[:60]!r} is not from a course: use grader mark import-reports")
    return OfferedQuestion(*ids)


def question_sheet(tx: Tx, question: OfferedQuestion, login: str, assignments: Path | None) -> QuestionSheet:
    """Read the answers to one question from the database.

    Args:
        tx: The transaction.
        question: The question.
        login: Login of the marker, for whom the answers are sorted.
        assignments: The folder with assignments (GRADER_ASSIGNMENTS).

    Raises:
        BadCall: If the question does not exist, or the marker is not on the course's staff.
    """
    marker = people.person_by_login(tx, login)
    if marker is None or not (marker.admin or people.role_of(tx, question.course, marker.id) is Role.STAFF):
        raise BadCall(f"{login[:60]} is not on the staff of {question.course[:60]}")
    offering = offerings.offering(tx, question.course, question.assignment)
    if offering is None:
        raise BadCall(f"the course {question.course[:60]} has no assignment {question.assignment[:60]}")
    task = catalogue.find(question.assignment, assignments)
    asked = task.questions.get(question.id)
    if asked is None:
        ids = ", ".join(task.questions)
        raise BadCall(f"{question.assignment[:60]} has no written question {question.id[:60]} (there are: {ids})")
    groups = answer_groups(tx, question, asked.points, marker.id, offering.counts)
    place = f"{question.course} {question.assignment} {question.id}"
    return QuestionSheet(place, asked.points, groups, marker.id, rubrics.items(tx, question))


def import_marks(
    tx: Tx, question: OfferedQuestion, sheet: QuestionSheet, marks: Mapping[Key, NewMark], *, keep: bool = True
) -> int:
    """Store the marks of a filled sheet. Return the number of changed marks.

    Args:
        tx: A transaction that writes.
        question: The question.
        sheet: The answers to the question.
        marks: The marks in the filled sheet.
        keep: False to count the changes without storing them, as with --dry-run.
    """
    changed: dict[str, NewMark | None] = {}
    for answer in sheet.answers:
        mark = marks.get((sheet.place, answer.digest))
        if mark is None:
            continue
        mark = replace(mark, moderates=answer.would_moderate(sheet.marker))
        stored = answer.mark_of(sheet.marker)
        if stored is None or stored.given != mark:
            changed[answer.digest] = mark
    if keep and changed:
        actions.mark(tx, question, sheet.marker, changed)
    return len(changed)
