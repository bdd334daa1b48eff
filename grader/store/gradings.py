"""Gradings: the queue, leases and results.

A grading is queued, then running under a lease, then graded or broken. Only the holder of the lease may finish it, so a
worker that was taken for dead cannot overwrite another worker's result.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, insert, literal, or_, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from grader.model import ZERO, Report, Status
from grader.render import as_json
from grader.store import answers
from grader.store.database import AnyRow, Tx, now
from grader.store.records import CheckRecord, Grading, Kind, Leased, Priority, State, new_id
from grader.store.tables import files, gradings, results, submissions

LEASE = dt.timedelta(seconds=30)
"""A worker without a heartbeat for this long is taken for dead."""
DEADLINE = dt.timedelta(hours=2)
"""Longest time of a grading, heartbeats or not: twice two trainings at their limits on a loaded machine."""
MOST_FAILURES = 3
"""Failures of the grader after which a grading is broken."""
MOST_STARTS = 20
"""Starts after which a grading is broken: it may be what ends its workers."""

FULL: Mapping[str, Any] = MappingProxyType({})
"""The scope of a grading of everything."""

_WAITING = gradings.c.state.in_((State.QUEUED, State.RUNNING))


# ── into the queue ───────────────────────────────────────────────────────────────────────────────────


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
        fairness_key: the person whose gradings take turns with those of others.
        compatibility_key: which workers may take it.
        scope: the fields of a `grader.engine.grade.Scope` that are not its defaults; empty is the full grading.

    Returns:
        The id of the grading.
    """
    id = new_id()
    row = {
        "id": id,
        "submission": submission,
        "regrade": regrade,
        "state": State.QUEUED,
        "counts": False,
        "priority": priority,
        "turn": _turn(tx, fairness_key, priority),
        "fairness_key": fairness_key,
        "compatibility_key": compatibility_key,
        "scope": dict(scope),
        "queued_at": now(),
        "starts": 0,
        "failures": 0,
        "why": "",
        "grader": "",
        "assignment_digest": "",
        "seed": "",
    }
    tx.execute(insert(gradings), row)
    return id


_OF_PRIORITY = gradings.c.priority == bindparam("of_priority")
_TURN_SERVED = select(func.min(gradings.c.turn)).where(gradings.c.state == State.QUEUED, _OF_PRIORITY)
_LAST_TURN = select(func.max(gradings.c.turn)).where(
    _WAITING, _OF_PRIORITY, gradings.c.fairness_key == bindparam("of_person")
)


def _turn(tx: Tx, fairness_key: str, priority: Priority) -> int:
    """Return the round of a new grading. Students take turns: the second waiting submission of one comes after the
    first of everybody else. A newcomer joins the round that is being served, so that those who wait are not overtaken
    for ever."""
    served = tx.scalar(_TURN_SERVED, {"of_priority": priority})
    own = tx.scalar(_LAST_TURN, {"of_priority": priority, "of_person": fairness_key})
    return max(served or 0, 0 if own is None else own + 1)


def supersede(tx: Tx, newer: str) -> int:
    """Take earlier queued gradings of the same author, assignment and kind out of the queue."""
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
    return tx.execute(update(gradings).where(where).values(state=State.SUPERSEDED, finished_at=now())).rowcount


def cancel(tx: Tx, grading: str) -> bool:
    """Cancel a grading. Return False if it is final. A worker that runs it learns of it at its next heartbeat."""
    values = {"state": State.CANCELLED, "finished_at": now(), "lease": None}
    return bool(tx.execute(update(gradings).where(gradings.c.id == grading, _WAITING).values(values)).rowcount)


def cancel_all(tx: Tx) -> None:
    """Cancel all queued gradings. Running ones continue."""
    values = {"state": State.CANCELLED, "finished_at": now(), "lease": None}
    tx.execute(update(gradings).where(gradings.c.state == State.QUEUED).values(values))


def resume(tx: Tx, grading: str) -> bool:
    """Put a cancelled grading into the queue again, with its failures and starts counted on. Return whether it was
    cancelled."""
    where = (gradings.c.id == grading) & (gradings.c.state == State.CANCELLED)
    return bool(tx.execute(update(gradings).where(where).values(state=State.QUEUED, finished_at=None)).rowcount)


def waiting(tx: Tx, person: str | None = None) -> int:
    """Return how many submissions wait for their grading, of this person or of all. Regrades are not counted."""
    query = select(func.count()).select_from(gradings).where(gradings.c.state == State.QUEUED)
    query = query.where(gradings.c.regrade.is_(None))
    return tx.scalar(query if person is None else query.where(gradings.c.fairness_key == person)) or 0


