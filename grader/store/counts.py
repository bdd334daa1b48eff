"""Statistics for operators: the queue, finished gradings, and the results of each check."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import func, select

from grader.store.database import AnyRow, Tx
from grader.store.records import Kind, State
from grader.store.tables import gradings, results, submissions


def waiting(tx: Tx) -> Sequence[AnyRow]:
    """Return a row (priority, gradings, oldest) for each priority: the number of queued gradings, and when the oldest
    was queued."""
    return tx.execute(
        select(gradings.c.priority, func.count().label("gradings"), func.min(gradings.c.queued_at).label("oldest"))
        .where(gradings.c.state == State.QUEUED)
        .group_by(gradings.c.priority)
        .order_by(gradings.c.priority)
    ).all()


def by_state(tx: Tx) -> Sequence[AnyRow]:
    """Return a row (assignment, kind, state, gradings) with the number of gradings in each state."""
    columns = submissions.c.assignment, submissions.c.kind, gradings.c.state
    return tx.execute(
        select(*columns, func.count().label("gradings"))
        .join(submissions, submissions.c.id == gradings.c.submission)
        .group_by(*columns)
        .order_by(*columns)
    ).all()


def by_check(tx: Tx) -> Sequence[AnyRow]:
    """Return a row (assignment, check, status, gradings) with the number of gradings in which a check has each status.
    Only gradings that count are included."""
    columns = submissions.c.assignment, results.c.check, results.c.status
    return tx.execute(
        select(*columns, func.count().label("gradings"))
        .join(gradings, gradings.c.id == results.c.grading)
        .join(submissions, submissions.c.id == gradings.c.submission)
        .where(gradings.c.counts, submissions.c.kind == Kind.SUBMISSION)
        .group_by(*columns)
        .order_by(*columns)
    ).all()


def finished_since(tx: Tx, since: dt.datetime, known: Sequence[str] = ()) -> Sequence[AnyRow]:
    """Return a row (id, assignment, kind, queued_at, started_at, finished_at, report) for each grading that was graded
    at or after `since`, except those whose ids are in `known`. The report is JSON."""
    g = gradings.c
    return tx.execute(
        select(g.id, submissions.c.assignment, submissions.c.kind, g.queued_at, g.started_at, g.finished_at, g.report)
        .join(submissions, submissions.c.id == g.submission)
        .where(g.state == State.GRADED, g.finished_at >= since, g.id.not_in(list(known)))
    ).all()


def queue_entries(tx: Tx, courses: Sequence[str] | None) -> Sequence[AnyRow]:
    """Return a row (grading, submission, course, assignment, kind, state, priority, queued_at, started_at, worker) for
    each running grading, then for queued gradings in the order in which they will start; at most 100.

    Args:
        tx: The transaction.
        courses: Ids of courses; None for all.
    """
    g, s = gradings.c, submissions.c
    query = (
        select(g.id.label("grading"), g.submission, s.course, s.assignment, s.kind)
        .add_columns(g.state, g.priority, g.queued_at, g.started_at, g.worker)
        .join(submissions, s.id == g.submission)
        .where(g.state.in_((State.RUNNING, State.QUEUED)))
        .order_by(g.state.desc(), g.priority, g.turn, g.id)
        .limit(100)
    )
    return tx.execute(query if courses is None else query.where(s.course.in_(list(courses)))).all()
