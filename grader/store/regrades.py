"""Regrades: grade submissions again, compare the results, then apply or discard the new gradings."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, insert, select, update

from grader.model import Points
from grader.model.grouping import grouped
from grader.store import outbox
from grader.store.database import AnyRow, Store, Tx, change, fetch_pairs, next_id, now, record_of
from grader.store.gradings import counting, of_regrade
from grader.store.people import person_of, select_with_person
from grader.store.queue import UNFINISHED, StoreQueue, cancel_where
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
)
from grader.store.submissions import authors_of, withdrawn
from grader.store.tables import authors, gradings, regrades, results, submissions

_CHUNK = 100
"""Number of submissions that are queued in one transaction, for which other writers wait."""
_PAUSE_SECONDS = 0.05
"""Pause between two of these transactions, in which other writers get their turn."""


@dataclass(frozen=True)
class CheckChange:
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

    @property
    def varies(self) -> bool:
        """Return whether the same version of the checks judged the same files differently, so that chance decides."""
        if not self.checks or self.before is None:
            return False
        return self.before.compatibility_key == self.after.compatibility_key


def start(tx: Tx, course: str, assignment: str, selection: Which, starter: str, ids: Sequence[str]) -> str:
    """Start a regrade and return its id. `enqueue_pending` queues the new gradings.

    Args:
        tx: A transaction that writes.
        course: Id of the course.
        assignment: Id of the assignment.
        selection: The rule by which the submissions were chosen.
        starter: Id of the person who starts the regrade.
        ids: Ids of the submissions.
    """
    regrade = next_id(tx, regrades)
    row = {"id": regrade, "course": course, "assignment": assignment, "which": selection, "by": starter}
    tx.execute(insert(regrades).values(**row, state=RegradeState.SHADOW, created_at=now(), pending=tuple(ids)))
    return regrade


def enqueue_pending(store: Store, queue: StoreQueue) -> None:
    """Queue the gradings of all started regrades, in transactions of a few submissions. If the process is killed
    meanwhile, the next call continues."""
    while True:
        with store.write() as tx:
            is_known = regrades.c.assignment.in_(queue.assignments)  # the folder of another one cannot be loaded
            query = select(regrades).where(regrades.c.pending != (), is_known).order_by(regrades.c.id).limit(1)
            regrade = tx.execute(query.with_for_update()).one_or_none()
            if regrade is None:
                return
            ids, pending = regrade.pending[:_CHUNK], regrade.pending[_CHUNK:]
            people_query = select(submissions.c.id, submissions.c.by).where(submissions.c.id.in_(ids))
            people_by_submission = fetch_pairs(tx, people_query.order_by(submissions.c.id))
            queue.enqueue_all(tx, people_by_submission, regrade.assignment, Priority.REGRADE, regrade=regrade.id)
            tx.execute(update(regrades).filter_by(id=regrade.id).values(pending=pending))
        queue.wake()
        time.sleep(_PAUSE_SECONDS)


def chosen(tx: Tx, course: str, assignment: str, selection: Which) -> list[str]:
    """Return the ids of the submissions to grade again: each student's latest or best one, or all. Submissions that
    were cancelled or superseded are left out, and so are those whose author was erased (their digest is their id)."""
    query = select(submissions.c.id, authors.c.person, gradings.c.points).filter_by(
        course=course, assignment=assignment, kind=Kind.SUBMISSION
    )
    query = query.join(authors, authors.c.submission == submissions.c.id)
    query = query.where(submissions.c.id.not_in(withdrawn()), submissions.c.digest != submissions.c.id)
    has_points = (gradings.c.submission == submissions.c.id) & gradings.c.counts
    query = query.outerjoin(gradings, has_points).order_by(submissions.c.id)
    rows = tx.execute(query).all()
    if selection is Which.ALL:
        return sorted({row.id for row in rows})
    choices: dict[str, AnyRow] = {}
    for row in rows:  # the oldest first
        earlier = choices.get(row.person)
        if earlier is None or selection is Which.LATEST or _points(row) >= _points(earlier):
            choices[row.person] = row
    return sorted({row.id for row in choices.values()})


def _points(row: AnyRow) -> Points:
    """Return the points of a submission; -1 if it has not been graded."""
    return Points(-1) if row.points is None else row.points


def get(tx: Tx, id: str) -> Regrade | None:
    """Return the regrade with this id; None if there is none."""
    regrade = _read(tx, regrades.c.id == id)
    return regrade[0] if regrade else None


def of_offering(tx: Tx, course: str, assignment: str) -> list[Regrade]:
    """Return the regrades of an offered assignment, the newest first."""
    return _read(tx, regrades.c.course == course, regrades.c.assignment == assignment)


def changes(tx: Tx, id: str) -> list[Change]:
    """Return the changes of all submissions of a regrade, sorted by author, those with changed checks first."""
    new_gradings = of_regrade(tx, id)
    ids = [grading.submission for grading in new_gradings]
    old_gradings = {grading.submission: grading for grading in counting(tx, ids)}
    authors_by_submission = authors_of(tx, ids)
    results_before = _changed_results(tx, id, of_old=True)
    results_after = _changed_results(tx, id, of_old=False)
    all_changes = []
    for new in new_gradings:
        old_results = {result.check: result for result in results_before.get(new.submission, [])}
        new_results = {result.check: result for result in results_after.get(new.submission, [])}
        names = dict.fromkeys([*old_results, *new_results])
        checks = tuple(CheckChange(name, old_results.get(name), new_results.get(name)) for name in names)
        people_of_submission = tuple(authors_by_submission.get(new.submission, ()))
        old = old_gradings.get(new.submission)
        all_changes.append(Change(new.submission, people_of_submission, old, new, checks))
    return sorted(all_changes, key=_sort_key)


def _sort_key(submission: Change) -> tuple[bool, list[str], str]:
    """Return a sort key: changed submissions first, then the authors' logins."""
    logins = [author.login for author in submission.authors]
    return not submission.checks, logins, submission.submission


