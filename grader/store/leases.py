"""Leases: a worker takes a grading from the queue, renews the lease while it grades, and stores the result.

A grading is queued, then running under a lease, then graded or broken. Only the holder of the lease may finish it: if a
worker was presumed dead but is still running, it cannot overwrite the result of the worker that took over.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
from typing import Any

from sqlalchemy import ColumnElement, Update, and_, bindparam, func, insert, or_, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from grader.model import ZERO, Report
from grader.render import as_json
from grader.store import answers, outbox
from grader.store.database import Tx, change, now
from grader.store.queue import START_ORDER
from grader.store.records import Kind, Leased, Priority, State
from grader.store.scored import tell_scores_of
from grader.store.tables import gradings, results, submissions

LEASE = dt.timedelta(seconds=30)
"""A worker that has sent no heartbeat for this long counts as dead."""
DEADLINE = dt.timedelta(hours=2)
"""Longest duration of a grading; heartbeats do not extend it. On a loaded machine, two training runs that reach their
CPU-time limits take half of this time."""
MOST_FAILURES = 3
"""A grading becomes broken when the grader itself has failed this many times to grade it."""
MOST_STARTS = 20
"""A grading becomes broken after this many starts without an end, because it probably crashes its workers."""


def _leasing(is_chosen: ColumnElement[bool]) -> ReturningUpdate[Any]:
    """Return the SQL statement that leases the grading that meets a condition."""
    leasing = update(gradings).where(is_chosen)
    leasing = leasing.values(state=State.RUNNING, starts=gradings.c.starts + 1)
    columns = gradings.c.id, gradings.c.submission, gradings.c.scope, gradings.c.regrade, gradings.c.queued_at
    return leasing.returning(*columns)


# The statements of `claim` and `finish` are built once: building one takes longer than running it on SQLite, and other
# writers wait for it.
_NEXT = (
    select(gradings.c.id)
    .filter_by(state=State.QUEUED)
    .order_by(*START_ORDER)
    .limit(1)
    .with_for_update(skip_locked=True)  # left out for SQLite, which has one writer
)
_IS_PRECHECK = gradings.c.priority == Priority.PRECHECK
_CLAIM = {
    None: _leasing(gradings.c.id == _NEXT.scalar_subquery()),
    Kind.PRECHECK: _leasing(gradings.c.id == _NEXT.where(_IS_PRECHECK).scalar_subquery()),
    Kind.SUBMISSION: _leasing(gradings.c.id == _NEXT.where(~_IS_PRECHECK).scalar_subquery()),
}
_SUBMISSION = select(submissions.c.assignment, submissions.c.kind).filter_by(id=bindparam("submission"))


def claim(tx: Tx, worker: str, only: Kind | None = None, lease: dt.timedelta = LEASE) -> Leased | None:
    """Lease the next grading in the queue to a worker. Return None if no grading is queued.

    Args:
        tx: A transaction that writes.
        worker: The name of the worker.
        only: Take only pre-checks, or only gradings of submissions; None for all.
        lease: Duration of the lease; each heartbeat starts it again.
    """
    return _lease(tx, _CLAIM[only], worker, lease)


def take(tx: Tx, grading: str, worker: str, lease: dt.timedelta = LEASE) -> Leased | None:
    """Lease this grading to a worker if it is queued, or if its previous worker is dead. Otherwise return None."""
    is_free = or_(gradings.c.state == State.QUEUED, _is_abandoned())
    leasing = _leasing(and_(gradings.c.id == grading, is_free))
    return _lease(tx, leasing, worker, lease)


def _lease(tx: Tx, leasing: ReturningUpdate[Any], worker: str, lasts: dt.timedelta) -> Leased | None:
    """Run a statement of `_leasing`, which chooses a grading, and return the grading with its lease; None if the
    statement has chosen none."""
    started_at = now()
    deadline = started_at + DEADLINE
    lease = secrets.token_hex(16)  # known to this worker only, so that no other worker can finish the grading
    values = {"lease": lease, "worker": worker, "started_at": started_at}
    times = {"lease_until": started_at + lasts, "deadline": deadline}
    row = tx.execute(leasing, values | times).one_or_none()
    if row is None:
        return None
    submission = tx.execute(_SUBMISSION, {"submission": row.submission}).one()
    return Leased(
        grading=row.id,
        submission=row.submission,
        assignment=submission.assignment,
        kind=submission.kind,
        scope=row.scope,
        regrade=row.regrade,
        lease=lease,
        lasts=lasts,
        deadline=deadline,
        queued_at=row.queued_at,
    )


def _is_abandoned() -> ColumnElement[bool]:
    """Return the SQL condition that a grading is running under a lease that has ended."""
    moment = now()
    is_over = or_(gradings.c.lease_until <= moment, gradings.c.deadline <= moment)
    return and_(gradings.c.state == State.RUNNING, is_over)


def renew(tx: Tx, leased: Leased) -> bool:
    """Renew a lease. Return False if the grading was cancelled, has passed its deadline, or has another worker now."""
    moment = now()
    renewal = _update_of(leased).where(gradings.c.deadline > moment)
    return change(tx, renewal.values(lease_until=moment + leased.lasts)) > 0


def _update_of(leased: Leased) -> Update:
    """Return an SQL update of a grading that changes nothing if its lease has been lost."""
    grading = update(gradings).filter_by(id=leased.grading)
    return grading.filter_by(state=State.RUNNING, lease=leased.lease)


def _counts_when_finished() -> ColumnElement[bool]:
    """Return the SQL condition that a finished grading will give its submission the points: it belongs to no regrade,
    and no other grading of the submission gives them yet."""
    other_gradings = gradings.alias()
    counting = select(other_gradings.c.id).filter_by(counts=True)
    counting = counting.where(other_gradings.c.submission == gradings.c.submission)
    return and_(gradings.c.regrade.is_(None), ~counting.exists())


_FINISH = (
    update(gradings)
    .filter_by(id=bindparam("leased"), state=State.RUNNING, lease=bindparam("current_lease"))
    .values(state=State.GRADED, lease=None, why="", counts=_counts_when_finished())
    .returning(gradings.c.counts)
)


def finish(tx: Tx, leased: Leased, report: Report, compatibility_key: str) -> bool:
    """Store the report of a grading. The stored points are the sum over the checks, without written answers.

    Args:
        tx: A transaction that writes.
        leased: The grading.
        report: The report.
        compatibility_key: The compatibility key of the worker that made the report.

    Returns:
        False if the lease has been lost, in which case nothing is stored.
    """
    decided = [check for check in report.checks if check.status.is_decided]
    values = {
        "leased": leased.grading,
        "current_lease": leased.lease,
        "finished_at": now(),
        "compatibility_key": compatibility_key,
        "grader": report.environment.grader,
        "assignment_digest": report.assignment.digest,
        "seed": report.seed,
        "points": sum((check.points for check in decided), ZERO),
        "decided": sum((check.possible for check in decided), ZERO),
        "possible": report.possible,
        "report": json.dumps(as_json.as_json(report), allow_nan=False),  # indentation would take ten times as long
    }
    finished = tx.execute(_FINISH, values).one_or_none()
    if finished is None:
        return False
    if leased.kind is Kind.SUBMISSION:
        answers.add(tx, leased.grading, leased.submission, report)
        if finished.counts:
            outbox.tell_graded(tx, {leased.submission: [check.id for check in decided]})
            tell_scores_of(tx, [leased.submission])
    rows: list[dict[str, Any]] = []
    for position, check in enumerate(report.checks):
        row = {
            "grading": leased.grading,
            "check": check.id,
            "position": position,
            "points": check.points,
            "possible": check.possible,
            "status": check.status,
            "mistake": check.group[:200],
            "reason": check.reason,
        }
        rows.append(row)
    if rows:
        tx.execute(insert(results), rows)
    return True


def fail(tx: Tx, leased: Leased, why: str) -> State | None:
    """Record a failure of the grader. Queue the grading again, or mark it as broken after `MOST_FAILURES` failures.

    Returns:
        The new state, or None if the lease has been lost.
    """
    failure = _update_of(leased).values(failures=gradings.c.failures + 1, why=why)
    if not change(tx, failure.values(state=State.QUEUED, lease=None)):
        return None
    _break(tx, gradings.c.id == leased.grading)
    return tx.scalar(select(gradings.c.state).filter_by(id=leased.grading))


def release(tx: Tx, leased: Leased, *, started: bool = False) -> bool:
    """Queue a grading again because its worker is shutting down or broken. This does not count as a failure, and as a
    start only if `started` is True. Return False if the lease has been lost."""
    release = _update_of(leased).values(state=State.QUEUED, lease=None)
    if not started:
        release = release.values(starts=gradings.c.starts - 1)
    is_released = change(tx, release) > 0
    _break(tx, gradings.c.id == leased.grading)
    return is_released


def recover(tx: Tx, *, everything: bool = False) -> int:
    """Queue the gradings of dead workers again, one turn later than before. So a grading that crashes its workers does
    not block the queue.

    Args:
        tx: A transaction that writes.
        everything: Treat all workers as dead, because the process that runs them has just started.

    Returns:
        The number of gradings that were queued again.
    """
    is_running = gradings.c.state == State.RUNNING
    recovered = update(gradings).where(is_running if everything else _is_abandoned())
    recovered = recovered.values(state=State.QUEUED, lease=None)
    count = change(tx, recovered.values(turn=gradings.c.turn + 1))
    if count:
        _break(tx, gradings.c.starts >= MOST_STARTS)
    return count


def _break(tx: Tx, condition: ColumnElement[bool]) -> None:
    """Mark the queued gradings that meet a condition as broken if they have failed or have been started too often."""
    is_hopeless = or_(gradings.c.failures >= MOST_FAILURES, gradings.c.starts >= MOST_STARTS)
    latest_failure = func.nullif(gradings.c.why, "")
    why = func.coalesce(latest_failure, f"{MOST_STARTS} workers have ended while they graded it")
    broken = update(gradings).filter_by(state=State.QUEUED).where(condition, is_hopeless)
    broken = broken.values(state=State.BROKEN, finished_at=now(), why=why)
    tell_scores_of(tx, tx.scalars(broken.returning(gradings.c.submission)).all())
