"""The queue: gradings that wait for a worker, in the order in which they will start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Update, func, insert, literal, select, tuple_, update

from grader.store.database import Tx, change, fetch_pairs, next_id, now
from grader.store.records import Priority, State, new_id
from grader.store.scored import tell_scores_of
from grader.store.tables import gradings, submissions

FULL: Mapping[str, Any] = MappingProxyType({})
"""The scope of a full grading: all fields of `grader.engine.grade.Scope` have their defaults."""

UNFINISHED = gradings.c.state.in_((State.QUEUED, State.RUNNING))
"""The SQL condition that a grading is queued or running."""

START_ORDER = (gradings.c.turn, gradings.c.id)
"""The columns by which queued gradings are sorted: the first one starts next."""

TURNS = 100_000_000
"""Number of turns of each priority. Turns of regrades and batches are numbered after all turns of students."""


class StoreQueue:
    """The queue in the database. Its methods take part in the caller's transaction."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        """Create a queue.

        Args:
            keys: Compatibility keys by assignment id.
        """
        self._keys = keys

    @property
    def assignments(self) -> list[str]:
        """Ids of the assignments that can be queued."""
        return list(self._keys)

    def enqueue(
        self,
        tx: Tx,
        submission: str,
        assignment: str,
        fairness_key: str,
        priority: Priority,
        *,
        scope: Mapping[str, Any] = FULL,
    ) -> str:
        """Add a grading of a submission to the queue.

        Args:
            tx: A transaction that writes.
            submission: Id of the submission.
            assignment: Id of the assignment. Only workers with its compatibility key may take the grading.
            fairness_key: Id of a person. Gradings of different people take turns.
            priority: The priority.
            scope: The fields of `grader.engine.grade.Scope` that are not at their defaults; empty for a full grading.

        Returns:
            The id of the grading.
        """
        one = {submission: fairness_key}
        (id,) = self.enqueue_all(tx, one, assignment, priority, scope=scope)
        return id

    def enqueue_all(
        self,
        tx: Tx,
        people_by_submission: Mapping[str, str],
        assignment: str,
        priority: Priority,
        *,
        scope: Mapping[str, Any] = FULL,
        regrade: str | None = None,
    ) -> list[str]:
        """Add a grading of each submission to the queue, as `enqueue` does. Return the ids of the gradings.

        Args:
            people_by_submission: Submission id → id of the person whose turn the grading takes; at most a few thousand.
        """
        common = {
            "regrade": regrade,
            "state": State.QUEUED,
            "priority": priority,
            "compatibility_key": self._keys[assignment],
            "scope": dict(scope),
            "queued_at": now(),
        }
        turns = _turns(tx, list(people_by_submission.values()), priority)
        id = next_id(tx, gradings)
        rows: list[dict[str, Any]] = []
        for (submission, person), turn in zip(people_by_submission.items(), turns, strict=True):
            own = {"id": id, "submission": submission, "fairness_key": person, "turn": turn}
            rows.append(common | own)
            id = new_id(after=id)
        if rows:
            tx.execute(insert(gradings), rows)
        return [row["id"] for row in rows]

    def retry(self, tx: Tx, grading: str, assignment: str) -> bool:
        """Queue a broken grading again, and reset its counts of failures and starts to 0. Return False if the grading
        is not broken."""
        retrial = update(gradings).filter_by(id=grading, state=State.BROKEN)
        retrial = retrial.values(state=State.QUEUED, compatibility_key=self._keys[assignment])
        return change(tx, retrial.values(failures=0, starts=0, why="", finished_at=None)) > 0

    def trouble(self) -> str:
        """Return why this process's workers cannot grade; empty if they can, or if workers run elsewhere."""
        return ""

    def wake(self) -> None:
        """Notify the workers of this process that a grading was queued. Call this after the commit."""


