"""Late days of a course: the budget, the days that each student has left, and grants."""

from __future__ import annotations

from typing import Self

from fastapi import APIRouter
from pydantic import Field

from grader.api.identity import Caller
from grader.api.lookup import ForCourse, known_member
from grader.api.schemas import In, Login, Out, Reason
from grader.api.views import late_day_accounts
from grader.course.late import MOST_DAYS, count_of, lateness, read_policy
from grader.store import groups, late_days, offerings, people
from grader.store.database import Tx, now
from grader.store.records import Offering, Role

router = APIRouter(prefix="/api/v1/courses/{course}/late-days", tags=["courses"])


class LateDaysOut(Out):
    """The late days of one student."""

    login: str
    name: str
    budget: int
    left: int


class BudgetIn(In):
    days: int = Field(ge=0, le=MOST_DAYS)
    """Late days of each student, before grants."""


class GrantIn(In):
    days: int = Field(ge=-MOST_DAYS, le=MOST_DAYS)
    """Negative to take days away."""
    reason: Reason


class OwnLateDays(Out):
    """Late days that the caller may use for a submission at this moment."""

    days_late: int
    """Number of days for which points would be deducted."""
    days: int
    """Number of late days that a submission would use, if the caller agrees."""
    left: int
    """Number of late days that each author has left, without those that an earlier submission to this assignment
    uses."""
    question: str

    @classmethod
    def of(cls, tx: Tx, caller: Caller, offering: Offering) -> Self | None:
        """Return the body for the caller's group, or for the caller alone. Return None if the late policy has no late
        days."""
        policy = read_policy(offering.late)
        if not policy.free_days:
            return None
        partners = groups.partners(tx, offering, caller.person.login)
        persons = {caller.person.id}.union(partner.id for partner in partners)
        accounts = late_day_accounts(tx, caller, offering.course, persons)
        left = min(accounts.left(person) for person in persons)
        available = min(accounts.left(person, offering.assignment) for person in persons)
        extensions = [offerings.extension(tx, offering.course, offering.assignment, person) for person in persons]
        latest = max(filter(None, extensions), default=None)
        days_late = lateness(now(), offering.due_at, latest, policy).days
        who = "Each of your group has at least" if partners else "You have"
        question = f"This is {count_of(days_late, 'day')} late. {who} {count_of(left, 'late day')} left"
        if available > left:
            question += f", and {available - left} that your earlier submission uses"
        return cls(days_late=days_late, days=policy.late_days(days_late, available), left=left, question=f"{question}.")


@router.get("")
def list_late_days(staff: ForCourse) -> list[LateDaysOut]:
    """List the late days of all students (staff)."""
    with staff.read() as (tx, course):
        students = [member.person for member in people.roster(tx, course.id, Role.STUDENT)]
        accounts = late_day_accounts(tx, staff.caller, course.id, {student.id for student in students})
    rows = []
    for student in students:
        id = student.id
        rows.append(
            LateDaysOut(login=student.login, name=student.name, budget=accounts.budgets[id], left=accounts.left(id))
        )
    return rows


@router.put("")
def set_late_days(staff: ForCourse, budget: BudgetIn) -> list[LateDaysOut]:
    """Set the number of late days of each student, before grants (staff). Return the late days of all students."""
    with staff.write() as (tx, course):
        late_days.put_budget(tx, course.id, budget.days)
    return list_late_days(staff)


@router.post("/{login}/grants")
def grant_late_days(staff: ForCourse, login: Login, new: GrantIn) -> list[LateDaysOut]:
    """Give a person late days, or take some away (staff). Return the late days of all students."""
    with staff.write() as (tx, course):
        person = known_member(tx, course.id, login).person
        late_days.grant(tx, course.id, person.id, new.days, new.reason, staff.caller.person.id)
    return list_late_days(staff)
