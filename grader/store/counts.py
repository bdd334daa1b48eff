"""Statistics for operators: the queue, finished gradings, and the results of each check."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from grader.model import Status
from grader.store.database import Tx
from grader.store.gradings import by_ids
from grader.store.records import Grading, Kind, Priority, State
from grader.store.tables import gradings, results, submissions


@dataclass(frozen=True)
class QueuedGradings:
    """The queued gradings of one priority."""

    priority: Priority
    gradings: int
    oldest: dt.datetime


def waiting(tx: Tx) -> list[QueuedGradings]:
    """Return the number of queued gradings, and when the oldest was queued, for each priority."""
    rows = tx.execute(
        select(gradings.c.priority, func.count(), func.min(gradings.c.queued_at))
        .where(gradings.c.state == State.QUEUED)
        .group_by(gradings.c.priority)
        .order_by(gradings.c.priority)
    )
    return [QueuedGradings(*row) for row in rows]


@dataclass(frozen=True)
class StateCount:
    """The number of gradings of one assignment, of one kind of submission, and in one state."""

    assignment: str
    kind: Kind
    state: State
    gradings: int


def by_state(tx: Tx) -> list[StateCount]:
    """Return the number of gradings by assignment, kind and state."""
    columns = submissions.c.assignment, submissions.c.kind, gradings.c.state
    rows = tx.execute(
        select(*columns, func.count())
        .join(submissions, submissions.c.id == gradings.c.submission)
        .group_by(*columns)
        .order_by(*columns)
    )
    return [StateCount(*row) for row in rows]


@dataclass(frozen=True)
class CheckCount:
    """The number of gradings in which a check has one status. Only gradings that count are included."""

    assignment: str
    check: str
    status: Status
    gradings: int


def by_check(tx: Tx) -> list[CheckCount]:
    """Return the number of gradings by assignment, check and status. Only gradings that count are included."""
    columns = submissions.c.assignment, results.c.check, results.c.status
    rows = tx.execute(
        select(*columns, func.count())
        .join(gradings, gradings.c.id == results.c.grading)
        .join(submissions, submissions.c.id == gradings.c.submission)
        .where(gradings.c.counts, submissions.c.kind == Kind.SUBMISSION)
        .group_by(*columns)
        .order_by(*columns)
    )
    return [CheckCount(*row) for row in rows]


@dataclass(frozen=True)
class FinishedGrading:
    """A grading in the state `graded`, with its report as JSON."""

    id: str
    assignment: str
    kind: Kind
    queued_at: dt.datetime
    started_at: dt.datetime
    finished_at: dt.datetime
    report: str


def finished_since(tx: Tx, since: dt.datetime, known: Sequence[str] = ()) -> Iterator[FinishedGrading]:
    """Yield the gradings that were graded at or after `since`, except those whose ids are in `known`."""
    rows = tx.execute(
        select(
            gradings.c.id, submissions.c.assignment, submissions.c.kind, gradings.c.queued_at,
            gradings.c.started_at, gradings.c.finished_at, gradings.c.report,
        )
        .join(submissions, submissions.c.id == gradings.c.submission)
        .where(
            gradings.c.state == State.GRADED, gradings.c.finished_at >= since, gradings.c.id.not_in(list(known))
        )
    )  # fmt: skip
    for row in rows:
        yield FinishedGrading(*row)


@dataclass(frozen=True)
class QueueEntry:
    """A queued or running grading, with its course, assignment and kind."""

    grading: Grading
    course: str
    assignment: str
    kind: Kind


def queue_entries(tx: Tx, courses: Sequence[str] | None) -> list[QueueEntry]:
    """Return running gradings, then queued gradings in the order in which they will start; at most 100.

    Args:
        tx: The transaction.
        courses: Ids of courses; None for all.
    """
    query = (
        select(gradings.c.id, submissions.c.course, submissions.c.assignment, submissions.c.kind)
        .join(submissions, submissions.c.id == gradings.c.submission)
        .where(gradings.c.state.in_((State.RUNNING, State.QUEUED)))
        .order_by(gradings.c.state.desc(), gradings.c.priority, gradings.c.turn, gradings.c.id)
        .limit(100)
    )
    if courses is not None:
        query = query.where(submissions.c.course.in_(list(courses)))
    rows = tx.execute(query).all()
    found = by_ids(tx, [row.id for row in rows])
    return [QueueEntry(found[row.id], row.course, row.assignment, row.kind) for row in rows]