def _changed_results(tx: Tx, id: str, *, of_old: bool) -> dict[str, list[CheckRecord]]:
    """Return the results of the old or of the new gradings whose points or status differ, by submission id, in the
    order of the reports. The database compares: the results of a large course would take seconds to load."""
    new, old, equal = gradings.alias(), gradings.alias(), results.alias()
    grading, compared = (old, new) if of_old else (new, old)
    is_equal = equal.c.grading == compared.c.id
    for column in ("check", "points", "possible", "status"):
        is_equal &= equal.c[column] == results.c[column]
    query = select(new.c.submission, *results.c).filter_by(regrade=id, state=State.GRADED)
    query = query.outerjoin(old, (old.c.submission == new.c.submission) & old.c.counts)
    query = query.join(results, results.c.grading == grading.c.id)
    query = query.where(~select(equal.c.grading).where(is_equal).exists())
    rows = tx.execute(query.order_by(results.c.position))
    return grouped((row.submission, record_of(row, CheckRecord)) for row in rows)


def apply(tx: Tx, id: str) -> bool:
    """Make the finished gradings of a regrade count. Cancel those of submissions that were cancelled or superseded
    since the regrade started, unless the regrade is of a single submission.

    Returns:
        False if the regrade is unfinished, was applied or discarded before, or if a newer regrade of one of its
        submissions was applied.
    """
    unfinished = select(gradings.c.id).filter_by(regrade=id).where(UNFINISHED)
    regraded = select(gradings.c.submission).filter_by(regrade=id, state=State.GRADED)
    regraded_later = select(gradings.c.id).filter_by(counts=True).where(gradings.c.regrade > id)
    regraded_later = regraded_later.where(gradings.c.submission.in_(regraded))
    is_queued = regrades.c.pending == ()
    if not _close(tx, id, RegradeState.APPLIED, is_queued, ~unfinished.exists(), ~regraded_later.exists()):
        return False
    changed = {}
    for submission, new_results in _changed_results(tx, id, of_old=False).items():
        changed[submission] = [result.check for result in new_results]
    is_of_many = select(regrades.c.id).filter_by(id=id).where(regrades.c.which != Which.ONE)
    of_withdrawn = update(gradings).filter_by(regrade=id).where(gradings.c.submission.in_(withdrawn()))
    tx.execute(of_withdrawn.where(is_of_many.exists()).values(state=State.CANCELLED))
    counted = update(gradings).filter_by(counts=True)
    tx.execute(counted.where(gradings.c.submission.in_(regraded)).values(counts=False))
    tx.execute(update(gradings).filter_by(regrade=id, state=State.GRADED).values(counts=True))
    outbox.tell_graded(tx, changed)
    return True


def discard(tx: Tx, id: str) -> bool:
    """Discard a regrade and cancel its unfinished gradings. Return False if it was applied or discarded before."""
    if not _close(tx, id, RegradeState.DISCARDED):
        return False
    cancel_where(tx, gradings.c.regrade == id)
    return True


def _close(tx: Tx, id: str, state: RegradeState, *conditions: ColumnElement[bool]) -> bool:
    """Apply or discard a regrade that is neither, if it meets all conditions. Return whether it was changed."""
    closing = update(regrades).filter_by(id=id, state=RegradeState.SHADOW).where(*conditions)
    return change(tx, closing.values(state=state, decided_at=now(), pending=())) > 0


def _read(tx: Tx, *where: ColumnElement[bool]) -> list[Regrade]:
    """Return the regrades that meet all conditions, the newest first."""
    query = select_with_person(*regrades.c, person=regrades.c.by)
    query = query.where(*where).order_by(regrades.c.id.desc())
    rows = tx.execute(query).all()
    records = []
    for row in rows:
        progress = _progress(tx, row.id)
        if row.pending:
            progress[State.QUEUED] = progress.get(State.QUEUED, 0) + len(row.pending)
        records.append(record_of(row, Regrade, by=person_of(row), progress=progress))
    return records


def _progress(tx: Tx, id: str) -> dict[State, int]:
    """Return the number of a regrade's gradings by state."""
    query = select(gradings.c.state, func.count()).filter_by(regrade=id)
    query = query.group_by(gradings.c.state)
    return fetch_pairs(tx, query)
