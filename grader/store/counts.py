"""Statistics for operators: the queue, and the results of each check."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from grader.model import Status
from grader.store.database import Tx, fetch
from grader.store.queue import START_ORDER, UNFINISHED
from grader.store.records import Kind, Priority, State
from grader.store.tables import gradings, results, submissions


@dataclass(frozen=True)
class QueuedGradings:
    priority: Priority
    gradings: int
    oldest: dt.datetime


@dataclass(frozen=True)
class StateCount:
    assignment: str
    kind: Kind
    state: State
    gradings: int


@dataclass(frozen=True)
class CheckCount:
    assignment: str
    check: str
    status: Status
    gradings: int


@dataclass(frozen=True)
class QueueEntry:
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


_COUNT = func.count().label("gradings")


def waiting(tx: Tx) -> list[QueuedGradings]:
    """Return the number of queued gradings, and when the oldest was queued, for each priority."""
    priority = gradings.c.priority
    oldest = func.min(gradings.c.queued_at).label("oldest")
    query = select(priority, _COUNT, oldest).where(gradings.c.state == State.QUEUED)
    query = query.group_by(priority).order_by(priority)
    return fetch(tx, query, QueuedGradings)


def by_state(tx: Tx) -> list[StateCount]:
    """Return the number of gradings by assignment, kind and state."""
    columns = submissions.c.assignment, submissions.c.kind, gradings.c.state
    query = select(*columns, _COUNT).join(submissions, submissions.c.id == gradings.c.submission)
    query = query.group_by(*columns).order_by(*columns)
    return fetch(tx, query, StateCount)


def by_check(tx: Tx) -> list[CheckCount]:
    """Return the number of gradings by assignment, check and status. Only the grading that gives a submission its
    points is included. Pre-checks are left out."""
    columns = submissions.c.assignment, results.c.check, results.c.status
    query = select(*columns, _COUNT).join(gradings, gradings.c.id == results.c.grading)
    query = query.join(submissions, submissions.c.id == gradings.c.submission)
    query = query.where(gradings.c.counts, submissions.c.kind == Kind.SUBMISSION)
    query = query.group_by(*columns).order_by(*columns)
    return fetch(tx, query, CheckCount)


def queue_entries(tx: Tx, courses: Sequence[str] | None) -> list[QueueEntry]:
    """Return running gradings, then queued gradings in the order in which they will start; at most 100.

    Args:
        tx: The transaction.
        courses: Ids of courses; None for all.
    """
    grading = gradings.c.id.label("grading")
    of_submission = submissions.c.course, submissions.c.assignment, submissions.c.kind
    query = select(grading, *gradings.c, *of_submission).where(UNFINISHED)
    query = query.join(submissions, submissions.c.id == gradings.c.submission)
    if courses is not None:
        query = query.where(submissions.c.course.in_(courses))
    query = query.order_by(gradings.c.state.desc(), *START_ORDER)
    query = query.limit(100)
    return fetch(tx, query, QueueEntry)