def _turns(tx: Tx, fairness_keys: Sequence[str], priority: Priority) -> list[int]:
    """Return the turns of new gradings of these people. The queue serves turn after turn, with at most one grading of a
    person in each turn."""
    first_turn = TURNS * max(0, priority - Priority.INTERACTIVE)
    turn, person = gradings.c.turn, gradings.c.fairness_key
    is_of_priority = turn.between(first_turn, first_turn + TURNS - 1)
    queued_turns = select(turn).where(is_of_priority).filter_by(state=State.QUEUED)
    current_turn: int = tx.scalar(queued_turns.order_by(turn).limit(1)) or first_turn
    last_turns_query = select(person, func.max(turn)).where(is_of_priority, UNFINISHED, person.in_(set(fairness_keys)))
    last_turns: dict[str, int] = fetch_pairs(tx, last_turns_query.group_by(person))
    turns = []
    for key in fairness_keys:
        next_turn = last_turns.get(key, first_turn - 1) + 1
        last_turns[key] = max(current_turn, next_turn)
        turns.append(last_turns[key])
    return turns


def supersede(tx: Tx, newer: str) -> int:
    """Mark queued gradings as superseded by a newer submission: those of the same person's earlier submissions of the
    same kind to the same assignment. Return the number of these gradings.

    Args:
        tx: A transaction that writes.
        newer: Id of the new submission.
    """
    new = tx.execute(select(submissions).filter_by(id=newer)).one()
    of_person = select(submissions.c.id).filter_by(course=new.course, assignment=new.assignment, by=new.by)
    older = of_person.filter_by(kind=new.kind).where(submissions.c.id < newer)
    superseded = update(gradings).filter_by(state=State.QUEUED, regrade=None)
    superseded = superseded.where(gradings.c.submission.in_(older))
    return _withdraw(tx, superseded.values(state=State.SUPERSEDED))


def cancel(tx: Tx, grading: str) -> bool:
    """Cancel a queued or running grading. A worker that runs it notices at its next heartbeat. Return False if the
    grading is in a final state."""
    return cancel_where(tx, gradings.c.id == grading) > 0


def cancel_all(tx: Tx) -> None:
    """Cancel all queued gradings. Running gradings continue."""
    cancel_where(tx, gradings.c.state == State.QUEUED)


def cancel_where(tx: Tx, condition: ColumnElement[bool]) -> int:
    """Cancel the queued and running gradings that meet a condition. Return the number of cancelled gradings."""
    return _withdraw(tx, update(gradings).where(condition, UNFINISHED).values(state=State.CANCELLED, lease=None))


def _withdraw(tx: Tx, withdrawal: Update) -> int:
    """Update gradings that will not be graded. Return their number."""
    withdrawn = tx.scalars(withdrawal.values(finished_at=now()).returning(gradings.c.submission)).all()
    tell_scores_of(tx, withdrawn)
    return len(withdrawn)


def resume(tx: Tx, grading: str) -> bool:
    """Queue a cancelled grading again without resetting its counts of failures and starts. Return False if the grading
    is not cancelled."""
    resumed = update(gradings).filter_by(id=grading, state=State.CANCELLED)
    return change(tx, resumed.values(state=State.QUEUED, finished_at=None)) > 0


def waiting(tx: Tx, person: str | None = None) -> int:
    """Return the number of queued gradings of a person (None: of all people), without regrades."""
    count = select(func.count()).select_from(gradings).filter_by(state=State.QUEUED, regrade=None)
    if person is not None:
        count = count.filter_by(fairness_key=person)
    return tx.scalar(count) or 0


def ahead_of(tx: Tx, grading: str) -> int | None:
    """Return the number of gradings that will start before this one; None if this one is not queued."""
    own_place = select(*START_ORDER).filter_by(id=grading, state=State.QUEUED)
    own = tx.execute(own_place).one_or_none()
    if own is None:
        return None
    is_earlier = tuple_(*START_ORDER) < tuple_(literal(own.turn), literal(own.id))
    count = select(func.count()).select_from(gradings).filter_by(state=State.QUEUED)
    return tx.scalar(count.where(is_earlier))
