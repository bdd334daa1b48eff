"""Statistics for operators: the queue, finished gradings, and the results of each check."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import func, select

from grader.model import Status
from grader.store.database import Tx
from grader.store.records import Kind, Priority, State
from grader.store.tables import gradings, results, submissions


class QueuedGradings(NamedTuple):
    priority: Priority
    gradings: int
    oldest: dt.datetime


class StateCount(NamedTuple):
    assignment: str
    kind: Kind
    state: State
    gradings: int


class CheckCount(NamedTuple):
    assignment: str
    check: str
    status: Status
    gradings: int


class FinishedGrading(NamedTuple):
    id: str
    assignment: str
    kind: Kind
    queued_at: dt.datetime
    started_at: dt.datetime
    finished_at: dt.datetime
    report: str
    """The report as JSON."""


class QueueEntry(NamedTuple):
    grading: str
    submission: str
    course: str
    assignment: str
    kind: Kind
    state: State
    priority: Priority
    queued_at: dt.datetime
    started_at: dt.datetime | None
    worker: str | None


def waiting(tx: Tx) -> list[QueuedGradings]:
    """Return the number of queued gradings, and when the oldest was queued, for each priority."""
    rows = tx.execute(
        select(gradings.c.priority, func.count(), func.min(gradings.c.queued_at))
        .where(gradings.c.state == State.QUEUED)
        .group_by(gradings.c.priority)
        .order_by(gradings.c.priority)
    )
    return [QueuedGradings(*row) for row in rows]


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


def by_check(tx: Tx) -> list[CheckCount]:
    """Return the number of gradings by assignment, check and status. Only the grading that gives a submission its
    points is included. Pre-checks are left out."""
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


def finished_since(tx: Tx, since: dt.datetime, known: Sequence[str] = ()) -> list[FinishedGrading]:
    """Return the gradings that were graded at or after `since`, except those whose ids are in `known`."""
    g = gradings.c
    rows = tx.execute(
        select(g.id, submissions.c.assignment, submissions.c.kind, g.queued_at, g.started_at, g.finished_at, g.report)
        .join(submissions, submissions.c.id == g.submission)
        .where(g.state == State.GRADED, g.finished_at >= since, g.id.not_in(list(known)))
    )
    return [FinishedGrading(*row) for row in rows]


def queue_entries(tx: Tx, courses: Sequence[str] | None) -> list[QueueEntry]:
    """Return running gradings, then queued gradings in the order in which they will start; at most 100.

    Args:
        tx: The transaction.
        courses: Ids of courses; None for all.
    """
    g, s = gradings.c, submissions.c
    query = (
        select(g.id, g.submission, s.course, s.assignment, s.kind)
        .add_columns(g.state, g.priority, g.queued_at, g.started_at, g.worker)
        .join(submissions, s.id == g.submission)
        .where(g.state.in_((State.RUNNING, State.QUEUED)))
        .order_by(g.state.desc(), g.priority, g.turn, g.id)
        .limit(100)
    )
    rows = tx.execute(query if courses is None else query.where(s.course.in_(list(courses))))
    return [QueueEntry(*row) for row in rows]
