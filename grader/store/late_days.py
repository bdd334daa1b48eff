"""Late days: the budget of a course, and grants to people."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, insert, select, update

from grader.store import people
from grader.store.database import Tx, among, fetch, fetch_pairs, next_id, now
from grader.store.records import LateDayGrant
from grader.store.tables import courses, late_day_grants


def put_budget(tx: Tx, course: str, days: int) -> None:
    """Set the number of late days that each student may use in a course."""
    tx.execute(update(courses).filter_by(id=course).values(late_days=days))


def grant(tx: Tx, course: str, person: str, days: int, reason: str, granter: str) -> None:
    """Give a person late days, or take some away if `days` is negative. `granter` is the id of the member of staff."""
    row = {"id": next_id(tx, late_day_grants), "course": course, "person": person, "days": days}
    tx.execute(insert(late_day_grants).values({**row, "reason": reason, "by": granter, "at": now()}))


def grants_of(tx: Tx, course: str, person: str) -> list[LateDayGrant]:
    """Return the grants of a person in a course, the oldest first."""
    granter = people.login_column(late_day_grants.c.by).label("granter")
    query = select(late_day_grants, granter).filter_by(course=course, person=person)
    return fetch(tx, query.order_by(late_day_grants.c.id), LateDayGrant)


def budgets(tx: Tx, course: str, persons: Collection[str]) -> dict[str, int]:
    """Return the number of late days that each of these people may use in a course, by person id. It is never
    negative."""
    days = tx.scalar(select(courses.c.late_days).filter_by(id=course)) or 0
    query = select(late_day_grants.c.person, func.sum(late_day_grants.c.days)).filter_by(course=course)
    query = query.where(among(tx, late_day_grants.c.person, persons)).group_by(late_day_grants.c.person)
    granted = fetch_pairs(tx, query)
    return {person: max(0, days + granted.get(person, 0)) for person in persons}
