"""Regrade pages for staff: start, review, apply and discard a regrade."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grader.api import regrades as api
from grader.api.assignments import ForStaff, known_course, known_offering
from grader.api.frame import page
from grader.api.identity import TheCaller, TheService
from grader.api.schemas import RegradeId, RegradeIn
from grader.store import regrades
from grader.store.records import RegradeState, State, Which

router = APIRouter(include_in_schema=False)

_PATH = "/courses/{course}/assignments/{assignment}/regrades"


@router.get(_PATH)
def show_regrades(staff: ForStaff) -> Response:
    with staff.read() as (tx, _):
        found = regrades.of_offering(tx, staff.course, staff.assignment)
        return staff.page(tx, "regrades.html", regrades=found)


@router.post(_PATH)
def start(staff: ForStaff, which: Annotated[Which, Form()] = Which.LATEST) -> Response:
    started = api.start_regrade(staff, RegradeIn(which=which), Response())
    return RedirectResponse(f"/regrades/{started.id}", 303)


@router.get("/regrades/{id}")
def show_regrade(request: Request, id: RegradeId, service: TheService, caller: TheCaller) -> Response:
    found = api.get_regrade(id, service, caller)
    with service.store.read() as tx:
        course = known_course(tx, found.course)
        offering = known_offering(tx, service, found.course, found.assignment)
    return page(
        request,
        "regrade.html",
        course=course,
        offering=offering,
        task=service.assignments[found.assignment],
        regrade=found,
        running=found.progress.get(State.QUEUED, 0) + found.progress.get(State.RUNNING, 0),
        all=sum(found.progress.values()),
        changed=[change for change in found.changes if change.checks],
        is_open=found.state is RegradeState.SHADOW,
    )


@router.post("/regrades/{id}/apply")
def apply(id: RegradeId, service: TheService, caller: TheCaller) -> Response:
    api.apply_regrade(id, service, caller)
    return RedirectResponse(f"/regrades/{id}", 303)


@router.post("/regrades/{id}/discard")
def discard(id: RegradeId, service: TheService, caller: TheCaller) -> Response:
    api.discard_regrade(id, service, caller)
    return RedirectResponse(f"/regrades/{id}", 303)
