"""Marks that people give to answers. A mark belongs to the text of an answer: it holds for all students with the same
text and for resubmissions, and gradings and regrades keep it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from grader.errors import BadCall
from grader.model import ZERO, Points
from grader.store.database import AnyRow, Tx, now
from grader.store.people import PERSON
from grader.store.records import Person, new_id
from grader.store.rubrics import OfferedQuestion, RubricItem, is_of, items_by_id
from grader.store.tables import answer_marks, mark_items, people, rubric

MOST_NAMED = 500
"""Most digests in one query; for more, all marks of the assignment are fetched."""


@dataclass(frozen=True)
class NewMark:
    """A mark to be stored."""

    items: tuple[str, ...] = ()
    """Ids of rubric items."""
    adjustment: Points = ZERO
    """Added to the items' points."""
    comment: str = ""
    """For the student."""
    moderates: bool = False
    """True for a moderator's mark, which decides between two that differ."""


@dataclass(frozen=True)
class AnswerMark:
    """A stored mark of an answer."""

    question: str
    digest: str
    marker: Person
    items: tuple[RubricItem, ...]
    """Items with their present points."""
    adjustment: Points
    comment: str
    moderates: bool
    at: dt.datetime

    @property
    def given(self) -> NewMark:
        """Return the mark as it is given."""
        return NewMark(tuple(item.id for item in self.items), self.adjustment, self.comment, self.moderates)

    def points(self, worth: Points) -> Points:
        """Return the points of the mark, from 0 to the points of the question."""
        return max(ZERO, min(worth, sum((item.points for item in self.items), ZERO) + self.adjustment))


def put(
    tx: Tx, question: OfferedQuestion, digest: str, marker: str, given: NewMark, at: dt.datetime | None = None
) -> dt.datetime:
    """Set a marker's mark of an answer, or replace it.

    Args:
        at: When it was given; None is now.

    Returns:
        When it was given.

    Raises:
        BadCall: If an item is not in the question's rubric, or the points are not a multiple of 1/100.
    """
    at = at or now()
    if (given.adjustment * 100).denominator != 1:
        raise BadCall(f"{given.adjustment} points cannot be given: points are multiples of 1/100")
    wanted = list(dict.fromkeys(given.items))
    known = tx.scalars(select(rubric.c.id).where(is_of(rubric, question), rubric.c.id.in_(wanted))).all()
    if len(known) != len(wanted):
        raise BadCall("an item is not in this question's rubric, or no longer: load the page again")
    id = _put(tx, question, digest, marker, given, at)
    tx.execute(delete(mark_items).where(mark_items.c.mark == id))
    if wanted:
        tx.execute(insert(mark_items), [{"mark": id, "item": item} for item in wanted])
    return at


def _put(tx: Tx, question: OfferedQuestion, digest: str, marker: str, given: NewMark, at: dt.datetime) -> str:
    where = is_of(answer_marks, question) & (answer_marks.c.digest == digest) & (answer_marks.c.marker == marker)
    values = {"adjustment": given.adjustment, "comment": given.comment, "moderates": given.moderates, "at": at}
    known = tx.execute(update(answer_marks).where(where).values(values).returning(answer_marks.c.id)).one_or_none()
    if known:
        return str(known.id)
    id = new_id()
    place = {"course": question.course, "assignment": question.assignment, "question": question.id}
    tx.execute(insert(answer_marks).values(place | values | {"id": id, "digest": digest, "marker": marker}))
    return id


def take_back(tx: Tx, question: OfferedQuestion, digest: str, marker: str) -> None:
    """Remove a marker's mark of an answer."""
    where = is_of(answer_marks, question) & (answer_marks.c.digest == digest) & (answer_marks.c.marker == marker)
    id = tx.scalar(select(answer_marks.c.id).where(where))
    tx.execute(delete(mark_items).where(mark_items.c.mark == id))
    tx.execute(delete(answer_marks).where(answer_marks.c.id == id))


Key = tuple[str, str]
"""(question, digest)"""


def of_answers(
    tx: Tx, course: str, assignment: str, digests: Collection[str] | None = None
) -> dict[Key, list[AnswerMark]]:
    """Return the marks of answers by question and digest, the oldest first.

    Args:
        tx: The transaction.
        course: Id of the course.
        assignment: Id of the assignment.
        digests: Digests of the answers; None for all answers.
    """
    where = (answer_marks.c.course == course) & (answer_marks.c.assignment == assignment)
    if digests is not None and len(digests) <= MOST_NAMED:
        where &= answer_marks.c.digest.in_(list(digests))
    rows = tx.execute(
        select(*answer_marks.c, *PERSON[1:])
        .join(people, people.c.id == answer_marks.c.marker)
        .where(where)
        .order_by(answer_marks.c.at, answer_marks.c.id)
    ).all()
    ticked = _ticked(tx, [row.id for row in rows])
    found: dict[Key, list[AnswerMark]] = {}
    for row in rows:
        found.setdefault((row.question, row.digest), []).append(_answer_mark(row, ticked.get(row.id, [])))
    return found


def _ticked(tx: Tx, ids: Collection[str]) -> dict[str, list[RubricItem]]:
    """Return the rubric items of marks by mark, in the order of the rubric."""
    pairs: list[AnyRow] = []
    wanted = list(ids)
    for start in range(0, len(wanted), MOST_NAMED):
        some = wanted[start : start + MOST_NAMED]
        pairs += tx.execute(select(mark_items.c.mark, mark_items.c.item).where(mark_items.c.mark.in_(some))).all()
    known = items_by_id(tx, {pair.item for pair in pairs})
    place = {id: n for n, id in enumerate(known)}
    found: dict[str, list[RubricItem]] = {}
    for pair in sorted(pairs, key=lambda pair: place[pair.item]):
        found.setdefault(pair.mark, []).append(known[pair.item])
    return found


def _answer_mark(row: AnyRow, items: list[RubricItem]) -> AnswerMark:
    return AnswerMark(
        question=row.question,
        digest=row.digest,
        marker=Person(row.marker, row.login, row.name, row.admin),
        items=tuple(items),
        adjustment=row.adjustment,
        comment=row.comment,
        moderates=row.moderates,
        at=row.at,
    )
