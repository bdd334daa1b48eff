"""Routes for submissions: submit, list and cancel; receipts, reports, gradings and marks."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, File, Form, Header, Query, Request, Response, UploadFile

from grader.api import admission
from grader.api.files import download, page_of_report
from grader.api.identity import TheCaller, TheService, require_member, require_scope
from grader.api.openapi import LOCATION, problem_response
from grader.api.problems import HttpProblem, not_found
from grader.api.regrades import regrade_out
from grader.api.schemas import (
    ID,
    TEXT,
    AssignmentId,
    CourseId,
    GradingId,
    GradingOut,
    MarkedId,
    MarkIn,
    MarkOut,
    ReceiptOut,
    RegradeOut,
    SubmissionId,
    SubmissionOut,
    WholeSubmissionOut,
)
from grader.api.views import (
    all_gradings,
    assignment_of,
    find,
    find_for_staff,
    find_grading,
    marked_before,
    queue_place,
    report_of,
    stored_report,
    views_of,
)
from grader.errors import BadCall
from grader.model import Json, Points, show_points
from grader.render import as_json, gradescope
from grader.render.html import html
from grader.store import gradings, marks, offerings, people, regrades, submissions
from grader.store.database import Tx
from grader.store.records import Kind, Page, State, SubmissionRecord, TokenScope, Which
from grader.workers.events import Event

router = APIRouter(prefix="/api/v1", tags=["submissions"])

CONFLICT: dict[int | str, dict[str, Any]] = {409: problem_response("The state of the resource does not allow this")}
OF_ASSIGNMENT = "/courses/{course}/assignments/{assignment}/submissions"


# ── submitting ───────────────────────────────────────────────────────────────────────────────────────


@router.post(
    OF_ASSIGNMENT,
    status_code=202,
    summary="Submit",
    responses={
        202: LOCATION | {"description": "The submission is stored and will be graded"},
        429: problem_response("Too many attempts this hour, too many requests, or too many waiting submissions"),
        503: problem_response("The queue is full or the service is unavailable; nothing was stored, see Retry-After"),
    },
)
async def submit(
    course: CourseId,
    assignment: AssignmentId,
    service: TheService,
    caller: TheCaller,
    response: Response,
    files: Annotated[list[UploadFile], File(description="A Python file, a notebook, a zip of both, or several files")],
    kind: Annotated[Kind, Form(description="Pre-checks are unlimited and give no points")] = Kind.SUBMISSION,
    authors: Annotated[list[str], Form(description="Logins of the authors, if staff submit for others")] = [],  # noqa: B006
    supersede: Annotated[bool, Form(description="Replace earlier submissions that are still queued")] = False,
    idempotency_key: Annotated[
        str, Header(description="Requests with the same key store one submission", examples=["8e03978e-40d5-43dd"])
    ] = "",
) -> ReceiptOut:
    """Store the files and queue their grading. The receipt confirms that the submission is in the database."""
    contents = [(file.filename or "", await file.read()) for file in files]
    receipt = await admission.submit(
        admission.SubmitRequest(
            service, caller, course, assignment, contents, kind, "api", authors, idempotency_key, supersede
        )
    )
    response.headers["Location"] = f"/api/v1/submissions/{receipt.view.submission.id}"
    return ReceiptOut.of(receipt)


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────


@router.get(
    OF_ASSIGNMENT,
    summary="List submissions",
    responses={200: {"headers": {"Link": {"description": 'rel="next"', "schema": {"type": "string"}}}}},
)
def list_submissions(
    course: CourseId,
    assignment: AssignmentId,
    service: TheService,
    caller: TheCaller,
    request: Request,
    response: Response,
    author: Annotated[
        str | None, Query(max_length=200, pattern=TEXT, description="Author's login; students see only their own")
    ] = None,
    state: Annotated[State | None, Query(description="graded includes partly_graded")] = None,
    kind: Annotated[Kind | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[str | None, Query(pattern=ID, description="Only submissions older than this one")] = None,
) -> list[SubmissionOut]:
    """List submissions, the newest first. Students see only their own. The header Link has the URL of the next page."""
    require_member(caller, course, "assignment")
    with service.store.read() as tx:
        if offerings.offering(tx, course, assignment) is None:
            raise not_found("assignment")
        login = caller.person.login if author is None and not caller.is_staff(course) else author
        person = people.person_by_login(tx, login) if login is not None else None
        if login is not None and (person is None or not (caller.is_staff(course) or person.id == caller.person.id)):
            return []
        found = submissions.of_offering(
            tx,
            course,
            assignment,
            author=person.id if person else None,
            kind=kind,
            state=state,
            page=Page(limit + 1, before),
        )
        views = views_of(tx, service, caller, found[:limit])
    if len(found) > limit:
        response.headers["Link"] = _next_link(request, found[limit - 1].id)
    return [SubmissionOut.of(view) for view in views]


def _next_link(request: Request, before: str) -> str:
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "before"]
    return f'<{request.url.path}?{urlencode([*query, ("before", before)])}>; rel="next"'


# ── one ──────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/submissions/{id}", summary="One submission")
def get_submission(id: SubmissionId, service: TheService, caller: TheCaller) -> WholeSubmissionOut:
    """Return a submission with its state, current score, and place in the queue."""
    with service.store.read() as tx:
        view = find(tx, service, caller, id)
        waits = queue_place(tx, service, view.grading, view.submission.kind)
        return WholeSubmissionOut.whole(view, waits, marked_before(tx, view), all_gradings(tx, caller, view))


@router.get("/submissions/{id}/receipt", summary="The receipt of a submission")
def get_receipt(id: SubmissionId, service: TheService, caller: TheCaller) -> ReceiptOut:
    """Return the receipt of a submission, with its current place in the queue."""
    return ReceiptOut.of(admission.find_receipt(service, caller, id))


_ANY_BYTES = {"schema": {"type": "string", "format": "binary"}}


@router.get(
    "/submissions/{id}/files/{number}",
    summary="One file of a submission",
    response_class=Response,
    responses={200: {"description": "The bytes as submitted", "content": {"application/octet-stream": _ANY_BYTES}}},
)
def get_file(id: SubmissionId, number: int, service: TheService, caller: TheCaller) -> Response:
    """Return a file of a submission. `number` is the position of the file in the receipt, from 0."""
    with service.store.read() as tx:
        find(tx, service, caller, id)
        found = submissions.contents(tx, id)
    if not 0 <= number < len(found):
        raise not_found("file")
    return download(*found[number])


@router.post("/submissions/{id}/cancel", summary="Cancel a submission", responses=CONFLICT)
def cancel_submission(id: SubmissionId, service: TheService, caller: TheCaller) -> WholeSubmissionOut:
    """Cancel a queued or running submission. If its grading has started, the submission counts as an attempt. If the
    submission is graded, the response is 409."""
    with service.store.write() as tx:
        view = find(tx, service, caller, id)
        require_scope(caller, TokenScope.SUBMIT)
        if not gradings.cancel(tx, view.grading.id):
            detail = f"the submission is {view.grading.state} and cannot be cancelled"
            raise HttpProblem(409, "final", "The submission is final", detail)
    service.events.publish(Event(view.grading.id, "state", State.CANCELLED, done=True))
    return get_submission(id, service, caller)


# ── reports ──────────────────────────────────────────────────────────────────────────────────────────


REPORT_RESPONSES = CONFLICT | {
    200: {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Report"}}}}
}


@router.get("/submissions/{id}/report.json", summary="The report of a submission as JSON", responses=REPORT_RESPONSES)
def get_report(id: SubmissionId, service: TheService, caller: TheCaller) -> Json:
    with service.store.read() as tx:
        return as_json.as_json(report_of(tx, caller, find(tx, service, caller, id)))


@router.get(
    "/submissions/{id}/report.html",
    summary="The report of a submission as a page",
    response_class=Response,
    responses=CONFLICT | {200: {"content": {"text/html": {"schema": {"type": "string"}}}}},
)
def get_report_page(id: SubmissionId, service: TheService, caller: TheCaller) -> Response:
    """Return the report with plots as one self-contained file."""
    with service.store.read() as tx:
        report = report_of(tx, caller, find(tx, service, caller, id))
    return page_of_report(html(report))


@router.get("/submissions/{id}/results.json", summary="The report of a submission for Gradescope", responses=CONFLICT)
def get_results(id: SubmissionId, service: TheService, caller: TheCaller) -> Json:
    """Return the report of a submission in the format of Gradescope's autograders."""
    with service.store.read() as tx:
        return gradescope.gradescope(report_of(tx, caller, find(tx, service, caller, id)))


