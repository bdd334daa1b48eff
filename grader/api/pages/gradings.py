"""Pages for staff: the report of a single grading, and forms to retry and regrade."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grader.api import submissions as api
from grader.api.assignments import known_course
from grader.api.frame import page
from grader.api.identity import TheCaller, TheService
from grader.api.schemas import GradingId, SubmissionId
from grader.api.views import find_grading, stored_report
from grader.render.html import context
from grader.render.plots import plots

router = APIRouter(include_in_schema=False)


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
    grading = api.retry_grading(id, service, caller)
    with service.store.read() as tx:
        _, submission = find_grading(tx, caller, grading.id)
    return RedirectResponse(f"/submissions/{submission.id}", 303)


@router.post("/submissions/{id}/regrade")
def regrade(id: SubmissionId, service: TheService, caller: TheCaller) -> Response:
    started = api.regrade_submission(id, service, caller, Response())
    return RedirectResponse(f"/regrades/{started.id}", 303)
