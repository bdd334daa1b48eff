"""What people have made of answers. A reading belongs to the answer's text and not to a submission: whoever wrote the
same has it, a resubmission with the same answer keeps it, and no grading and no regrade touches it."""

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
from grader.store.rubrics import Question, RubricItem, is_of, items_by_id
from grader.store.tables import people, readings, rubric, ticks

MOST_NAMED = 500
"""Digests that one query names; beyond that all readings of the assignment are fetched."""


@dataclass(frozen=True)
class Given:
    """What a reader gives."""

    items: tuple[str, ...] = ()
    """Ids of rubric items."""
    adjustment: Points = ZERO
    """Added to the items' points."""
    comment: str = ""
    """The student sees it."""
    moderates: bool = False
    """It decides where two readers differ."""


@dataclass(frozen=True)
class Reading:
    question: str
    digest: str
    reader: Person
    items: tuple[RubricItem, ...]
    """As they are worth now."""
    adjustment: Points
    comment: str
    moderates: bool
    at: dt.datetime

    def points(self, worth: Points) -> Points:
        """Never below zero, and never above what the question is worth."""
        return max(ZERO, min(worth, sum((item.points for item in self.items), ZERO) + self.adjustment))


def put(tx: Tx, question: Question, digest: str, reader: str, given: Given) -> None:
    """Sets it, or sets it anew. Raises `BadCall` where an item is none of the question's."""
    if (given.adjustment * 100).denominator != 1:
        raise BadCall(f"points are multiples of 1/100, which {given.adjustment} is not")
    wanted = list(dict.fromkeys(given.items))
    known = tx.scalars(select(rubric.c.id).where(is_of(rubric, question), rubric.c.id.in_(wanted))).all()
    if len(known) != len(wanted):
        raise BadCall("an item is none of this question's rubric (any more): load the page again")
    id = _put(tx, question, digest, reader, given)
    tx.execute(delete(ticks).where(ticks.c.reading == id))
    if wanted:
        tx.execute(insert(ticks), [{"reading": id, "item": item} for item in wanted])


def _put(tx: Tx, question: Question, digest: str, reader: str, given: Given) -> str:
    where = is_of(readings, question) & (readings.c.digest == digest) & (readings.c.reader == reader)
    values = {"adjustment": given.adjustment, "comment": given.comment, "moderates": given.moderates, "at": now()}
    known = tx.execute(update(readings).where(where).values(values).returning(readings.c.id)).one_or_none()
    if known:
        return str(known.id)
    id = new_id()
    place = {"course": question.course, "assignment": question.assignment, "question": question.id}
    tx.execute(insert(readings).values(place | values | {"id": id, "digest": digest, "reader": reader}))
    return id


def take_back(tx: Tx, question: Question, digest: str, reader: str) -> None:
    where = is_of(readings, question) & (readings.c.digest == digest) & (readings.c.reader == reader)
    id = tx.scalar(select(readings.c.id).where(where))
    tx.execute(delete(ticks).where(ticks.c.reading == id))
    tx.execute(delete(readings).where(readings.c.id == id))


Key = tuple[str, str]
"""(question, digest)"""


def of_answers(
    tx: Tx, course: str, assignment: str, digests: Collection[str] | None = None
) -> dict[Key, list[Reading]]:
    """The oldest first. `None`: of all answers."""
    where = (readings.c.course == course) & (readings.c.assignment == assignment)
    if digests is not None and len(digests) <= MOST_NAMED:
        where &= readings.c.digest.in_(list(digests))
    rows = tx.execute(
        select(*readings.c, *PERSON[1:])
        .join(people, people.c.id == readings.c.reader)
        .where(where)
        .order_by(readings.c.at, readings.c.id)
    ).all()
    ticked = _ticked(tx, [row.id for row in rows])
    found: dict[Key, list[Reading]] = {}
    for row in rows:
        found.setdefault((row.question, row.digest), []).append(_reading(row, ticked.get(row.id, [])))
    return found


def _ticked(tx: Tx, ids: Collection[str]) -> dict[str, list[RubricItem]]:
    """Reading → items, in the rubric's order."""
    pairs: list[AnyRow] = []
    wanted = list(ids)
    for start in range(0, len(wanted), MOST_NAMED):
        some = wanted[start : start + MOST_NAMED]
        pairs += tx.execute(select(ticks.c.reading, ticks.c.item).where(ticks.c.reading.in_(some))).all()
    known = items_by_id(tx, {pair.item for pair in pairs})
    place = {id: n for n, id in enumerate(known)}
    found: dict[str, list[RubricItem]] = {}
    for pair in sorted(pairs, key=lambda pair: place[pair.item]):
        found.setdefault(pair.reading, []).append(known[pair.item])
    return found


def _reading(row: AnyRow, items: list[RubricItem]) -> Reading:
    return Reading(
        question=row.question,
        digest=row.digest,
        reader=Person(row.reader, row.login, row.name, row.admin),
        items=tuple(items),
        adjustment=row.adjustment,
        comment=row.comment,
        moderates=row.moderates,
        at=row.at,
    )
