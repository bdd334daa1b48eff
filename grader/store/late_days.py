"""Late days: the budget of a course, and grants to people."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import insert, select, update

from grader.model.grouping import grouped
from grader.store import people
from grader.store.database import Tx, among, next_id, now, record_of, remembered
from grader.store.records import LateDayGrant
from grader.store.tables import courses, late_day_grants


def put_budget(tx: Tx, course: str, days: int) -> None:
    """Set the number of late days that each student may use in a course."""
    tx.execute(update(courses).filter_by(id=course).values(late_days=days))


def grant(tx: Tx, course: str, person: str, days: int, reason: str, granter: str) -> None:
    """Give a person late days, or take some away if `days` is negative. `granter` is the id of the member of staff."""
    row = {"id": next_id(tx, late_day_grants), "course": course, "person": person, "days": days}
    tx.execute(insert(late_day_grants).values({**row, "reason": reason, "by": granter, "at": now()}))


@remembered
def grants_of(tx: Tx, course: str, persons: Collection[str]) -> dict[str, list[LateDayGrant]]:
    """Return the grants of people in a course, the oldest first, by person id."""
    granter = people.login_column(late_day_grants.c.by).label("granter")
    query = select(late_day_grants, granter).filter_by(course=course)
    query = query.where(among(tx, late_day_grants.c.person, persons))
    rows = tx.execute(query.order_by(late_day_grants.c.id))
    return grouped((row.person, record_of(row, LateDayGrant)) for row in rows)


def budgets(tx: Tx, course: str, persons: Collection[str]) -> dict[str, int]:
    """Return the number of late days that each of these people may use in a course, by person id. It is never
    negative."""
    shared = people.course(tx, course)
    grants = grants_of(tx, course, persons)
    days = {}
    for person in persons:
        granted = sum(grant.days for grant in grants.get(person, ()))
        days[person] = max(0, granted + (shared.late_days if shared else 0))
    return days
