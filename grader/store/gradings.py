"""Gradings and their results. `grader.store.queue` adds gradings, and `grader.store.leases` runs and finishes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import or_, select

from grader.model import Status
from grader.model.grouping import grouped
from grader.store.database import Tx, among, fetch, fetch_one, record_of
from grader.store.queue import FULL
from grader.store.records import CheckRecord, Grading, Kind, State
from grader.store.tables import authors, files, gradings, results, submissions

_ALL = select(*[gradings.c[field.name] for field in fields(Grading)])
"""The query for all gradings, without their reports."""


def get(tx: Tx, grading: str) -> Grading | None:
    """Return the grading with this id; None if there is none."""
    query = _ALL.filter_by(id=grading)
    return fetch_one(tx, query, Grading)


def by_ids(tx: Tx, ids: Sequence[str]) -> dict[str, Grading]:
    """Return the gradings with these ids, by id; unknown ids are left out."""
    query = _ALL.where(gradings.c.id.in_(ids))
    return {grading.id: grading for grading in fetch(tx, query, Grading)}


def of_submission(tx: Tx, submission: str) -> list[Grading]:
    """Return all gradings of a submission, the newest first."""
    query = _ALL.filter_by(submission=submission)
    query = query.order_by(gradings.c.id.desc())
    return fetch(tx, query, Grading)


def depend_on_chance(records: Sequence[Grading]) -> bool:
    """Return whether the same version of the checks gave the submission different points in two of its gradings."""
    points = {(grading.compatibility_key, grading.points) for grading in records if grading.state is State.GRADED}
    return len(points) > len({version for version, _ in points})


def of_submissions(tx: Tx, ids: Sequence[str]) -> dict[str, Grading]:
    """Return one grading of each submission, by submission id: the grading that gives the points or, if there is none
    yet, the newest one that does not belong to a regrade."""
    query = _ALL.where(among(tx, gradings.c.submission, ids))
    query = query.where(or_(gradings.c.regrade.is_(None), gradings.c.counts))
    grading_of: dict[str, Grading] = {}
    for grading in fetch(tx, query.order_by(gradings.c.counts.desc(), gradings.c.id.desc()), Grading):
        grading_of.setdefault(grading.submission, grading)
    return grading_of


def of_regrade(tx: Tx, regrade: str) -> list[Grading]:
    """Return the gradings of a regrade, the oldest first."""
    query = _ALL.filter_by(regrade=regrade)
    query = query.order_by(gradings.c.id)
    return fetch(tx, query, Grading)


def counting(tx: Tx, ids: Sequence[str]) -> list[Grading]:
    """Return the gradings that give these submissions their points. Submissions without one are left out."""
    query = _ALL.filter_by(counts=True)
    query = query.where(gradings.c.submission.in_(ids))
    return fetch(tx, query, Grading)


def running(tx: Tx) -> list[Grading]:
    """Return the running gradings, the oldest first."""
    query = _ALL.filter_by(state=State.RUNNING)
    query = query.order_by(gradings.c.started_at)
    return fetch(tx, query, Grading)


def report(tx: Tx, grading: str) -> str | None:
    """Return the report of a grading as JSON; None if the grading has no report."""
    query = select(gradings.c.report).filter_by(id=grading)
    return tx.scalar(query)


def results_of(tx: Tx, ids: Sequence[str], status: Status | None = None) -> dict[str, list[CheckRecord]]:
    """Return the check results by grading id, in the order of the report.

    Args:
        tx: The transaction.
        ids: Ids of gradings.
        status: Return only results with this status; None for all.
    """
    query = select(results).where(among(tx, results.c.grading, ids))
    if status is not None:
        query = query.filter_by(status=status)
    query = query.order_by(results.c.grading, results.c.position)
    rows = tx.execute(query)
    return grouped((row.grading, record_of(row, CheckRecord)) for row in rows)


def persons_with(tx: Tx, course: str, assignment: str, status: Status) -> set[str]:
    """Return the ids of the authors of submissions to an assignment that have a check result with this status."""
    query = select(authors.c.person).join(submissions, submissions.c.id == authors.c.submission)
    query = query.filter_by(course=course, assignment=assignment)
    query = query.join(gradings, gradings.c.submission == submissions.c.id).filter_by(counts=True)
    query = query.join(results, results.c.grading == gradings.c.id).filter_by(status=status)
    return set(tx.scalars(query))


def equal_report(
    tx: Tx,
    submission: str,
    compatibility_key: str,
    seed: str,
    scope: Mapping[str, Any] = FULL,
    regrade: str | None = None,
) -> str | None:
    """Return the report of an equal submission: it has the same file names and contents, and was graded with the same
    compatibility key, seed and scope. Return None if there is none.

    A regrade shares reports only among its own gradings, so that it grades each file again. Other gradings share the
    reports that give points.
    """
    own = tx.execute(select(submissions).filter_by(id=submission)).one()
    equal = select(submissions.c.id).filter_by(digest=own.digest, assignment=own.assignment, kind=own.kind)
    query = select(gradings.c.id, gradings.c.submission).filter_by(state=State.GRADED, seed=seed)
    query = query.filter_by(compatibility_key=compatibility_key, scope=dict(scope))
    query = query.where(gradings.c.submission.in_(equal))
    query = query.filter_by(counts=True) if regrade is None else query.filter_by(regrade=regrade)
    own_files = _names_and_hashes(tx, submission)
    for row in tx.execute(query.order_by(gradings.c.id.desc()).limit(20)).all():
        if _names_and_hashes(tx, row.submission) == own_files:
            return report(tx, row.id)
    return None


def _names_and_hashes(tx: Tx, submission: str) -> list[tuple[str, str]]:
    """Return the name and the SHA-256 hash of each file of a submission."""
    query = select(files.c.name, files.c.sha256).filter_by(submission=submission)
    return sorted((row.name, row.sha256) for row in tx.execute(query))


def recent_seconds(tx: Tx, kind: Kind, assignment: str | None = None) -> list[float]:
    """Return the durations, in seconds, of the latest 30 finished gradings of submissions of one kind, and of one
    assignment unless it is None."""
    query = select(gradings.c.started_at, gradings.c.finished_at).filter_by(state=State.GRADED)
    query = query.join(submissions, submissions.c.id == gradings.c.submission)
    query = query.where(submissions.c.kind == kind)
    if assignment is not None:
        query = query.where(submissions.c.assignment == assignment)
    query = query.order_by(gradings.c.id.desc()).limit(30)
    rows = tx.execute(query)
    return [(row.finished_at - row.started_at).total_seconds() for row in rows]