def ahead_of(tx: Tx, grading: str) -> int | None:
    """Return the number of gradings that will start before this one; None if it is not queued."""
    mine = tx.execute(select(gradings).where(gradings.c.id == grading)).one_or_none()
    if mine is None or mine.state != State.QUEUED:
        return None
    g = gradings.c
    earlier = or_(
        g.priority < mine.priority,
        and_(g.priority == mine.priority, g.turn < mine.turn),
        and_(g.priority == mine.priority, g.turn == mine.turn, g.id < mine.id),
    )
    return tx.scalar(select(func.count()).select_from(gradings).where(g.state == State.QUEUED, earlier)) or 0


# ── out of the queue ─────────────────────────────────────────────────────────────────────────────────


_NEXT = (
    select(gradings.c.id)
    .where(gradings.c.state == State.QUEUED)
    .order_by(gradings.c.priority, gradings.c.turn, gradings.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)  # SQLite, which has one writer, leaves it out
)


def _leasing(where: ColumnElement[bool]) -> ReturningUpdate[Any]:
    return (
        update(gradings)
        .where(where)
        .values(state=State.RUNNING, starts=gradings.c.starts + 1)
        .returning(gradings.c.id, gradings.c.submission, gradings.c.scope)
    )


def _is_abandoned(moment: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(gradings.c.state == State.RUNNING, or_(gradings.c.lease_until <= moment, gradings.c.deadline <= moment))


# Statements of every grading are built once: SQLAlchemy takes longer to build one than SQLite to run it.
_CLAIM = _leasing(gradings.c.id == _NEXT.scalar_subquery())
_CLAIM_OF_PRIORITY = _leasing(gradings.c.id == _NEXT.where(_OF_PRIORITY).scalar_subquery())
_ABANDONED = _is_abandoned(bindparam("now", type_=gradings.c.deadline.type))
_TAKE = _leasing(and_(gradings.c.id == bindparam("taken"), or_(gradings.c.state == State.QUEUED, _ABANDONED)))
_KIND = select(submissions.c.assignment, submissions.c.kind).where(submissions.c.id == bindparam("submission"))


def claim(tx: Tx, worker: str, only: Priority | None = None, lease: dt.timedelta = LEASE) -> Leased | None:
    """Lease the next grading in the queue to a worker. Return None if nothing waits.

    Args:
        tx: A transaction that writes.
        worker: The name of the worker.
        only: The only priority to take gradings of; None for all.
        lease: How long the lease lasts without a heartbeat.
    """
    if only is None:
        return _lease(tx, _CLAIM, {}, worker, lease)
    return _lease(tx, _CLAIM_OF_PRIORITY, {"of_priority": only}, worker, lease)


def take(tx: Tx, grading: str, worker: str, lease: dt.timedelta = LEASE) -> Leased | None:
    """Lease this grading if it waits or its worker is dead. Return None if another worker has it or it is final."""
    return _lease(tx, _TAKE, {"taken": grading, "now": now()}, worker, lease)


def _lease(
    tx: Tx, statement: ReturningUpdate[Any], found: Mapping[str, Any], worker: str, lasts: dt.timedelta
) -> Leased | None:
    moment, lease = now(), secrets.token_hex(16)
    deadline = moment + DEADLINE
    values = {"lease": lease, "worker": worker, "started_at": moment, "lease_until": moment + lasts}
    row = tx.execute(statement, {**found, **values, "deadline": deadline}).one_or_none()
    if row is None:
        return None
    of = tx.execute(_KIND, {"submission": row.submission}).one()
    return Leased(row.id, row.submission, of.assignment, Kind(of.kind), row.scope, lease, lasts, deadline)


def beat(tx: Tx, leased: Leased) -> bool:
    """Renew a lease. Return False if it is lost."""
    moment = now()
    where = _held_by(leased) & (gradings.c.deadline > moment)
    return bool(tx.execute(update(gradings).where(where).values(lease_until=moment + leased.lasts)).rowcount)


def _held_by(leased: Leased) -> ColumnElement[bool]:
    return _held(literal(leased.grading), literal(leased.lease))


def _held(grading: ColumnElement[Any], lease: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(gradings.c.id == grading, gradings.c.state == State.RUNNING, gradings.c.lease == lease)


def _counts_at_once() -> ColumnElement[bool]:
    """Return whether a grading counts once it is finished. A regrade does not: it counts once it is applied. Others
    do, unless such a regrade of the same submission counts already."""
    other = gradings.alias()
    counts_already = select(other.c.id).where(other.c.submission == gradings.c.submission, other.c.counts).exists()
    return and_(gradings.c.regrade.is_(None), ~counts_already)


_FINISH = (
    update(gradings)
    .where(_held(bindparam("held"), bindparam("held_lease")))
    .values(state=State.GRADED, lease=None, why="", counts=_counts_at_once())
)


def finish(tx: Tx, leased: Leased, report: Report, compatibility_key: str) -> bool:
    """Keep the report, with the compatibility key it was graded under. The points are those of the checks: what a
    written answer is worth is added up from `answers` and `answer_marks`.

    Returns:
        False if the lease was lost; nothing is kept then.
    """
    written = as_json.as_json(report)
    decided = [check for check in report.checks if check.status.is_decided]
    graded = {
        "finished_at": now(),
        "compatibility_key": compatibility_key,
        "grader": report.environment.grader,
        "assignment_digest": report.assignment_digest,
        "seed": report.seed,
        "points": sum((check.points for check in decided), ZERO),
        "decided": sum((check.possible for check in decided), ZERO),
        "possible": report.possible,
        "report": json.dumps(written, allow_nan=False),  # in one line: indenting takes ten times as long
    }
    if not tx.execute(_FINISH, {"held": leased.grading, "held_lease": leased.lease, **graded}).rowcount:
        return False
    if leased.kind is Kind.SUBMISSION:
        answers.keep(tx, leased.grading, leased.submission, written)
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
    """Record a failure of the grader: the grading is queued again, or broken after `MOST_FAILURES`.

    Returns:
        The new state, or None if the lease was lost.
    """
    failures = gradings.c.failures + 1
    values = {"failures": failures, "why": why, "lease": None, "state": State.QUEUED}
    if not tx.execute(update(gradings).where(_held_by(leased)).values(values)).rowcount:
        return None
    _break(tx, gradings.c.id == leased.grading)
    return State(tx.execute(select(gradings.c.state).where(gradings.c.id == leased.grading)).scalar_one())


def hand_back(tx: Tx, leased: Leased) -> bool:
    """Queue a grading again because its worker stops. It does not count as a failure."""
    values = {"state": State.QUEUED, "lease": None, "starts": gradings.c.starts - 1}
    return bool(tx.execute(update(gradings).where(_held_by(leased)).values(values)).rowcount)


def recover(tx: Tx, *, everything: bool = False) -> int:
    """Queue the gradings of dead workers again, in the next round.

    So a grading that ends its workers does not delay others, and if a server is killed repeatedly, it does not always
    hit the same grading.

    Args:
        tx: The transaction.
        everything: All workers are dead, because the process that runs them has just started.

    Returns:
        The number of gradings."""
    where = gradings.c.state == State.RUNNING if everything else _is_abandoned(literal(now()))
    values = {"state": State.QUEUED, "lease": None, "turn": gradings.c.turn + 1}
    count = tx.execute(update(gradings).where(where).values(values)).rowcount
    if count:
        _break(tx, gradings.c.starts >= MOST_STARTS)
    return count


def _break(tx: Tx, where: ColumnElement[bool]) -> None:
    """Mark gradings as broken that failed, or ended their workers, too often."""
    too_often = or_(gradings.c.failures >= MOST_FAILURES, gradings.c.starts >= MOST_STARTS)
    given_up = f"{MOST_STARTS} workers have ended while they graded it"
    values = {
        "state": State.BROKEN,
        "finished_at": now(),
        "why": func.coalesce(func.nullif(gradings.c.why, ""), given_up),
    }
    tx.execute(update(gradings).where(where, too_often, gradings.c.state == State.QUEUED).values(values))


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────

_GRADING = (
    gradings.c.id, gradings.c.submission, gradings.c.regrade, gradings.c.state, gradings.c.counts,
    gradings.c.priority, gradings.c.queued_at, gradings.c.started_at, gradings.c.finished_at, gradings.c.worker,
    gradings.c.failures, gradings.c.why, gradings.c.grader, gradings.c.assignment_digest, gradings.c.seed,
    gradings.c.points, gradings.c.decided, gradings.c.possible,
)  # fmt: skip


def get(tx: Tx, grading: str) -> Grading | None:
    return next(iter(_read(tx, select(*_GRADING).where(gradings.c.id == grading))), None)


def several(tx: Tx, ids: Sequence[str]) -> dict[str, Grading]:
    """Return the gradings with these ids, by id; unknown ids are left out."""
    return {g.id: g for g in _read(tx, select(*_GRADING).where(gradings.c.id.in_(list(ids))))}


def of_submission(tx: Tx, submission: str) -> list[Grading]:
    """Return all gradings of a submission, the newest first."""
    return _read(tx, select(*_GRADING).where(gradings.c.submission == submission).order_by(gradings.c.id.desc()))


def of_submissions(tx: Tx, ids: Sequence[str]) -> dict[str, Grading]:
    """Return the grading of each submission that counts, else the newest one that is not a regrade."""
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
    return _read(tx, select(*_GRADING).where(gradings.c.regrade == regrade).order_by(gradings.c.id))


def counting(tx: Tx, ids: Sequence[str]) -> list[Grading]:
    """Return the gradings of these submissions that count."""
    return _read(tx, select(*_GRADING).where(gradings.c.submission.in_(list(ids)), gradings.c.counts))


def report(tx: Tx, grading: str) -> str | None:
    """Return the report of a grading as JSON, None if there is none."""
    return tx.scalar(select(gradings.c.report).where(gradings.c.id == grading))


def results_of(tx: Tx, ids: Sequence[str], status: Status | None = None) -> dict[str, list[CheckRecord]]:
    """Return the checks of gradings by grading, in the report's order.

    Args:
        tx: The transaction.
        ids: Ids of gradings.
        status: Return only checks with this status.
    """
    found: dict[str, list[CheckRecord]] = {}
    wanted = select(results).where(results.c.grading.in_(list(ids)))
    if status is not None:
        wanted = wanted.where(results.c.status == status)
    for row in tx.execute(wanted.order_by(results.c.grading, results.c.position)):
        result = CheckRecord(row.check, row.points, row.possible, Status(row.status), row.mistake, row.reason)
        found.setdefault(row.grading, []).append(result)
    return found


_MINE = submissions.alias()
_SAME_BEFORE = (
    select(gradings.c.id, gradings.c.submission)
    .join(submissions, submissions.c.id == gradings.c.submission)
    .join(_MINE, _MINE.c.id == bindparam("mine"))
    .where(
        submissions.c.digest == _MINE.c.digest,
        submissions.c.assignment == _MINE.c.assignment,
        submissions.c.kind == _MINE.c.kind,
        gradings.c.state == State.GRADED,
        gradings.c.compatibility_key == bindparam("same_key"),
        gradings.c.seed == bindparam("same_seed"),
        gradings.c.scope == bindparam("same_scope"),
    )
    .order_by(gradings.c.id)
    .limit(20)
)


def same_before(
    tx: Tx, submission: str, compatibility_key: str, seed: str, scope: Mapping[str, Any] = FULL
) -> str | None:
    """Return the report of a grading of the same files with the same compatibility key, seed and scope, if any.

    The files must have the same names too, since a report names them."""
    same = {"mine": submission, "same_key": compatibility_key, "same_seed": seed, "same_scope": dict(scope)}
    for row in tx.execute(_SAME_BEFORE, same).all():
        if _names_and_hashes(tx, row.submission) == _names_and_hashes(tx, submission):
            return report(tx, row.id)
    return None


def _names_and_hashes(tx: Tx, submission: str) -> list[tuple[str, str]]:
    """Return (name, SHA-256) of every file."""
    rows = tx.execute(select(files.c.name, files.c.sha256).where(files.c.submission == submission)).all()
    return sorted((row.name, row.sha256) for row in rows)


def retry(tx: Tx, grading: str, compatibility_key: str) -> bool:
    """Queue a broken grading again and reset its failures. Return False if it is not broken."""
    where = (gradings.c.id == grading) & (gradings.c.state == State.BROKEN)
    values = {
        "state": State.QUEUED,
        "failures": 0,
        "starts": 0,
        "why": "",
        "finished_at": None,
        "compatibility_key": compatibility_key,
    }
    return bool(tx.execute(update(gradings).where(where).values(values)).rowcount)


def running(tx: Tx) -> list[Grading]:
    return _read(tx, select(*_GRADING).where(gradings.c.state == State.RUNNING).order_by(gradings.c.started_at))


def recent_seconds(tx: Tx, kind: Kind, most: int = 30) -> list[float]:
    """Return the durations of the latest finished gradings of this kind."""
    rows = tx.execute(
        select(gradings.c.started_at, gradings.c.finished_at)
        .join(submissions, submissions.c.id == gradings.c.submission)
        .where(gradings.c.state == State.GRADED, submissions.c.kind == kind)
        .order_by(gradings.c.id.desc())
        .limit(most)
    )
    return [(row.finished_at - row.started_at).total_seconds() for row in rows]


def _read(tx: Tx, query: Select[Any]) -> list[Grading]:
    return [_grading(row) for row in tx.execute(query)]


def _grading(row: AnyRow) -> Grading:
    return Grading(**dict(row._mapping) | {"state": State(row.state), "priority": Priority(row.priority)})
