"""Late days: a course's budget, grants to people, and the submissions that may use late days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, insert, select, update

from grader.store import people
from grader.store.database import Tx, fetch, fetch_pairs, next_id, now, record_of
from grader.store.records import Kind, LateDayGrant
from grader.store.submissions import withdrawn
from grader.store.tables import authors, courses, late_day_grants, submissions


def put_budget(tx: Tx, course: str, days: int) -> None:
    """Set the number of late days that each student may use in a course."""
    tx.execute(update(courses).filter_by(id=course).values(late_days=days))


def grant(tx: Tx, course: str, person: str, days: int, reason: str, by: str) -> None:
    """Give a person late days, or take some away if `days` is negative. `by` is the id of the member of staff."""
    row = {"id": next_id(tx, late_day_grants), "course": course, "person": person, "days": days}
    tx.execute(insert(late_day_grants).values({**row, "reason": reason, "by": by, "at": now()}))


def grants_of(tx: Tx, course: str, person: str) -> list[LateDayGrant]:
    """Return the grants of a person in a course, the oldest first."""
    granter = people.login_column(late_day_grants.c.by).label("granter")
    query = select(late_day_grants, granter).filter_by(course=course, person=person)
    rows = tx.execute(query.order_by(late_day_grants.c.id))
    return [record_of(row, LateDayGrant, by=row.granter) for row in rows]


def budgets(tx: Tx, course: str, persons: Collection[str]) -> dict[str, int]:
    """Return the number of late days that each of these people may use in a course, by person id. It is never
    negative."""
    of_course = tx.scalar(select(courses.c.late_days).filter_by(id=course)) or 0
    query = select(late_day_grants.c.person, func.sum(late_day_grants.c.days)).filter_by(course=course)
    query = query.where(late_day_grants.c.person.in_(persons)).group_by(late_day_grants.c.person)
    granted = fetch_pairs(tx, query)
    return {person: max(0, of_course + granted.get(person, 0)) for person in persons}


@dataclass(frozen=True)
class DatedSubmission:
    """One author's submission, with what decides about its late days."""

    id: str
    assignment: str
    received_at: dt.datetime
    late_days: int
    """The most late days that the student agreed to use."""
    person: str
    """Id of an author."""


def submissions_of(
    tx: Tx, course: str, persons: Collection[str], assignment: str | None = None
) -> list[DatedSubmission]:
    """Return a row for each author of the submissions of these people, the oldest first. Pre-checks and withdrawn
    submissions are left out.

    Args:
        tx: The transaction.
        course: Id of the course.
        persons: Ids of people.
        assignment: Return only submissions to this assignment; if None, only those that may use late days.
    """
    own = select(authors.c.submission).where(authors.c.person.in_(persons))
    query = select(submissions, authors.c.person).join(authors, authors.c.submission == submissions.c.id)
    query = query.where(submissions.c.id.in_(own), submissions.c.id.not_in(withdrawn()))
    query = query.where(submissions.c.course == course, submissions.c.kind == Kind.SUBMISSION)
    if assignment is None:
        query = query.where(submissions.c.late_days > 0)
    else:
        query = query.where(submissions.c.assignment == assignment)
    return fetch(tx, query.order_by(submissions.c.id, authors.c.person), DatedSubmission)