# ── for staff ────────────────────────────────────────────────────────────────────────────────────────


@router.get("/submissions/{id}/gradings", summary="List the gradings of a submission", tags=["staff"])
def list_gradings(id: SubmissionId, service: TheService, caller: TheCaller) -> list[GradingOut]:
    """List all gradings of a submission, the newest first."""
    with service.store.read() as tx:
        find_for_staff(tx, caller, id)
        return [GradingOut.model_validate(grading) for grading in gradings.of_submission(tx, id)]


@router.get(
    "/gradings/{id}/report.json", summary="The report of one grading", tags=["staff"], responses=REPORT_RESPONSES
)
def get_grading_report(id: GradingId, service: TheService, caller: TheCaller) -> Json:
    with service.store.read() as tx:
        grading, _ = find_grading(tx, caller, id)
        return as_json.as_json(stored_report(tx, grading))


@router.post(
    "/gradings/{id}/retry", status_code=202, summary="Retry a broken grading", tags=["staff"], responses=CONFLICT
)
def retry_grading(id: GradingId, service: TheService, caller: TheCaller) -> GradingOut:
    """Queue a broken grading again and reset its count of failures. If the grading is not broken, the response is
    409."""
    with service.store.write() as tx:
        grading, submission = find_grading(tx, caller, id)
        assignment_of(service, submission)
        if not service.queue.retry(tx, id, submission.assignment):
            detail = f"the grading is {grading.state}: only broken gradings can be retried"
            raise HttpProblem(409, "not-broken", "The grading is not broken", detail)
        grading, _ = find_grading(tx, caller, id)
    service.events.publish(Event(id, "state", State.QUEUED))
    service.queue.wake()
    return GradingOut.model_validate(grading)


