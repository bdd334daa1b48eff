"""Messages to learning platforms: the score of a student may have changed.

A message does not contain the score. The sender computes it, and sends nothing if the platform has it already. So an
unnecessary message costs little, and code that changes data need not know whether a score changes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, case, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from grader.model.grouping import grouped
from grader.store.records import Channel, EventKind, Kind, new_id
from grader.store.tables import answers, authors, gradings, lti_contexts, lti_line_items, outbox, submissions

DECISIVE = frozenset(
    (
        "adjustments",
        "answer_marks",
        "courses",
        "extensions",
        "gradings",
        "holds",
        "label_extensions",
        "late_day_grants",
        "mark_items",
        "marks",
        "members",
        "offerings",
        "questions",
        "regrades",
        "rubric",
    )
)
"""Names of the tables whose recorded changes may change scores."""
LEASE = dt.timedelta(minutes=2)
"""A claimed message can be claimed again after this time, which is longer than an attempt to send it takes."""
_COLUMN = select(lti_line_items.c.context).limit(1)
(_PENDING,) = (index for index in outbox.indexes if index.unique)


def dialect(tx: Connection) -> Any:
    """Return SQLAlchemy's module of the transaction's database, for INSERT … ON CONFLICT."""
    return postgresql if tx.dialect.name == "postgresql" else sqlite


def tell_scores(
    tx: Connection, course: str, assignment: str | None = None, persons: Collection[str] | None = None
) -> None:
    """Add messages that the scores of students may have changed, if platforms have a column for the assignment.

    There are messages for all who submitted together, and also for other assignments for which they use late days,
    since late days are counted over all assignments of the course.

    Args:
        tx: A transaction that writes.
        course: Id of the course.
        assignment: Id of the assignment; None for all.
        persons: Ids of the people; None for everybody who has submitted.
    """
    if tx.scalar(_COLUMN) is None:
        return
    columns = select(lti_line_items.c.assignment).join(lti_contexts).where(lti_contexts.c.course == course)
    person, newest = authors.c.person, func.max(submissions.c.id)
    query = select(submissions.c.assignment, person, newest.label("submission")).join(authors)
    query = query.filter_by(course=course, kind=Kind.SUBMISSION).where(submissions.c.assignment.in_(columns))
    if assignment is not None:
        query = query.where(or_(submissions.c.assignment == assignment, submissions.c.late_days > 0))
    if persons is not None:
        own, shared = authors.alias(), authors.alias()
        reached = select(person).where(person.in_(persons)).cte("reached", recursive=True)
        partners = select(shared.c.person).join(own, own.c.submission == shared.c.submission)
        reached = reached.union(partners.join(reached, reached.c.person == own.c.person))
        query = query.where(person.in_(select(reached.c.person)))
    # always in the same order, to avoid deadlocks
    rows = tx.execute(query.group_by(submissions.c.assignment, person).order_by(submissions.c.assignment, person))
    moment = dt.datetime.now(dt.UTC)
    common: dict[str, object] = {"event": EventKind.SCORED, "channel": Channel.PLATFORM, "course": course}
    common |= {"at": moment, "due_at": moment}
    messages = [common | {"id": new_id()} | dict(row) for row in rows.mappings()]
    if not messages:
        return
    # a message that is being sent stays claimed; others that wait for longer than a claim lasts are due now
    is_claimed = outbox.c.due_at <= moment + 2 * LEASE
    values = {"at": moment, "due_at": case((is_claimed, outbox.c.due_at), else_=moment), "failures": 0}
    where = _PENDING.dialect_options["sqlite"]["where"]
    insertion = dialect(tx).insert(outbox)
    insertion = insertion.on_conflict_do_update(index_elements=_PENDING.columns, index_where=where, set_=values)
    tx.execute(insertion, messages)


def tell_scores_of(tx: Connection, ids: Iterable[str]) -> None:
    """Add messages that the scores of the authors of submissions may have changed, as `tell_scores` does."""
    if tx.scalar(_COLUMN) is None:
        return
    query = select(submissions.c.course, submissions.c.assignment, authors.c.person).join(authors)
    rows = tx.execute(query.where(submissions.c.id.in_(ids)).order_by(submissions.c.assignment))
    for (course, assignment), persons in grouped(((row.course, row.assignment), row.person) for row in rows).items():
        tell_scores(tx, course, assignment, persons)


def tell_changes(tx: Connection, places: Iterable[Mapping[str, Any]]) -> None:
    """Add messages about the scores that depend on changed rows of the tables in `DECISIVE`. `places` are the rows'
    entries in the audit."""
    if tx.scalar(_COLUMN) is None:
        return
    ids, digests, other = set(), set(), []
    for place in places:
        if place["submission"]:
            ids.add(place["submission"])
        elif place["digest"]:
            digests.add(place["digest"])
        else:
            other.append(((place["course"], place["assignment"]), place["person"]))
    if digests:
        ids.update(tx.scalars(select(gradings.c.submission).join(answers).where(answers.c.digest.in_(digests))))
    tell_scores_of(tx, ids)
    for (course, assignment), persons in grouped(other).items():
        tell_scores(tx, course, assignment, None if None in persons else persons)
