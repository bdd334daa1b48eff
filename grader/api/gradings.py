"""Gradings of submissions, for staff: their reports, and retries of broken gradings."""

from __future__ import annotations

import datetime as dt
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grader.api.identity import TheCaller
from grader.api.lookup import known_course
from grader.api.openapi import problem_response
from grader.api.problems import HttpProblem
from grader.api.rendering import page, reader_language
from grader.api.schemas import GradingId, Out, SubmissionId
from grader.api.views import assignment_of, find_for_staff, find_grading, stored_report
from grader.model import Json
from grader.render import as_json
from grader.render.html import context
from grader.render.plots import plots
from grader.render.translation import spoken
from grader.store import gradings
from grader.store.records import State
from grader.workers.events import Event

router = APIRouter(prefix="/api/v1", tags=["submissions", "staff"])
pages = APIRouter(include_in_schema=False)

CONFLICT: dict[int | str, dict[str, Any]] = {409: problem_response("The state of the resource does not allow this")}
REPORT_RESPONSES = CONFLICT | {
    200: {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Report"}}}}
}


class GradingOut(Out):
    id: str
    state: State
    counts: bool
    """True if this grading gives the submission its points."""
    regrade: str | None
    """Id of the regrade that the grading belongs to, if any."""
    queued_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    grader: str
    """The grader's version; empty until graded."""
    assignment_digest: str
    seed: str
    points: float | None
    decided: float | None
    possible: float | None
    worker: str | None
    """Name of the worker; null for students."""
    failures: int
    """Number of times that the grader failed; 0 for students."""
    why: str
    """Reason for the latest failure; empty for students."""


@router.get("/submissions/{id}/gradings")
def list_gradings(id: SubmissionId, caller: TheCaller) -> list[GradingOut]:
    """List all gradings of a submission, the newest first."""
    with caller.read() as tx:
        find_for_staff(tx, caller, id)
        records = gradings.of_submission(tx, id)
    return GradingOut.all(records)


@router.get("/gradings/{id}/report.json", responses=REPORT_RESPONSES)
def get_grading_report(id: GradingId, caller: TheCaller) -> Json:
    """Get the report of one grading."""
    with caller.read() as tx:
        grading, _ = find_grading(tx, caller, id)
        report = stored_report(tx, grading)
    return as_json.as_json(report)


@router.post("/gradings/{id}/retry", status_code=202, responses=CONFLICT)
def retry_grading(id: GradingId, caller: TheCaller) -> GradingOut:
    """Retry a broken grading.

    Queue a broken grading again and reset its count of failures. If the grading is not broken, the response is 409.
    """
    with caller.write() as tx:
        grading, submission = find_grading(tx, caller, id)
        assignment_of(caller, submission)
        if not caller.service.queue.retry(tx, id, submission.assignment):
            detail = f"the grading is {grading.state}: only broken gradings can be retried"
            raise HttpProblem(409, "not-broken", "The grading is not broken", detail)
        grading, _ = find_grading(tx, caller, id)
    caller.service.events.publish(Event(id, "state", State.QUEUED))
    caller.service.queue.wake()
    return GradingOut.model_validate(grading)


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────


@pages.get("/gradings/{id}")
def show_grading(request: Request, id: GradingId, caller: TheCaller) -> Response:
    """Show the report of one grading, even of a grading that does not count."""
    with caller.read() as tx:
        grading, submission = find_grading(tx, caller, id)
        report = stored_report(tx, grading)
        course = known_course(tx, submission.course)
    with spoken(reader_language(request)):
        variables = context(report, plots(report.evidence))
    return page(request, "grading.html", **variables, grading=grading, submission=submission, course=course)


@pages.post("/gradings/{id}/retry")
def send_retry(id: GradingId, caller: TheCaller) -> Response:
    retry_grading(id, caller)
    with caller.read() as tx:
        _, submission = find_grading(tx, caller, id)
    return RedirectResponse(f"/submissions/{submission.id}", 303)
