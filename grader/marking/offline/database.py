"""Offline marking of one question in the service's database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grader.assignments import catalogue
from grader.errors import BadCall
from grader.marking import actions
from grader.marking.groups import AnswerGroup, DistinctAnswer, answer_groups
from grader.marking.offline.sheet import FilledRow, Row, SheetLine, SheetQuestion
from grader.model import Points
from grader.store import offerings, people, rubrics
from grader.store.answer_marks import NewMark
from grader.store.database import Tx
from grader.store.records import Person, Role
from grader.store.rubrics import OfferedQuestion


@dataclass(frozen=True)
class QuestionSheet:
    """The answers to one question in the database, sorted for one marker."""

    question: OfferedQuestion
    asked: SheetQuestion
    groups: Sequence[AnswerGroup]
    marker: Person

    @property
    def lines(self) -> list[SheetLine]:
        return [_line(self.asked, group, answer, self.marker.id) for group in self.groups for answer in group.answers]


def place_of(rows: Iterable[Row]) -> tuple[str, str, str]:
    """Return (course, assignment, question) from a sheet's column `question`. All rows must have the same question."""
    places = {row["question"] for _, row in rows}
    if not places:
        raise BadCall("the file contains no answers")
    if len(places) != 1:
        raise BadCall("the file has answers to several questions: import one file per question")
    course, _, rest = places.pop().partition(" ")
    assignment, _, question = rest.partition(" ")
    if not question:
        raise BadCall(f"the question {course[:60]!r} is not from a course: use grader mark import-reports")
    return course, assignment, question


def question_sheet(tx: Tx, place: tuple[str, str, str], login: str, assignments: Path | None) -> QuestionSheet:
    """Read the answers to one question from the database.

    Args:
        tx: The transaction.
        place: Ids of course, assignment and question.
        login: Login of the marker, for whom the answers are sorted.
        assignments: The folder with assignments (GRADER_ASSIGNMENTS).

    Raises:
        BadCall: If the question does not exist, or the marker is not on the course's staff.
    """
    question = OfferedQuestion(*place)
    marker = people.person_by_login(tx, login)
    if marker is None or not (marker.admin or people.role_of(tx, question.course, marker.id) is Role.STAFF):
        raise BadCall(f"{login[:60]} is not on the staff of {question.course[:60]}")
    offering = offerings.offering(tx, question.course, question.assignment)
    if offering is None:
        raise BadCall(f"the course {question.course[:60]} has no assignment {question.assignment[:60]}")
    task = catalogue.find(question.assignment, assignments)
    if (asked := task.questions.get(question.id)) is not None:
        found = answer_groups(tx, question, asked.points, marker.id, offering.counts)
        return QuestionSheet(question, _asked(tx, question, asked.points), found, marker)
    known = ", ".join(task.questions)
    raise BadCall(f"{question.assignment[:60]} has no written question {question.id[:60]} (there are: {known})")


def _asked(tx: Tx, question: OfferedQuestion, worth: Points) -> SheetQuestion:
    place = f"{question.course} {question.assignment} {question.id}"
    return SheetQuestion(place, worth, tuple(rubrics.items(tx, question)))


def _line(asked: SheetQuestion, group: AnswerGroup, answer: DistinctAnswer, marker: str) -> SheetLine:
    own = answer.mark_of(marker)
    line = SheetLine(
        asked,
        answer.digest,
        answer.text,
        answer.students,
        answer.suggestion,
        shelf=group.shelf,
        group=group.number,
        waits=answer.waits_for(marker),
    )
    if own is None:
        return line
    only_items = bool(own.items) and not own.adjustment
    points = None if only_items else own.points(asked.worth)  # None: the sum follows changes of the items' points
    return replace(line, points=points, items=frozenset(item.id for item in own.items), comment=own.comment)


def import_marks(tx: Tx, sheet: QuestionSheet, filled: Iterable[FilledRow], *, keep: bool = True) -> int:
    """Store the marks of a filled sheet. Return the number of changed marks.

    Args:
        tx: A transaction that writes.
        sheet: The answers to the question.
        filled: The filled rows.
        keep: False to count the changes without storing them, as with --dry-run.
    """
    by_digest = {answer.digest: answer for group in sheet.groups for answer in group.answers}
    changed: dict[str, NewMark | None] = {}
    for one in filled:
        answer = by_digest[one.digest]
        own, moderates = answer.mark_of(sheet.marker.id), answer.would_moderate(sheet.marker.id)
        given = NewMark(one.items, one.adjustment, one.comment, moderates=moderates)
        if own is None or own.given != given:
            changed[one.digest] = given
    if keep and changed:
        actions.mark(tx, sheet.question, sheet.marker.id, changed)
    return len(changed)
