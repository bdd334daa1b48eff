"""Offline marking of one question in the service's database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from grader.assignments import catalogue
from grader.errors import BadCall
from grader.marking.groups import answer_groups
from grader.marking.offline.sheet import Key, QuestionSheet, Row, question_of
from grader.store import offerings, people, rubrics
from grader.store.answer_marks import NewMark
from grader.store.database import Tx
from grader.store.records import Role
from grader.store.rubrics import OfferedQuestion


def offered_question(rows: Iterable[Row]) -> OfferedQuestion:
    """Return the question in a sheet's column `question`. All rows must have the same one."""
    places = {row["question"] for _, row in rows}
    if len(places) != 1:
        raise BadCall(f"the file has answers to {len(places)} questions: import one file per question")
    place = places.pop()
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
    if marker is None or not (marker.admin or people.roles(tx, marker.id).get(question.course) is Role.STAFF):
        raise BadCall(f"{login} is not on the staff of {question.course}")
    offering = offerings.offering(tx, question.course, question.assignment)
    if offering is None:
        raise BadCall(f"the course {question.course} has no assignment {question.assignment}")
    task = catalogue.find(question.assignment, assignments)
    worth = question_of(task, question.id).points
    groups = answer_groups(tx, question, worth, marker.id, offering.counts)
    place = f"{question.course} {question.assignment} {question.id}"
    return QuestionSheet(place, worth, groups, marker.id, rubrics.items(tx, question))


def changed_marks(sheet: QuestionSheet, marks: Mapping[Key, NewMark]) -> dict[str, NewMark]:
    """Return the marks of a filled sheet that differ from the marker's stored marks, by the digest of the answer."""
    changed = {}
    for answer in sheet.answers:
        mark = marks.get((sheet.place, answer.digest))
        if mark is None:
            continue
        mark = replace(mark, moderates=answer.would_moderate(sheet.marker))
        stored = answer.mark_of(sheet.marker)
        if stored is None or stored.given != mark:
            changed[answer.digest] = mark
    return changed
