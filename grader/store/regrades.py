"""Regrades: grade submissions again, compare the results, then apply or discard the new gradings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, insert, select, update

from grader.model import Points
from grader.store.database import AnyRow, Tx, now, record_of
from grader.store.gradings import cancel_where, counting, of_regrade, results_of, update_where
from grader.store.people import PERSON, person_of
from grader.store.queue import StoreQueue
from grader.store.records import (
    CheckRecord,
    Grading,
    Kind,
    Person,
    Priority,
    Regrade,
    RegradeState,
    State,
    Which,
    new_id,
)
from grader.store.submissions import authors_of
from grader.store.tables import authors, gradings, people, regrades, submissions


class CheckChange(NamedTuple):
    """A check's results before and after a regrade. A result is None if that grading lacks the check."""

    check: str
    before: CheckRecord | None
    after: CheckRecord | None


@dataclass(frozen=True)
class Change:
    """One submission before and after a regrade."""

    submission: str
    authors: tuple[Person, ...]
    before: Grading | None
    """The grading that gave the submission its points before the regrade; None if there is none."""
    after: Grading
    checks: tuple[CheckChange, ...]
    """The checks whose points or status differ."""


def start(tx: Tx, course: str, assignment: str, which: Which, by: str, ids: Sequence[str], queue: StoreQueue) -> str:
    """Start a regrade: queue a new grading of each submission. Return the id of the regrade.

    Args:
        tx: A transaction that writes.
        course: Id of the course.
        assignment: Id of the assignment.
        which: The rule by which the submissions were chosen.
        by: Id of the person who starts the regrade.
        ids: Ids of the submissions.
        queue: The queue.
    """
    regrade = new_id()
    row = {"id": regrade, "course": course, "assignment": assignment, "which": which, "by": by}
    tx.execute(insert(regrades).values(row | {"state": RegradeState.SHADOW, "created_at": now()}))
    rows = tx.execute(select(submissions.c.id, submissions.c.by).where(submissions.c.id.in_(list(ids)))).all()
    for submission in sorted(rows, key=lambda row: row.id):
        queue.enqueue(tx, submission.id, assignment, submission.by, Priority.REGRADE, regrade=regrade)
    return regrade


def chosen(tx: Tx, course: str, assignment: str, which: Which) -> list[str]:
    """Return the ids of the submissions to grade again: each student's latest or best one, or all."""
    rows = tx.execute(
        select(submissions.c.id, authors.c.person, gradings.c.points)
        .join(authors, authors.c.submission == submissions.c.id)
        .outerjoin(gradings, (gradings.c.submission == submissions.c.id) & gradings.c.counts)
        .where(
            submissions.c.course == course,
            submissions.c.assignment == assignment,
            submissions.c.kind == Kind.SUBMISSION,
        )
        .order_by(submissions.c.id)
    ).all()
    if which is Which.ALL:
        return sorted({row.id for row in rows})
    picked: dict[str, AnyRow] = {}
    for row in rows:  # the oldest first
        other = picked.get(row.person)
        if other is None or which is Which.LATEST or _at_least(row.points, other.points):
            picked[row.person] = row
    return sorted({row.id for row in picked.values()})


def _at_least(points: Points | None, other: Points | None) -> bool:
    return other is None or (points is not None and points >= other)


def get(tx: Tx, id: str) -> Regrade | None:
    """Return the regrade with this id; None if there is none."""
    return next(iter(_read(tx, regrades.c.id == id)), None)


def of_offering(tx: Tx, course: str, assignment: str) -> list[Regrade]:
    """Return the regrades of an offered assignment, the newest first."""
    return _read(tx, (regrades.c.course == course) & (regrades.c.assignment == assignment))


def changes(tx: Tx, id: str) -> list[Change]:
    """Return the changes of all submissions of a regrade, sorted by author, those with changed checks first."""
    shadows = of_regrade(tx, id)
    ids = [shadow.submission for shadow in shadows]
    before = {g.submission: g for g in counting(tx, ids)}
    who = authors_of(tx, ids)
    both = results_of(tx, [g.id for g in (*shadows, *before.values())])
    found = [
        Change(
            submission=after.submission,
            authors=tuple(who.get(after.submission, ())),
            before=(old := before.get(after.submission)),
            after=after,
            checks=_differences(both.get(old.id, []) if old else [], both.get(after.id, [])),
        )
        for after in shadows
    ]
    return sorted(found, key=lambda c: (not c.checks, [a.login for a in c.authors], c.submission))


def _differences(before: Sequence[CheckRecord], after: Sequence[CheckRecord]) -> tuple[CheckChange, ...]:
    if not after:
        return ()  # not graded yet
    old, new = {r.check: r for r in before}, {r.check: r for r in after}
    every = [CheckChange(check, old.get(check), new.get(check)) for check in dict.fromkeys([*old, *new])]
    return tuple(one for one in every if _verdict(one.before) != _verdict(one.after))


def _verdict(result: CheckRecord | None) -> Any:
    return result and (result.points, result.possible, result.status)


def apply(tx: Tx, id: str) -> bool:
    """Make the finished gradings of a regrade count. Return False if the regrade is unfinished, or was applied or
    discarded before."""
    if not _close(tx, id, RegradeState.APPLIED):
        return False
    done = (gradings.c.regrade == id) & (gradings.c.state == State.GRADED)
    of_them = select(gradings.c.submission).where(done)
    update_where(tx, gradings.c.submission.in_(of_them) & gradings.c.counts, counts=False)
    update_where(tx, done, counts=True)
    return True


def discard(tx: Tx, id: str) -> bool:
    """Discard a regrade and cancel its unfinished gradings. Return False if it was applied or discarded before."""
    if not _close(tx, id, RegradeState.DISCARDED):
        return False
    cancel_where(tx, gradings.c.regrade == id)
    return True


def _close(tx: Tx, id: str, state: RegradeState) -> bool:
    where = (regrades.c.id == id) & (regrades.c.state == RegradeState.SHADOW)
    if state is RegradeState.APPLIED:
        unfinished = select(gradings.c.id).where(
            gradings.c.regrade == id, gradings.c.state.in_((State.QUEUED, State.RUNNING))
        )
        where &= ~unfinished.exists()
    return bool(tx.execute(update(regrades).where(where).values(state=state, decided_at=now())).rowcount)


def _read(tx: Tx, where: ColumnElement[bool]) -> list[Regrade]:
    """Return regrades, the newest first."""
    rows = tx.execute(
        select(*regrades.c, *PERSON)
        .join(people, people.c.id == regrades.c.by)
        .where(where)
        .order_by(regrades.c.id.desc())
    ).all()
    states = tx.execute(
        select(gradings.c.regrade, gradings.c.state, func.count().label("n"))
        .where(gradings.c.regrade.in_([row.id for row in rows]))
        .group_by(gradings.c.regrade, gradings.c.state)
    ).all()
    return [
        record_of(
            row,
            Regrade,
            by=person_of(row),
            progress={count.state: count.n for count in states if count.regrade == row.id},
        )
        for row in rows
    ]
