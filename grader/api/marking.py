"""Mark the answers to one written question within a transaction. The routes and pages of questions and of answers use
this module."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends

from grader.api.lookup import ForStaff, StaffRequest
from grader.api.problems import not_found
from grader.api.schemas import QuestionId
from grader.errors import BadCall
from grader.marking import actions
from grader.marking.groups import AnswerGroup, DistinctAnswer, MarkingProgress, answer_groups, key_of_answer, progress
from grader.model import Points
from grader.store import rubrics
from grader.store.answer_marks import NewMark
from grader.store.database import Tx
from grader.store.records import Offering
from grader.store.rubrics import OfferedQuestion, RubricItem

QUESTIONS = "/api/v1/courses/{course}/assignments/{assignment}/questions"
MARKING = "/courses/{course}/assignments/{assignment}/marking"
"""Path of the page with the written questions of an assignment."""
PAGE = MARKING + "/{question}"
"""Path of the page of a written question."""


@dataclass(frozen=True)
class QuestionMarking:
    """The answers of all students to one question, as one marker sees them."""

    tx: Tx
    question: OfferedQuestion
    title: str
    worth: Points
    """The points of the question."""
    offering: Offering
    marker: str
    """Id of the marker."""

    def groups(self) -> list[AnswerGroup]:
        """Return the groups of answers in the order in which this marker sees them."""
        return answer_groups(self.tx, self.question, self.worth, self.marker, self.offering.counts)

    def progress(self, groups: list[AnswerGroup]) -> MarkingProgress:
        """Return how many answers to the question are marked. `groups` must be all groups of the question."""
        return progress(self.tx, self.question, self.worth, groups)

    def rubric(self) -> list[RubricItem]:
        """Return the question's rubric items."""
        return rubrics.items(self.tx, self.question)

    def group(self, id: str) -> AnswerGroup:
        """Return the group with this id. Raise 404 if there is none."""
        return find_group(self.groups(), id)

    def answer(self, digest: str) -> tuple[AnswerGroup, DistinctAnswer]:
        """Return the answer with this digest and its group. Raise 404 if there is none."""
        for group in self.groups():
            for answer in group.answers:
                if answer.digest == digest:
                    return group, answer
        raise not_found("answer")

    def mark_answer(self, digest: str, mark: NewMark | None) -> None:
        """Set the marker's mark for an answer. If `mark` is None, remove the marker's mark.

        Raises:
            HttpProblem: 404, if there is no answer with this digest.
            BadCall: If the mark is a moderator's (`mark.moderates`), but no two other markers disagree on the answer.
        """
        _, answer = self.answer(digest)
        if mark and mark.moderates and not answer.would_moderate(self.marker):
            raise BadCall("you can moderate only an answer on which two other markers disagree")
        actions.mark(self.tx, self.question, self.marker, {digest: mark})

    def mark_group(self, group: AnswerGroup, digests: Collection[str], mark: NewMark | None) -> None:
        """Set the marker's mark for the answers with these digests. If `mark` is None, remove the marker's marks.

        Raises:
            BadCall: If none of the answers is in the group.
        """
        marks: dict[str, NewMark | None] = {}
        for answer in group.answers:
            if answer.digest in digests:
                moderates = answer.would_moderate(self.marker)
                marks[answer.digest] = mark and replace(mark, moderates=moderates)
        if not marks:
            raise BadCall("these answers are no longer in the group: load the page again")
        actions.mark(self.tx, self.question, self.marker, marks)

    def merge(self, group: str, into: str) -> AnswerGroup:
        """Merge a group into another one, for all markers. Return the merged group."""
        actions.begin_regrouping(self.tx, self.question)
        groups = self.groups()
        source, target = find_group(groups, group), find_group(groups, into)
        actions.merge(self.tx, self.question, self.marker, source, target)
        return self.group(into)

    def take_out(self, group: str, digest: str) -> AnswerGroup:
        """Take an answer out of its group, for all markers. Return the answer's new group."""
        actions.begin_regrouping(self.tx, self.question)
        old_group = self.group(group)
        if digest not in [answer.digest for answer in old_group.answers]:
            raise not_found("answer")
        new_id = actions.take_out(self.tx, self.question, self.marker, old_group, digest)
        return self.group(new_id)

    def undo(self) -> list[AnswerGroup]:
        """Undo the marker's latest action. Return the groups that the undo changed."""
        action = actions.undo(self.tx, self.question, self.marker)
        changed = []
        for group in self.groups():
            digests = {answer.digest for answer in group.answers}
            keys = {group.id, *map(key_of_answer, digests)}
            if not digests.isdisjoint(action.marks) or not keys.isdisjoint(action.groups):
                changed.append(group)
        return changed


def find_group(groups: list[AnswerGroup], id: str) -> AnswerGroup:
    """Return the group with this id. Raise 404 if there is none."""
    for group in groups:
        if group.id == id:
            return group
    raise not_found("group")


def question_markings(staff: StaffRequest, tx: Tx, offering: Offering) -> list[QuestionMarking]:
    """Return a `QuestionMarking` for each written question of an assignment."""
    marker = staff.caller.person.id
    markings = []
    for id, question in staff.task.questions.items():
        offered = OfferedQuestion(staff.course, staff.assignment, id)
        markings.append(QuestionMarking(tx, offered, question.title, question.points, offering, marker))
    return markings


@dataclass(frozen=True)
class QuestionRequest:
    """A request about the answers to one written question of an assignment."""

    staff: ForStaff
    question: QuestionId

    @property
    def path(self) -> str:
        """The path of the question's page."""
        staff = self.staff
        return PAGE.format(course=staff.course, assignment=staff.assignment, question=self.question)

    @contextmanager
    def read(self) -> Iterator[QuestionMarking]:
        """Begin a read-only transaction and yield the question's answers. Raise 404 unless the question exists."""
        with self.staff.read() as (tx, offering):
            yield self._marking(tx, offering)

    @contextmanager
    def write(self) -> Iterator[QuestionMarking]:
        """Begin a read-write transaction and yield the question's answers. Raise 404 unless the question exists."""
        with self.staff.write() as (tx, offering):
            yield self._marking(tx, offering)

    def _marking(self, tx: Tx, offering: Offering) -> QuestionMarking:
        for marking in question_markings(self.staff, tx, offering):
            if marking.question.id == self.question:
                return marking
        raise not_found("question")


TheQuestion = Annotated[QuestionRequest, Depends()]
