"""Pages on which staff offer an assignment in a course and change its settings."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form
from pydantic import BeforeValidator, Field
from starlette.responses import RedirectResponse, Response

from grader.api.assignments import OfferingIn
from grader.api.lookup import ForCourse, known_task
from grader.api.problems import HttpProblem
from grader.api.rendering import page
from grader.api.schemas import AssignmentId, FromForm, MaybeEmpty
from grader.course import offerings as offers
from grader.course.late import MOST_DAYS
from grader.store import late_days, offerings, submissions
from grader.store.records import Offering

pages = APIRouter(include_in_schema=False)

_SETTINGS = "/courses/{course}/assignments/{assignment}/settings"
SETTING_LABELS = {
    "opens_at": "opening date",
    "due_at": "due date",
    "closes_at": "closing date",
    "late": "late penalty",
    "counts": "which submission counts",
    "attempts_per_hour": "attempts an hour",
    "group_size": "group size",
    "prechecks_per_day": "pre-checks a day",
    "precheck_detail": "what pre-checks tell",
    "held": "release",
    "release_at": "date of release",
    "requests_until": "deadline of requests",
    "hidden": "hidden parts",
}
"""Setting of an offering → its name on the page."""


def _in_utc(text: str) -> str | None:
    """Return the time that a field of the type datetime-local holds with the zone UTC; None if the field is empty."""
    return f"{text}Z" if text else None


TypedTime = Annotated[dt.datetime | None, BeforeValidator(_in_utc)]
"""The time in a form's field; a script in the browser converts times from the reader's zone to UTC."""


class SettingsForm(OfferingIn, extra="ignore"):
    """The form with an assignment's settings. Numbers and dates may be empty."""

    opens_at: TypedTime = None
    due_at: TypedTime = None
    closes_at: TypedTime = None
    release_at: TypedTime = None
    requests_until: TypedTime = None
    attempts_per_hour: MaybeEmpty[int] = None
    prechecks_per_day: MaybeEmpty[int] = None
    per_day: str = Field("", max_length=20)
    free_days: MaybeEmpty[int] = None
    grace_minutes: MaybeEmpty[int] = None
    most_days: MaybeEmpty[int] = None
    version: str = ""
    """Version of the settings that the page showed."""

    def offering(self, current: Offering) -> Offering:
        """Return the offering with the settings of the form."""
        values = self.model_dump(include=set(SETTING_LABELS))
        return replace(current, **values | {"late": self._late(current.late)})

    def _late(self, current: Mapping[str, object]) -> dict[str, object]:
        """Return the late policy. Keys of the current policy for which the form has no field stay."""
        percent = self.per_day.strip().removesuffix("%")
        values = {name: getattr(self, name) for name in ("free_days", "grace_minutes", "most_days")}
        policy = {**current, **values, "per_day": f"{percent}%" if percent else None}
        policy = {name: value for name, value in policy.items() if value is not None}
        return {"per_day": "0%", **policy} if policy else {}


@pages.get("/courses/{course}/offer")
def show_offer(staff: ForCourse) -> Response:
    """List the assignments that the service knows, with links to their settings."""
    with staff.read() as (tx, course):
        offered = {offering.assignment for offering in offerings.offerings_of(tx, course.id)}
    tasks = sorted(staff.caller.service.assignments.values(), key=lambda task: task.id)
    return page(staff.request, "offer.html", course=course, tasks=tasks, offered=offered)


@pages.post("/courses/{course}/late-days")
def send_late_days(staff: ForCourse, days: Annotated[int, Form(ge=0, le=MOST_DAYS)]) -> Response:
    """Set the number of late days that each student may use in the course."""
    with staff.write() as (tx, course):
        late_days.put_budget(tx, course.id, days)
    return RedirectResponse(f"/courses/{course.id}/offer", 303)


@pages.get(_SETTINGS)
def show_offering(staff: ForCourse, assignment: AssignmentId, saved: str | None = None, added: int = 0) -> Response:
    """Show the settings of an assignment, also before the course offers it. `saved` names the settings that the form
    has changed, separated by commas."""
    task = known_task(staff, assignment)
    with staff.read() as (tx, course):
        current = offerings.offering(tx, course.id, assignment)
        offering = current or Offering(course.id, assignment)
        load = offers.load(tx, offering, staff.caller.service.settings.workers)
        due_at = offering.due_at
        late_count = submissions.count_after(tx, course.id, assignment, due_at) if due_at else 0
    return page(
        staff.request,
        "offering.html",
        course=course,
        offering=offering,
        is_offered=current is not None,
        task=task,
        load=load,
        late_count=late_count,
        added=added,
        version=_version(current),
        saved=None if saved is None else [SETTING_LABELS[name] for name in saved.split(",") if name in SETTING_LABELS],
    )


@pages.post(_SETTINGS)
def send_settings(staff: ForCourse, assignment: AssignmentId, form: FromForm[SettingsForm]) -> Response:
    """Offer an assignment, or change its settings."""
    task = known_task(staff, assignment)
    with staff.write() as (tx, course):
        current = offerings.offering(tx, course.id, assignment)
        if form.version != _version(current):
            detail = "someone has changed them since you opened the page: open it again, and make your change there"
            raise HttpProblem(409, "changed-meanwhile", "The settings have changed", detail)
        before = current or Offering(course.id, assignment)
        after = offers.checked(form.offering(before), task)
        rubrics = offers.offer(tx, after, task)
    changed = [name for name in SETTING_LABELS if getattr(before, name) != getattr(after, name)]
    done = f"saved={','.join(changed)}&added={len(rubrics.added)}"
    return RedirectResponse(f"/courses/{course.id}/assignments/{assignment}/settings?{done}", 303)


def _version(offering: Offering | None) -> str:
    """Return a short hash of the settings of an offering; None if the assignment is not offered."""
    return hashlib.sha256(repr(offering).encode()).hexdigest()[:16]
