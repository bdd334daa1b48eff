"""Marks that people give to answers. A mark applies to every answer with the same text, including those of other
students, resubmissions and regrades."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Select, delete, insert, select

from grader.errors import BadCall
from grader.model import ZERO, Points
from grader.model.grouping import grouped
from grader.store.database import Tx, now, record_of, upsert
from grader.store.people import person_of, select_with_person
from grader.store.records import Person, new_id
from grader.store.rubrics import OfferedQuestion, RubricItem, require_hundredths
from grader.store.tables import answer_marks, mark_items, rubric

MOST_NAMED = 500
"""Largest number of digests in one query. For more digests, `of_answers` reads all marks of the assignments."""


@dataclass(frozen=True)
class NewMark:
    """The points and the comment that a marker gives to an answer."""

    items: tuple[str, ...] = ()
    """Ids of rubric items."""
    adjustment: Points = ZERO
    """Points added to the items' points; may be negative."""
    comment: str = ""
    """Comment for the student."""
    moderates: bool = False
    """True for the mark of a moderator, which decides when two markers disagree."""


@dataclass(frozen=True)
class AnswerMark:
    """A stored mark of an answer."""

    question: str
    digest: str
    marker: Person
    items: tuple[RubricItem, ...]
    """The applied rubric items with their current points."""
    adjustment: Points
    comment: str
    moderates: bool
    at: dt.datetime

    @property
    def given(self) -> NewMark:
        """The mark without the marker's name and the time."""
        ids = tuple(item.id for item in self.items)
        return NewMark(ids, self.adjustment, self.comment, self.moderates)

    def points(self, worth: Points) -> Points:
        """Return the points of the mark, limited to the range from 0 to `worth`, the points of the question."""
        points = self.adjustment
        for item in self.items:
            points += item.points
        return max(ZERO, min(worth, points))


def put(
    tx: Tx,
    question: OfferedQuestion,
    digest: str,
    marker: str,
    mark: NewMark | None,
    marked_at: dt.datetime | None = None,
) -> dt.datetime | None:
    """Set a marker's mark of an answer, replace it, or remove it.

    Args:
        tx: A transaction that writes.
        question: The question.
        digest: The answer's digest.
        marker: Id of the marker.
        mark: The mark; None to remove it.
        marked_at: The time of the mark; None for now.

    Returns:
        The time of the mark; None if it was removed.

    Raises:
        BadCall: If an item is not in the question's rubric, or the adjustment is not a multiple of 1/100 point.
    """
    key = {**question.columns, "digest": digest, "marker": marker}
    id = tx.scalar(select(answer_marks.c.id).filter_by(**key))
    tx.execute(delete(mark_items).filter_by(mark=id))
    if mark is None:
        tx.execute(delete(answer_marks).filter_by(id=id))
        return None
    require_hundredths(mark.adjustment)
    items = set(mark.items)
    items_of_question = select(rubric.c.id).filter_by(**question.columns)
    if not items.issubset(tx.scalars(items_of_question)):
        raise BadCall("an item is no longer in this question's rubric: load the page again")
    id = id or new_id()
    marked_at = marked_at or now()
    values = {"adjustment": mark.adjustment, "comment": mark.comment, "moderates": mark.moderates}
    upsert(tx, answer_marks, {**key, **values, "id": id, "at": marked_at})
    if items:
        tx.execute(insert(mark_items), [{"mark": id, "item": item} for item in items])
    return marked_at


Key = tuple[str, str]
"""(id of the question, digest of the answer's text)"""


def of_answers(
    tx: Tx, course: str, assignments: Collection[str], digests: Collection[str]
) -> dict[str, dict[Key, list[AnswerMark]]]:
    """Return the marks of answers by assignment, then by (question, digest), the oldest first.

    Args:
        tx: The transaction.
        course: Id of the course.
        assignments: Ids of the assignments.
        digests: Digests of the answers.
    """
    query = select(answer_marks.c.id).filter_by(course=course)
    query = query.where(answer_marks.c.assignment.in_(assignments))
    if len(digests) <= MOST_NAMED:
        query = query.where(answer_marks.c.digest.in_(digests))
    marks_of: dict[str, dict[Key, list[AnswerMark]]] = {}
    for assignment, marks in _read(tx, query).items():
        marks_of[assignment] = grouped(((mark.question, mark.digest), mark) for mark in marks)
    return marks_of


def of_question(tx: Tx, question: OfferedQuestion) -> dict[str, list[AnswerMark]]:
    """Return the marks of the answers to a question by digest, the oldest first."""
    query = select(answer_marks.c.id).filter_by(**question.columns)
    return grouped((mark.digest, mark) for mark in _read(tx, query).get(question.assignment, ()))


def _read(tx: Tx, ids: Select[str]) -> dict[str, list[AnswerMark]]:
    """Return the marks whose ids a query selects, the oldest first, by assignment."""
    item = rubric.c.id.label("item"), rubric.c.text, rubric.c.points
    query = select_with_person(*answer_marks.c, *item, person=answer_marks.c.marker).where(answer_marks.c.id.in_(ids))
    query = query.outerjoin(mark_items, mark_items.c.mark == answer_marks.c.id)
    query = query.outerjoin(rubric, rubric.c.id == mark_items.c.item)
    query = query.order_by(answer_marks.c.at, answer_marks.c.id, rubric.c.position, rubric.c.id)
    marks = []
    for rows in grouped((row.id, row) for row in tx.execute(query)).values():
        items = tuple(record_of(row, RubricItem, id=row.item) for row in rows if row.item)
        mark = record_of(rows[0], AnswerMark, marker=person_of(rows[0]), items=items)
        marks.append((rows[0].assignment, mark))
    return grouped(marks)
