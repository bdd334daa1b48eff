"""Gradings: the queue, leases and results.

A grading is queued, then running under a lease, then graded or broken. Only the holder of the lease may finish it: if a
worker was presumed dead but is still running, it cannot overwrite the result of the worker that took over.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import fields
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, insert, literal, or_, select, tuple_, update
from sqlalchemy.sql.dml import ReturningUpdate

from grader.model import ZERO, Report, Status
from grader.model.grouping import grouped
from grader.render import as_json
from grader.store import answers
from grader.store.database import Tx, now
from grader.store.records import CheckRecord, Grading, Kind, Leased, Priority, State, new_id
from grader.store.tables import files, gradings, results, submissions

LEASE = dt.timedelta(seconds=30)
"""A worker that has sent no heartbeat for this long counts as dead."""
DEADLINE = dt.timedelta(hours=2)
"""Longest duration of a grading; heartbeats do not extend it. On a loaded machine, two training runs that reach their
CPU-time limits take half of this time."""
MOST_FAILURES = 3
"""A grading becomes broken when the grader itself has failed this many times to grade it."""
MOST_STARTS = 20
"""A grading becomes broken after this many starts without an end, because it probably crashes its workers."""

FULL: Mapping[str, Any] = MappingProxyType({})
"""The scope of a full grading: all fields of `grader.engine.grade.Scope` have their defaults."""

_WAITING = gradings.c.state.in_((State.QUEUED, State.RUNNING))


# ── enqueue, cancel ───────────────────────────────────────────────────────────────────────────────────


def enqueue(
    tx: Tx,
    submission: str,
    fairness_key: str,
    priority: Priority,
    compatibility_key: str,
    *,
    scope: Mapping[str, Any] = FULL,
    regrade: str | None = None,
) -> str:
    """Add a grading of a submission to the queue.

    Args:
        tx: A transaction that writes.
        submission: Id of the submission.
        fairness_key: Id of a person. Gradings of different people take turns.
        priority: The priority.
        compatibility_key: Only workers with this key may take the grading.
        scope: The fields of `grader.engine.grade.Scope` that are not at their defaults; empty for a full grading.
        regrade: Id of the regrade that the grading belongs to, if any.

    Returns:
        The id of the grading.
    """
    id = new_id()
    row = {
        "id": id,
        "submission": submission,
        "regrade": regrade,
        "state": State.QUEUED,
        "priority": priority,
        "turn": _turn(tx, fairness_key, priority),
        "fairness_key": fairness_key,
        "compatibility_key": compatibility_key,
        "scope": dict(scope),
        "queued_at": now(),
    }
    tx.execute(insert(gradings), row)
    return id


def _turn(tx: Tx, fairness_key: str, priority: Priority) -> int:
    """Return the turn of a new grading. The queue serves turn after turn, with at most one grading of a person in each
    turn."""
    g, of_priority = gradings.c, gradings.c.priority == priority
    served = tx.scalar(select(func.min(g.turn)).where(g.state == State.QUEUED, of_priority))
    own = tx.scalar(select(func.max(g.turn)).where(_WAITING, of_priority, g.fairness_key == fairness_key))
    return max(served or 0, 0 if own is None else own + 1)


def supersede(tx: Tx, newer: str) -> int:
    """Mark queued gradings as superseded by a newer submission: those of the same person's earlier submissions of the
    same kind to the same assignment. Return the number of these gradings.

    Args:
        tx: A transaction that writes.
        newer: Id of the new submission.
    """
    new = tx.execute(select(submissions).where(submissions.c.id == newer)).one()
    older = select(submissions.c.id).where(
        submissions.c.course == new.course,
        submissions.c.assignment == new.assignment,
        submissions.c.kind == new.kind,
        submissions.c.by == new.by,
        submissions.c.id != newer,
        submissions.c.received_at <= new.received_at,
    )
    where = (gradings.c.state == State.QUEUED) & gradings.c.regrade.is_(None) & gradings.c.submission.in_(older)
    return update_where(tx, where, state=State.SUPERSEDED, finished_at=now())


def cancel(tx: Tx, grading: str) -> bool:
    """Cancel a queued or running grading. A worker that runs it notices at its next heartbeat. Return False if the
    grading is in a final state."""
    return bool(cancel_where(tx, gradings.c.id == grading))


def cancel_all(tx: Tx) -> None:
    """Cancel all queued gradings. Running gradings continue."""
    cancel_where(tx, gradings.c.state == State.QUEUED)


def cancel_where(tx: Tx, where: ColumnElement[bool]) -> int:
    """Cancel the queued and running gradings that meet a condition. Return the number of cancelled gradings."""
    return update_where(tx, where & _WAITING, state=State.CANCELLED, finished_at=now(), lease=None)


def update_where(tx: Tx, where: ColumnElement[bool], **values: Any) -> int:
    """Set `values` in all gradings that meet a condition. Return the number of changed gradings."""
    return tx.execute(update(gradings).where(where).values(values)).rowcount


def resume(tx: Tx, grading: str) -> bool:
    """Queue a cancelled grading again without resetting its counts of failures and starts. Return False if the grading
    is not cancelled."""
    where = (gradings.c.id == grading) & (gradings.c.state == State.CANCELLED)
    return bool(update_where(tx, where, state=State.QUEUED, finished_at=None))


def waiting(tx: Tx, person: str | None = None) -> int:
    """Return the number of queued gradings of a person (None: of all people), without regrades."""
    query = select(func.count()).select_from(gradings).where(gradings.c.state == State.QUEUED)
    query = query.where(gradings.c.regrade.is_(None))
    return tx.scalar(query if person is None else query.where(gradings.c.fairness_key == person)) or 0


def ahead_of(tx: Tx, grading: str) -> int | None:
    """Return the number of gradings that will start before this one; None if this one is not queued."""
    g = gradings.c
    own = tx.execute(select(g.state, g.priority, g.turn, g.id).where(g.id == grading)).one_or_none()
    if own is None or own.state != State.QUEUED:
        return None
    place = literal(own.priority, g.priority.type), literal(own.turn), literal(own.id)
    earlier = tuple_(g.priority, g.turn, g.id) < tuple_(*place)
    return tx.scalar(select(func.count()).select_from(gradings).where(g.state == State.QUEUED, earlier)) or 0


# ── leases ─────────────────────────────────────────────────────────────────────────────────


def _leasing(where: ColumnElement[bool]) -> ReturningUpdate[Any]:
    """Return the SQL statement that leases the grading selected by `where`."""
    return (
        update(gradings)
        .where(where)
        .values(state=State.RUNNING, starts=gradings.c.starts + 1)
        .returning(gradings.c.id, gradings.c.submission, gradings.c.scope)
    )


# The statements of `claim` and `finish` are built once: building one takes longer than running it on SQLite, and other
# writers wait for it.
_NEXT = (
    select(gradings.c.id)
    .where(gradings.c.state == State.QUEUED)
    .order_by(gradings.c.priority, gradings.c.turn, gradings.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)  # left out for SQLite, which has one writer
)
_CLAIM = _leasing(gradings.c.id == _NEXT.scalar_subquery())
_NEXT_OF_PRIORITY = _NEXT.where(gradings.c.priority == bindparam("of_priority"))
_CLAIM_OF_PRIORITY = _leasing(gradings.c.id == _NEXT_OF_PRIORITY.scalar_subquery())
_KIND = select(submissions.c.assignment, submissions.c.kind).where(submissions.c.id == bindparam("submission"))


def claim(tx: Tx, worker: str, only: Priority | None = None, lease: dt.timedelta = LEASE) -> Leased | None:
    """Lease the next grading in the queue to a worker. Return None if no grading is queued.

    Args:
        tx: A transaction that writes.
        worker: The name of the worker.
        only: Take only gradings of this priority; None for all.
        lease: Duration of the lease; each heartbeat starts it again.
    """
    if only is None:
        return _lease(tx, _CLAIM, worker, lease)
    return _lease(tx, _CLAIM_OF_PRIORITY, worker, lease, of_priority=only)


def take(tx: Tx, grading: str, worker: str, lease: dt.timedelta = LEASE) -> Leased | None:
    """Lease this grading to a worker if it is queued, or if its previous worker is dead. Otherwise return None."""
    is_free = or_(gradings.c.state == State.QUEUED, _is_abandoned())
    return _lease(tx, _leasing(and_(gradings.c.id == grading, is_free)), worker, lease)


def _lease(tx: Tx, leasing: ReturningUpdate[Any], worker: str, lasts: dt.timedelta, **parameters: Any) -> Leased | None:
    moment, lease = now(), secrets.token_hex(16)
    deadline = moment + DEADLINE
    values = {"lease": lease, "worker": worker, "started_at": moment, "lease_until": moment + lasts}
    row = tx.execute(leasing, {**parameters, **values, "deadline": deadline}).one_or_none()
    if row is None:
        return None
    of = tx.execute(_KIND, {"submission": row.submission}).one()
    return Leased(row.id, row.submission, of.assignment, of.kind, row.scope, lease, lasts, deadline)


def _is_abandoned() -> ColumnElement[bool]:
    moment = now()
    return and_(gradings.c.state == State.RUNNING, or_(gradings.c.lease_until <= moment, gradings.c.deadline <= moment))


def renew(tx: Tx, leased: Leased) -> bool:
    """Renew a lease. Return False if the grading was cancelled, has passed its deadline, or has another worker now."""
    moment = now()
    where = _leased_by(leased) & (gradings.c.deadline > moment)
    return bool(update_where(tx, where, lease_until=moment + leased.lasts))


def _leased_by(leased: Leased) -> ColumnElement[bool]:
    return _is_leased(leased.grading, leased.lease)


def _is_leased(grading: Any, lease: Any) -> ColumnElement[bool]:
    """Return the SQL condition that a grading is running under a lease. Both arguments may be SQL parameters."""
    return and_(gradings.c.id == grading, gradings.c.state == State.RUNNING, gradings.c.lease == lease)


def _counts_when_finished() -> ColumnElement[bool]:
    """Return the SQL condition that a finished grading will give its submission the points: it belongs to no regrade,
    and no other grading of the submission gives them yet."""
    other = gradings.alias()
    counts_already = select(other.c.id).where(other.c.submission == gradings.c.submission, other.c.counts).exists()
    return and_(gradings.c.regrade.is_(None), ~counts_already)


_FINISH = (
    update(gradings)
    .where(_is_leased(bindparam("leased"), bindparam("current_lease")))
    .values(state=State.GRADED, lease=None, why="", counts=_counts_when_finished())
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
    if not tx.execute(_FINISH, {"leased": leased.grading, "current_lease": leased.lease, **values}).rowcount:
        return False
    if leased.kind is Kind.SUBMISSION:
        answers.add(tx, leased.grading, leased.submission, report)
    rows = [
        {
            "grading": leased.grading,
            "check": check.id,
            "position": n,
            "points": check.points,
            "possible": check.possible,
            "status": check.status,
            "mistake": check.mistake[:200],
            "reason": check.reason,
        }
        for n, check in enumerate(report.checks)
    ]
    if rows:
        tx.execute(insert(results), rows)
    return True


def fail(tx: Tx, leased: Leased, why: str) -> State | None:
    """Record a failure of the grader. Queue the grading again, or mark it as broken after `MOST_FAILURES` failures.

    Returns:
        The new state, or None if the lease has been lost.
    """
    failures = gradings.c.failures + 1
    if not update_where(tx, _leased_by(leased), failures=failures, why=why, lease=None, state=State.QUEUED):
        return None
    _break(tx, gradings.c.id == leased.grading)
    return tx.scalar(select(gradings.c.state).where(gradings.c.id == leased.grading))


def release(tx: Tx, leased: Leased) -> bool:
    """Queue a grading again because its worker is shutting down. This does not count as a failure or a start. Return
    False if the lease has been lost."""
    starts = gradings.c.starts - 1
    return bool(update_where(tx, _leased_by(leased), state=State.QUEUED, lease=None, starts=starts))


def recover(tx: Tx, *, everything: bool = False) -> int:
    """Queue the gradings of dead workers again, one turn later than before. So a grading that crashes its workers does
    not block the queue.

    Args:
        tx: A transaction that writes.
        everything: Treat all workers as dead, because the process that runs them has just started.

    Returns:
        The number of gradings that were queued again.
    """
    where = gradings.c.state == State.RUNNING if everything else _is_abandoned()
    count = update_where(tx, where, state=State.QUEUED, lease=None, turn=gradings.c.turn + 1)
    if count:
        _break(tx, gradings.c.starts >= MOST_STARTS)
    return count


def _break(tx: Tx, where: ColumnElement[bool]) -> None:
    """Mark the queued gradings that meet `where` as broken if they have failed or have been started too often."""
    too_often = or_(gradings.c.failures >= MOST_FAILURES, gradings.c.starts >= MOST_STARTS)
    why = func.coalesce(func.nullif(gradings.c.why, ""), f"{MOST_STARTS} workers have ended while they graded it")
    where = and_(where, too_often, gradings.c.state == State.QUEUED)
    update_where(tx, where, state=State.BROKEN, finished_at=now(), why=why)


# ── queries ──────────────────────────────────────────────────────────────────────────────────────────

_GRADING = [gradings.c[field.name] for field in fields(Grading)]


def get(tx: Tx, grading: str) -> Grading | None:
    """Return the grading with this id; None if there is none."""
    return next(iter(_read(tx, select(*_GRADING).where(gradings.c.id == grading))), None)


def by_ids(tx: Tx, ids: Sequence[str]) -> dict[str, Grading]:
    """Return the gradings with these ids, by id; unknown ids are left out."""
    return {g.id: g for g in _read(tx, select(*_GRADING).where(gradings.c.id.in_(list(ids))))}


def of_submission(tx: Tx, submission: str) -> list[Grading]:
    """Return all gradings of a submission, the newest first."""
    return _read(tx, select(*_GRADING).where(gradings.c.submission == submission).order_by(gradings.c.id.desc()))


def of_submissions(tx: Tx, ids: Sequence[str]) -> dict[str, Grading]:
    """Return one grading of each submission, by submission id: the grading that gives the points or, if there is none
    yet, the newest one that does not belong to a regrade."""
    best = gradings.c.counts.desc(), gradings.c.id.desc()
    rows = _read(
        tx,
        select(*_GRADING)
        .where(gradings.c.submission.in_(list(ids)), or_(gradings.c.regrade.is_(None), gradings.c.counts))
        .order_by(*best),
    )
    found: dict[str, Grading] = {}
    for grading in rows:
        found.setdefault(grading.submission, grading)
    return found


def of_regrade(tx: Tx, regrade: str) -> list[Grading]:
    """Return the gradings of a regrade, the oldest first."""
    return _read(tx, select(*_GRADING).where(gradings.c.regrade == regrade).order_by(gradings.c.id))


def counting(tx: Tx, ids: Sequence[str]) -> list[Grading]:
    """Return the gradings that give these submissions their points. Submissions without one are left out."""
    return _read(tx, select(*_GRADING).where(gradings.c.submission.in_(list(ids)), gradings.c.counts))


def report(tx: Tx, grading: str) -> str | None:
    """Return the report of a grading as JSON; None if the grading has no report."""
    return tx.scalar(select(gradings.c.report).where(gradings.c.id == grading))


def results_of(tx: Tx, ids: Sequence[str], status: Status | None = None) -> dict[str, list[CheckRecord]]:
    """Return the check results by grading id, in the order of the report.

    Args:
        tx: The transaction.
        ids: Ids of gradings.
        status: Return only results with this status; None for all.
    """
    wanted = select(results).where(results.c.grading.in_(list(ids)))
    if status is not None:
        wanted = wanted.where(results.c.status == status)
    rows = tx.execute(wanted.order_by(results.c.grading, results.c.position))
    return grouped(
        (row.grading, CheckRecord(row.check, row.points, row.possible, row.status, row.mistake, row.reason))
        for row in rows
    )


def equal_report(
    tx: Tx, submission: str, compatibility_key: str, seed: str, scope: Mapping[str, Any] = FULL
) -> str | None:
    """Return the report of an equal submission: it has the same file names and contents, and was graded with the same
    compatibility key, seed and scope. Return None if there is none."""
    own = tx.execute(select(submissions).where(submissions.c.id == submission)).one()
    equal = (
        select(gradings.c.id, gradings.c.submission)
        .join(submissions, submissions.c.id == gradings.c.submission)
        .where(
            submissions.c.digest == own.digest,
            submissions.c.assignment == own.assignment,
            submissions.c.kind == own.kind,
            gradings.c.state == State.GRADED,
            gradings.c.compatibility_key == compatibility_key,
            gradings.c.seed == seed,
            gradings.c.scope == dict(scope),
        )
        .order_by(gradings.c.id)
        .limit(20)
    )
    for row in tx.execute(equal).all():
        if _names_and_hashes(tx, row.submission) == _names_and_hashes(tx, submission):
            return report(tx, row.id)
    return None


def _names_and_hashes(tx: Tx, submission: str) -> list[tuple[str, str]]:
    """Return the name and the SHA-256 hash of each file of a submission."""
    rows = tx.execute(select(files.c.name, files.c.sha256).where(files.c.submission == submission)).all()
    return sorted((row.name, row.sha256) for row in rows)


def retry(tx: Tx, grading: str, compatibility_key: str) -> bool:
    """Queue a broken grading again, and reset its counts of failures and starts to 0. Return False if the grading is
    not broken."""
    where = (gradings.c.id == grading) & (gradings.c.state == State.BROKEN)
    again = {"failures": 0, "starts": 0, "why": "", "finished_at": None, "compatibility_key": compatibility_key}
    return bool(update_where(tx, where, state=State.QUEUED, **again))


def running(tx: Tx) -> list[Grading]:
    """Return the running gradings, the oldest first."""
    return _read(tx, select(*_GRADING).where(gradings.c.state == State.RUNNING).order_by(gradings.c.started_at))


def recent_seconds(tx: Tx, kind: Kind) -> list[float]:
    """Return the durations, in seconds, of the latest 30 finished gradings of submissions of one kind."""
    rows = tx.execute(
        select(gradings.c.started_at, gradings.c.finished_at)
        .join(submissions, submissions.c.id == gradings.c.submission)
        .where(gradings.c.state == State.GRADED, submissions.c.kind == kind)
        .order_by(gradings.c.id.desc())
        .limit(30)
    )
    return [(row.finished_at - row.started_at).total_seconds() for row in rows]


def _read(tx: Tx, query: Select[Any]) -> list[Grading]:
    return [Grading(**row._mapping) for row in tx.execute(query)]
