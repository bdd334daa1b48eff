"""Holds and releases of the results of one student, and adjustments of the score."""

from __future__ import annotations

from typing import Literal
from urllib.parse import quote

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import RedirectResponse, Response

from grader.api.lookup import ForStaff, StaffRequest, known_member
from grader.api.schemas import FromForm, In, Login, Reason
from grader.errors import BadCall
from grader.model import Points
from grader.store import adjustments, submissions

router = APIRouter(prefix="/api/v1", tags=["staff"])
pages = APIRouter(include_in_schema=False)

_MOST_POINTS = 10_000
_ASSIGNMENT = "/courses/{course}/assignments/{assignment}"


class AdjustmentIn(In):
    points: float = Field(ge=-_MOST_POINTS, le=_MOST_POINTS)
    """Points to add to the score; negative to subtract."""
    reason: Reason
    """Shown to the student."""


@router.post(_ASSIGNMENT + "/adjustments/{login}", status_code=204)
def add_adjustment(staff: ForStaff, login: Login, new: AdjustmentIn) -> None:
    """Add points to a student's score, or subtract some (staff).

    Regrades and new submissions keep an adjustment. To take it back, add the opposite.
    """
    with staff.write() as (tx, _):
        person = known_member(tx, staff.course, login).person
        if not submissions.newest_of_each(tx, staff.course, [staff.assignment], [person.id]):
            raise BadCall(f"{login} has not submitted, so there is no score to adjust: submit for them first")
        points, by = Points(str(new.points)), staff.caller.person.id
        adjustments.add_adjustment(tx, staff.course, staff.assignment, person.id, points, new.reason, by)


# ── forms on the page of a student ───────────────────────────────────────────────────────────────────

_STUDENT = _ASSIGNMENT + "/students/{login}"


class AdjustmentForm(AdjustmentIn, extra="ignore"):
    """An adjustment on the page of a student."""


@pages.post(_STUDENT + "/adjustments")
def send_adjustment(staff: ForStaff, login: Login, new: FromForm[AdjustmentForm]) -> Response:
    add_adjustment(staff, login, new)
    return _student_page(staff, login)


@pages.post(_STUDENT + "/hold")
def send_hold(
    staff: ForStaff, login: Login, hold: FromForm[Literal["held", "released", "as all"]] = "as all"
) -> Response:
    """Hide the results from one student, release them to this student, or show what all students may see."""
    held = None if hold == "as all" else hold == "held"
    with staff.write() as (tx, _):
        person = known_member(tx, staff.course, login).person
        adjustments.put_hold(tx, staff.course, staff.assignment, person.id, held)
    return _student_page(staff, login)


def _student_page(staff: StaffRequest, login: str) -> Response:
    return RedirectResponse(f"/courses/{staff.course}/assignments/{staff.assignment}/students/{quote(login)}", 303)
