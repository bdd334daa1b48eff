"""Marks that people give to answers. A mark applies to every answer with the same text, including those of other
students, resubmissions and regrades."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, insert, select

from grader.errors import BadCall
from grader.model import ZERO, Points
from grader.model.grouping import grouped
from grader.store.database import Tx, now, record_of, upsert
from grader.store.people import PERSON, person_of
from grader.store.records import Person, new_id
from grader.store.rubrics import OfferedQuestion, RubricItem, is_of, place, require_hundredths
from grader.store.tables import answer_marks, mark_items, people, rubric

MOST_NAMED = 500
"""Largest number of digests in one query. For more digests, `of_answers` reads all marks of the assignment."""


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
        return NewMark(tuple(item.id for item in self.items), self.adjustment, self.comment, self.moderates)

    def points(self, worth: Points) -> Points:
        """Return the points of the mark, limited to the range from 0 to `worth`, the points of the question."""
        return max(ZERO, min(worth, sum((item.points for item in self.items), ZERO) + self.adjustment))


def put(
    tx: Tx, question: OfferedQuestion, digest: str, marker: str, mark: NewMark | None, at: dt.datetime | None = None
) -> dt.datetime | None:
    """Set a marker's mark of an answer, replace it, or remove it.

    Args:
        tx: A transaction that writes.
        question: The question.
        digest: The answer's digest.
        marker: Id of the marker.
        mark: The mark; None to remove it.
        at: The time of the mark; None for now.

    Returns:
        The time of the mark; None if it was removed.

    Raises:
        BadCall: If an item is not in the question's rubric, or the adjustment is not a multiple of 1/100 point.
    """
    where = is_of(answer_marks, question) & (answer_marks.c.digest == digest) & (answer_marks.c.marker == marker)
    id = tx.scalar(select(answer_marks.c.id).where(where))
    tx.execute(delete(mark_items).where(mark_items.c.mark == id))
    if mark is None:
        tx.execute(delete(answer_marks).where(answer_marks.c.id == id))
        return None
    require_hundredths(mark.adjustment)
    items = list(dict.fromkeys(mark.items))
    in_rubric = tx.scalars(select(rubric.c.id).where(is_of(rubric, question), rubric.c.id.in_(items))).all()
    if len(in_rubric) != len(items):
        raise BadCall("an item is no longer in this question's rubric: load the page again")
    id = id or new_id()
    at = at or now()
    row = {"id": id, "digest": digest, "marker": marker, "at": at}
    row |= {"adjustment": mark.adjustment, "comment": mark.comment, "moderates": mark.moderates}
    upsert(tx, answer_marks, place(question) | row)
    if items:
        tx.execute(insert(mark_items), [{"mark": id, "item": item} for item in items])
    return at


Key = tuple[str, str]
"""(id of the question, digest of the answer's text)"""


def of_answers(
    tx: Tx, course: str, assignment: str, digests: Collection[str] | None = None
) -> dict[Key, list[AnswerMark]]:
    """Return the marks of an assignment's answers by (question, digest), the oldest first.

    Args:
        tx: The transaction.
        course: Id of the course.
        assignment: Id of the assignment.
        digests: Digests of the answers; None for all answers.
    """
    where = (answer_marks.c.course == course) & (answer_marks.c.assignment == assignment)
    if digests is not None and len(digests) <= MOST_NAMED:
        where &= answer_marks.c.digest.in_(list(digests))
    return grouped(((mark.question, mark.digest), mark) for mark in _read(tx, where))


def of_question(tx: Tx, question: OfferedQuestion) -> dict[str, list[AnswerMark]]:
    """Return the marks of the answers to a question by digest, the oldest first."""
    return grouped((mark.digest, mark) for mark in _read(tx, is_of(answer_marks, question)))


def _read(tx: Tx, where: ColumnElement[bool]) -> Iterator[AnswerMark]:
    """Yield the marks that meet a condition, the oldest first."""
    items = _items_of(tx, where)
    rows = tx.execute(
        select(*answer_marks.c, *PERSON)
        .join(people, people.c.id == answer_marks.c.marker)
        .where(where)
        .order_by(answer_marks.c.at, answer_marks.c.id)
    ).all()
    for row in rows:
        yield record_of(row, AnswerMark, marker=person_of(row), items=tuple(items.get(row.id, ())))


def _items_of(tx: Tx, where: ColumnElement[bool]) -> dict[str, list[RubricItem]]:
    """Return the applied rubric items of the marks that meet a condition, by mark id, in the order of the rubric."""
    rows = tx.execute(
        select(mark_items.c.mark, *rubric.c)
        .join(rubric, rubric.c.id == mark_items.c.item)
        .join(answer_marks, answer_marks.c.id == mark_items.c.mark)
        .where(where)
        .order_by(rubric.c.position, rubric.c.id)
    )
    return grouped((row.mark, record_of(row, RubricItem)) for row in rows)
