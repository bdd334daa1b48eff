"""Pages for staff: the queue, the report of a single grading, and regrades."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grader.api import operations, regrades, submissions
from grader.api.assignments import ForStaff, known_course, known_offering
from grader.api.frame import page
from grader.api.identity import TheCaller, TheService
from grader.api.schemas import GradingId, RegradeId, RegradeIn, SubmissionId
from grader.api.views import find_grading, stored_report
from grader.render.html import context
from grader.render.plots import plots
from grader.store import regrades as stored
from grader.store.records import RegradeState, State, Which
from grader.store.submissions import authors_of

router = APIRouter(include_in_schema=False)

_REGRADES = "/courses/{course}/assignments/{assignment}/regrades"


@router.get("/queue")
def show_queue(request: Request, service: TheService, caller: TheCaller) -> Response:
    """Show the size of the whole queue, and the gradings of the caller's courses."""
    queue = operations.get_queue(service, caller)
    with service.store.read() as tx:
        authors = authors_of(tx, [one.submission for one in queue.gradings])
    return page(request, "queue.html", queue=queue, authors=authors, trouble=service.queue.trouble())


@router.get("/gradings/{id}")
def show_grading(request: Request, id: GradingId, service: TheService, caller: TheCaller) -> Response:
    """Show the report of one grading, even of a grading that does not count."""
    with service.store.read() as tx:
        grading, submission = find_grading(tx, caller, id)
        report = stored_report(tx, grading)
        course = known_course(tx, submission.course)
    return page(
        request,
        "grading.html",
        **context(report, plots(report.evidence)),
        grading=grading,
        submission=submission,
        course=course,
    )


@router.post("/gradings/{id}/retry")
def retry(id: GradingId, service: TheService, caller: TheCaller) -> Response:
    grading = submissions.retry_grading(id, service, caller)
    with service.store.read() as tx:
        _, submission = find_grading(tx, caller, grading.id)
    return RedirectResponse(f"/submissions/{submission.id}", 303)


@router.post("/submissions/{id}/regrade")
def regrade(id: SubmissionId, service: TheService, caller: TheCaller) -> Response:
    started = submissions.regrade_submission(id, service, caller, Response())
    return RedirectResponse(f"/regrades/{started.id}", 303)


@router.get(_REGRADES)
def show_regrades(staff: ForStaff) -> Response:
    with staff.read() as (tx, offering):
        found = stored.of_offering(tx, staff.course, staff.assignment)
        return staff.render(tx, "regrades.html", offering, regrades=found)


@router.post(_REGRADES)
def start(staff: ForStaff, which: Annotated[Which, Form()] = Which.LATEST) -> Response:
    started = regrades.start_regrade(staff, RegradeIn(which=which), Response())
    return RedirectResponse(f"/regrades/{started.id}", 303)


@router.get("/regrades/{id}")
def show_regrade(request: Request, id: RegradeId, service: TheService, caller: TheCaller) -> Response:
    found = regrades.get_regrade(id, service, caller)
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
    regrades.apply_regrade(id, service, caller)
    return RedirectResponse(f"/regrades/{id}", 303)


@router.post("/regrades/{id}/discard")
def discard(id: RegradeId, service: TheService, caller: TheCaller) -> Response:
    regrades.discard_regrade(id, service, caller)
    return RedirectResponse(f"/regrades/{id}", 303)
