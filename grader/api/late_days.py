"""Late days of a course: the budget, the days that each student has left, and grants."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import AwareDatetime, Field

from grader.api.identity import TheCaller, require_staff
from grader.api.lookup import known_course, known_member
from grader.api.schemas import TEXT, CourseId, In, Login, Out
from grader.api.views import late_day_accounts
from grader.course.late import MOST_DAYS
from grader.store import late_days, people
from grader.store.records import Role

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
    reason: str = Field(min_length=1, max_length=1_000, pattern=TEXT)


class GrantOut(Out):
    days: int
    reason: str
    granter: str
    """Login of the member of staff."""
    at: AwareDatetime


@router.get("")
def list_late_days(caller: TheCaller, course: CourseId) -> list[LateDaysOut]:
    """List the late days of all students (staff)."""
    require_staff(caller, course)
    with caller.read() as tx:
        known_course(tx, course)
        students = [member.person for member in people.roster(tx, course) if member.role is Role.STUDENT]
        accounts = late_day_accounts(tx, caller, course, {student.id for student in students})
    rows = []
    for student in students:
        numbers = {"budget": accounts.budgets[student.id], "left": accounts.left(student.id)}
        rows.append(LateDaysOut.model_validate(vars(student) | numbers))
    return rows


@router.put("")
def set_late_days(caller: TheCaller, course: CourseId, budget: BudgetIn) -> list[LateDaysOut]:
    """Set the number of late days of each student, before grants (staff). Return the late days of all students."""
    require_staff(caller, course)
    with caller.write() as tx:
        known_course(tx, course)
        late_days.put_budget(tx, course, budget.days)
    return list_late_days(caller, course)


@router.get("/{login}/grants")
def list_grants(caller: TheCaller, course: CourseId, login: Login) -> list[GrantOut]:
    """List the late days that a person was given, the oldest first (staff)."""
    require_staff(caller, course)
    with caller.read() as tx:
        person = known_member(tx, course, login)
        return GrantOut.all(late_days.grants_of(tx, course, person.id))


@router.post("/{login}/grants", status_code=201)
def grant_late_days(caller: TheCaller, course: CourseId, login: Login, new: GrantIn) -> list[GrantOut]:
    """Give a person late days, or take some away (staff). Return all grants of the person."""
    require_staff(caller, course)
    with caller.write() as tx:
        person = known_member(tx, course, login)
        late_days.grant(tx, course, person.id, new.days, new.reason, caller.person.id)
    return list_grants(caller, course, login)