@router.post(
    "/submissions/{id}/regrade",
    status_code=202,
    summary="Regrade one submission",
    tags=["staff"],
    responses={202: LOCATION},
)
def regrade_submission(id: SubmissionId, service: TheService, caller: TheCaller, response: Response) -> RegradeOut:
    """Start a regrade of one submission. The score does not change until the regrade is applied."""
    with service.store.write() as tx:
        submission = find_for_staff(tx, caller, id)
        assignment_of(service, submission)
        started = regrades.start(
            tx, submission.course, submission.assignment, Which.ONE, caller.person.id, [id], service.queue
        )
        regrade = regrade_out(tx, started)
    service.queue.wake()
    response.headers["Location"] = f"/api/v1/regrades/{started}"
    return regrade


@router.put("/submissions/{id}/marks/{question}", summary="Set the mark of a question or check", tags=["staff"])
def put_mark(
    id: SubmissionId, question: MarkedId, mark: MarkIn, service: TheService, caller: TheCaller
) -> list[MarkOut]:
    """Set a mark: points for a written question or a check of a submission, in place of automatic points. Regrading
    does not change the mark. Return all marks of the submission."""
    points = Points(mark.points)
    with service.store.write() as tx:
        submission = find_for_staff(tx, caller, id)
        task = assignment_of(service, submission)
        asked = task.questions.get(question)
        possible = asked.points if asked else task.check_points.get(question)
        if possible is None or submission.kind is not Kind.SUBMISSION:
            raise not_found("question")
        if points > possible:
            raise BadCall(f"{show_points(points)} points are too many: {question} is worth {show_points(possible)}")
        marks.put(tx, id, question, points, mark.comment, caller.person.id)
        return _marks_out(tx, submission)


@router.delete("/submissions/{id}/marks/{question}", summary="Remove the mark of a question or check", tags=["staff"])
def delete_mark(id: SubmissionId, question: MarkedId, service: TheService, caller: TheCaller) -> list[MarkOut]:
    """Remove the mark of a question or check. Automatic points count again. Return all marks of the submission."""
    with service.store.write() as tx:
        submission = find_for_staff(tx, caller, id)
        marks.put(tx, id, question, None, "", caller.person.id)
        return _marks_out(tx, submission)


def _marks_out(tx: Tx, submission: SubmissionRecord) -> list[MarkOut]:
    return [MarkOut.model_validate(mark) for mark in marks.of_submissions(tx, [submission.id]).get(submission.id, [])]
