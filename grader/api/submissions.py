"""Submissions: submit, list and cancel; their receipts, reports and marks; and the pages of a submission."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Header, Query, Request, Response, UploadFile
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse

from grader.api import submitting
from grader.api.files import REPORT_POLICY, streamed
from grader.api.gradings import CONFLICT, REPORT_RESPONSES, GradingOut
from grader.api.identity import Caller, TheCaller, require_scope
from grader.api.lookup import ForMember, known_course
from grader.api.openapi import LOCATION, problem_response
from grader.api.problems import HttpProblem, not_found
from grader.api.progress import progress_of
from grader.api.receipts import signature
from grader.api.rendering import page, reader_language
from grader.api.schemas import (
    ID,
    NAME,
    TEXT,
    AssignmentId,
    CourseId,
    FromForm,
    In,
    MarkedId,
    MaybeEmpty,
    Out,
    PersonOut,
    SubmissionId,
)
from grader.api.scores import as_counted
from grader.api.views import (
    QueuePlace,
    SubmissionView,
    all_gradings,
    assignment_of,
    decided,
    find,
    find_for_staff,
    line_comments_of,
    marked_before,
    may_ask_for_regrade,
    queue_place,
    report_of,
    requests_of,
    upload_of,
    views_of,
)
from grader.bounds import PIECE_BYTES
from grader.course.late import MOST_DAYS
from grader.course.scores import Score, SubmissionState
from grader.errors import BadCall
from grader.model import Json, Points, Report, show_points, show_signed
from grader.model.answers import Decision
from grader.render import as_json, gradescope
from grader.render.html import Totals, context, html
from grader.render.phrases import awaiting
from grader.render.plots import plots
from grader.render.text import clean
from grader.render.translation import gettext, spoken
from grader.store import gradings, line_comments, marks, people, queue, requests, submissions
from grader.store import records as stored
from grader.store.database import Tx
from grader.store.records import Kind, Page, State, SubmissionRecord, TokenScope, UploadRecord
from grader.workers.events import Event

router = APIRouter(prefix="/api/v1", tags=["submissions"])
pages = APIRouter(include_in_schema=False)

OF_ASSIGNMENT = "/courses/{course}/assignments/{assignment}/submissions"
SHOWN_LINES = 2_000
"""A page shows at most this many lines of a submitted file, from the first `PIECE_BYTES`."""


class LatenessOut(Out):
    is_late: bool
    remains: float
    """Share of the points that remains, from 0 to 1."""
    sentence: str


class StoredOut(Out):
    """The fields that a receipt and a submission have in common."""

    course: str
    assignment: str
    kind: Kind
    by: PersonOut
    authors: list[PersonOut]
    received_at: dt.datetime
    digest: str
    """SHA-256 hash of the names and contents of the graded files."""
    files: list[stored.File]
    """The submitted files."""
    code_submitted: bool
    """If false, the submission uses no attempt, and its checks get no points."""
    late: LatenessOut
    late_days: int
    """The most late days that the student agreed to use."""


class ReceiptOut(StoredOut):
    """The confirmation that a submission is stored and will be graded."""

    submission: str
    remarks: list[str]
    """Remarks on the files."""
    position: int | None = None
    """Place in the queue; 1 is next, null if not queued."""
    estimate_seconds: float | None = None
    """Estimated time until grading starts; null if unknown."""
    signature: str = ""
    """A JSON Web Signature (Ed25519, compact), whose payload has the other fields."""


class GivenItemOut(Out):
    """A rubric item that was applied to an answer."""

    text: str
    points: float


class QuestionScoreOut(Out):
    """The score of one written question."""

    question: str
    title: str
    state: Decision
    """`suggested` (shown to staff only): a person must decide on suggested points."""
    points: float | None
    """null until decided."""
    possible: float
    by_machine: bool
    """True if full points were given automatically."""
    items: list[GivenItemOut]
    """The applied rubric items."""
    comment: str


class ScoreOut(Out):
    """The current score of a submission. Points that are not decided yet are reported as waiting, not as zero."""

    machine: float | None
    """Points of the code; null until graded and released."""
    written: float | None
    """Points of written answers; null while none is decided."""
    earned: float | None
    """Points of code and answers before the late penalty."""
    final: float | None
    """Points of code and answers after the late penalty."""
    decided: float
    """Possible points of the checks and answers that count in `earned` and `final`."""
    waiting: float
    """Possible points that are not decided yet."""
    absent: float
    """Possible points of answers and code that were not submitted."""
    possible: float
    questions: list[QuestionScoreOut]
    """The written questions."""
    sentence: str


class MarkOut(Out):
    question: str
    points: float
    comment: str
    by: PersonOut
    at: dt.datetime


class SubmissionOut(StoredOut):
    """A submission in a list."""

    id: str
    interface: str
    """The interface that was used: api, page or batch."""
    state: SubmissionState
    score: ScoreOut | None
    """null for a pre-check, which does not count for the grade."""


def _fields(view: SubmissionView, upload: UploadRecord, place: QueuePlace | None = None) -> dict[str, Any]:
    """Return the fields of a submission, of its upload, and of its place in the queue."""
    fields = vars(view.submission) | vars(upload) | vars(view)
    if place:
        fields |= vars(place)
    return fields | {"submission": view.submission.id, "state": view.state}


class WholeSubmissionOut(SubmissionOut):
    """A submission with everything that the caller may see."""

    position: int | None = None
    """Place in the queue; 1 is next, null if not queued."""
    estimate_seconds: float | None = None
    """Estimated time until grading starts."""
    marks: list[MarkOut]
    marked_before: list[str]
    """Questions to mark again, because the answer changed after it was marked."""
    line_comments: list[stored.LineComment]
    """Comments of staff by file and line; empty for students until results are released."""
    gradings: list[GradingOut]
    """The newest first. Students see only the grading that counts."""


MarkPoints = Annotated[Decimal, Field(ge=0, le=1000, decimal_places=2, allow_inf_nan=False)]


class MarkIn(In):
    points: MarkPoints
    comment: str = Field("", max_length=10_000, pattern=TEXT)


# ── submitting ───────────────────────────────────────────────────────────────────────────────────────


@router.post(
    OF_ASSIGNMENT,
    status_code=202,
    responses={
        202: LOCATION | {"description": "The submission is stored and will be graded"},
        429: problem_response("Too many attempts this hour, too many requests, or too many waiting submissions"),
        503: problem_response("Unavailable, or full (pre-checks only); nothing was stored, see Retry-After"),
    },
)
async def submit(
    course: CourseId,
    assignment: AssignmentId,
    caller: TheCaller,
    response: Response,
    files: Annotated[list[UploadFile], File(description="A Python file, a notebook, a zip of both, or several files")],
    kind: Annotated[Kind, Form(description="Pre-checks use no attempt and give no points")] = Kind.SUBMISSION,
    authors: Annotated[tuple[str, ...], Form(description="Logins of the authors, if staff submit for others")] = (),
    supersede: Annotated[bool, Form(description="Replace earlier submissions that are still queued")] = False,
    late_days: Annotated[int, Form(ge=0, le=MOST_DAYS, description="The most late days to use")] = 0,
    idempotency_key: Annotated[str, Header(description="Requests with the same key store one submission")] = "",
) -> ReceiptOut:
    """Submit.

    Store the files and queue their grading. The receipt confirms that the submission is in the database.
    """
    contents = [(file.filename or "", await file.read()) for file in files]
    request = submitting.SubmitRequest(
        caller, course, assignment, contents, kind, "api", authors, idempotency_key, supersede, late_days
    )
    id = await submitting.submit(request)
    response.headers["Location"] = f"/api/v1/submissions/{id}"
    return await run_in_threadpool(get_receipt, id, caller)


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────


@router.get(
    OF_ASSIGNMENT,
    responses={200: {"headers": {"Link": {"description": 'rel="next"', "schema": {"type": "string"}}}}},
)
def list_submissions(
    member: ForMember,
    response: Response,
    author: Annotated[
        str | None, Query(max_length=200, pattern=TEXT, description="Author's login; students see only their own")
    ] = None,
    state: Annotated[State | None, Query(description="graded includes partly_graded")] = None,
    kind: Annotated[Kind | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    older_than: Annotated[
        str | None, Query(pattern=ID, alias="before", description="Only submissions older than this one")
    ] = None,
) -> list[SubmissionOut]:
    """List submissions, the newest first.

    Students see only their own. The header Link has the URL of the next page.
    """
    caller, url = member.caller, member.request.url
    if author is None and not member.is_by_staff:
        author = caller.person.login
    with member.read() as (tx, _):
        persons = None
        if author is not None:
            person = people.person_by_login(tx, author)
            if person is None or not (member.is_by_staff or person.id == caller.person.id):
                return []
            persons = [person.id]
        page = Page(limit + 1, older_than)
        records = submissions.of_offering(
            tx, member.course, [member.assignment], persons=persons, kind=kind, state=state, page=page
        )
        views = views_of(tx, caller, records[:limit])
        uploads = submissions.uploads_of(tx, [record.id for record in records])
    if len(records) > limit:
        url = url.include_query_params(before=records[limit - 1].id)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return [SubmissionOut.model_validate(_fields(view, uploads[view.submission.id])) for view in views]


# ── one ──────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/submissions/{id}")
def get_submission(id: SubmissionId, caller: TheCaller) -> WholeSubmissionOut:
    """Get a submission with its state, current score, and place in the queue."""
    with caller.read() as tx:
        view = as_counted(tx, caller, find(tx, caller, id))
        place = queue_place(tx, caller, view)
        fields = _fields(view, upload_of(tx, view), place) | {"gradings": all_gradings(tx, caller, view)}
        fields["line_comments"] = line_comments_of(tx, caller, view)
        fields["marked_before"] = sorted(marked_before(tx, view))
    return WholeSubmissionOut.model_validate(fields)


@router.get("/submissions/{id}/receipt")
def get_receipt(id: SubmissionId, caller: TheCaller) -> ReceiptOut:
    """Get the receipt of a submission, with its current place in the queue."""
    with caller.read() as tx:
        view = find(tx, caller, id)
        place = queue_place(tx, caller, view)
        upload = upload_of(tx, view)
    remarks = submitting.remarks(assignment_of(caller, view.submission), view.submission, upload)
    receipt = ReceiptOut.model_validate(_fields(view, upload, place) | {"remarks": remarks})
    payload = receipt.model_dump_json(exclude={"signature"})
    return receipt.model_copy(update={"signature": signature(caller.service.store, payload)})


_ANY_BYTES = {"schema": {"type": "string", "format": "binary"}}


@router.get(
    "/submissions/{id}/files/{number}",
    response_class=Response,
    responses={200: {"description": "The bytes as submitted", "content": {"application/octet-stream": _ANY_BYTES}}},
)
def get_file(id: SubmissionId, number: int, caller: TheCaller) -> Response:
    """Get one file of a submission.

    `number` is the position of the file in the receipt, from 0.
    """
    with caller.read() as tx:
        find(tx, caller, id)
        file = _file(tx, id, number)
    return streamed(file.name, file.size, _pieces(caller, id, number, file.size))


def _file(tx: Tx, id: str, number: int) -> stored.File:
    """Return a file of a submission by its position, from 0. Raise 404 if there is none."""
    files = submissions.uploads_of(tx, [id])[id].files
    if not 0 <= number < len(files):
        raise not_found("file")
    return files[number]


_READER = ThreadPoolExecutor(1, "files")
"""The thread that reads submitted files. For each piece the database reads the whole file into the thread's memory."""


def _pieces(caller: Caller, id: str, number: int, size: int) -> Iterator[bytes]:
    """Yield the first `size` bytes of a submission's file in pieces. Each is read in a transaction of its own."""

    def piece(start: int) -> bytes:
        with caller.read() as tx:
            return submissions.piece(tx, id, number, start, PIECE_BYTES)

    for start in range(0, size, PIECE_BYTES):
        yield _READER.submit(piece, start).result()


@router.post("/submissions/{id}/cancel", responses=CONFLICT)
def cancel_submission(id: SubmissionId, caller: TheCaller) -> WholeSubmissionOut:
    """Cancel a queued or running submission.

    If its grading has started, the submission counts as an attempt. If the submission is graded, the response is 409.
    """
    with caller.write() as tx:
        view = find(tx, caller, id)
        require_scope(caller, TokenScope.SUBMIT)
        if not queue.cancel(tx, view.grading.id):
            detail = f"the submission is {view.grading.state} and cannot be cancelled"
            raise HttpProblem(409, "final", "The submission is final", detail)
    caller.service.events.publish(Event(view.grading.id, "state", State.CANCELLED, done=True))
    return get_submission(id, caller)


# ── reports ──────────────────────────────────────────────────────────────────────────────────────────


@router.get("/submissions/{id}/report.json", responses=REPORT_RESPONSES)
def get_report(id: SubmissionId, caller: TheCaller) -> Json:
    """Get the report of a submission as JSON."""
    with caller.read() as tx:
        view = find(tx, caller, id)
        return as_json.as_json(report_of(tx, caller, view))


@router.get(
    "/submissions/{id}/report.html",
    response_class=HTMLResponse,
    responses=CONFLICT,
)
def get_report_page(id: SubmissionId, caller: TheCaller) -> Response:
    """Get the report of a submission, with plots, as one self-contained page."""
    with caller.read() as tx:
        view = find(tx, caller, id)
        report = report_of(tx, caller, view)
    return HTMLResponse(html(report), headers={"Content-Security-Policy": REPORT_POLICY})


@router.get("/submissions/{id}/results.json", responses=CONFLICT)
def get_results(id: SubmissionId, caller: TheCaller) -> Json:
    """Get the report of a submission in the format of Gradescope's autograders."""
    with caller.read() as tx:
        view = find(tx, caller, id)
        return gradescope.gradescope(report_of(tx, caller, view))


# ── marks ───────────────────────────────────────────────────────────────────────────────────────────


@router.put("/submissions/{id}/marks/{question}", tags=["staff"])
def put_mark(id: SubmissionId, question: MarkedId, mark: MarkIn, caller: TheCaller) -> list[MarkOut]:
    """Set the mark of a question or check.

    The mark gives points in place of automatic points. Regrading does not change it. Return all marks of the
    submission.
    """
    with caller.write() as tx:
        submission = find_for_staff(tx, caller, id)
        set_mark(tx, caller, submission, question, Points(mark.points), mark.comment)
        return _marks_out(tx, submission)


def set_mark(tx: Tx, caller: Caller, submission: SubmissionRecord, question: str, points: Points, comment: str) -> None:
    """Set the mark of a question or check. Raise 404 if there is no such question, and `BadCall` if the points are too
    many."""
    task = assignment_of(caller, submission)
    possible = task.check_points.get(question)
    if question in task.questions:
        possible = task.questions[question].points
    if possible is None or submission.kind is not Kind.SUBMISSION:
        raise not_found("question")
    if points > possible:
        raise BadCall(f"{show_points(points)} points are too many: {question} is worth {show_points(possible)}")
    marks.put(tx, submission.id, question, points, comment, caller.person.id)


@router.delete("/submissions/{id}/marks/{question}", tags=["staff"])
def delete_mark(id: SubmissionId, question: MarkedId, caller: TheCaller) -> list[MarkOut]:
    """Remove the mark of a question or check.

    Automatic points count again. Return all marks of the submission.
    """
    with caller.write() as tx:
        submission = find_for_staff(tx, caller, id)
        marks.put(tx, id, question, None, "", caller.person.id)
        return _marks_out(tx, submission)


def _marks_out(tx: Tx, submission: SubmissionRecord) -> list[MarkOut]:
    marks_of = marks.of_submissions(tx, [submission.id])
    return MarkOut.all(marks_of.get(submission.id, []))


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────


@pages.get("/submissions/{id}")
def show_submission(request: Request, id: SubmissionId, caller: TheCaller) -> Response:
    """Show the report of a submission or, until it is graded, the progress of its grading."""
    with caller.read() as tx:
        view = as_counted(tx, caller, find(tx, caller, id))
        variables = _about(tx, caller, view)
        if view.grading.state is not State.GRADED:
            progress = progress_of(tx, caller, view)
            return page(request, "progress.html", **variables, progress=progress)
        report = report_of(tx, caller, view)
        variables["requests"] = requests_of(tx, caller, view)
        variables["shadow"] = requests.shadow_results(tx, id) if variables["is_staff_here"] else {}
    variables["decided"] = decided(report, view)
    variables["may_ask"] = may_ask_for_regrade(caller, view)
    with spoken(reader_language(request)):
        report_variables = _report_variables(report, view)
    return page(request, "report.html", **variables, **report_variables)


def _about(tx: Tx, caller: Caller, view: SubmissionView) -> dict[str, Any]:
    """Return the template variables that the pages of a submission have in common."""
    is_staff = caller.is_staff(view.submission.course)
    authors = [author.id for author in view.submission.authors]
    records = all_gradings(tx, caller, view)
    return {
        "view": view,
        "course": known_course(tx, view.submission.course),
        "task": assignment_of(caller, view.submission),
        "is_staff_here": is_staff,
        "is_own": caller.person.id in authors,
        "gradings": records,
        "line_comments": line_comments_of(tx, caller, view),
        "varies": gradings.depend_on_chance(records),
    }


def _report_variables(report: Report, view: SubmissionView) -> dict[str, Any]:
    """Return the template variables of the report. If the submission has a score, its totals, with marks and the late
    penalty, replace the totals of the automatic grading."""
    variables = context(report, plots(report.evidence)) | {"marks": {}}
    if view.score is None:
        return variables
    if view.score.final is not None:
        variables["totals"] = _score_totals(view.score, view.score.final)
    decided = [question for question in view.score.questions if question.points is not None]
    return variables | {"marks": {question.question: question for question in decided}}


def _score_totals(score: Score, final: Points) -> Totals:
    """Return the totals to show at the top of a report, including marks and the late penalty."""
    words = [gettext("of %(points)s points", points=show_points(score.possible))]
    if score.waiting:
        words.append(awaiting(score.waiting))
    if score.absent:
        words.append(gettext("%(points)s not submitted", points=show_points(score.absent)))
    if score.adjustment:
        words.append(gettext("adjusted by %(points)s", points=show_signed(score.adjustment)))
    texts = show_points(final), " · ".join(words)
    return Totals(*texts, final, score.decided, score.possible, score.absent, score.penalty)


@pages.get("/submissions/{id}/receipt")
def show_receipt(request: Request, id: SubmissionId, caller: TheCaller) -> Response:
    with caller.read() as tx:
        view = find(tx, caller, id)
        place = queue_place(tx, caller, view)
        variables = _about(tx, caller, view)
        upload = upload_of(tx, view)
    remarks = submitting.remarks(variables["task"], view.submission, upload)
    return page(request, "receipt.html", **variables, upload=upload, place=place, remarks=remarks)


@pages.get("/submissions/{id}/files/{number}")
def show_file(request: Request, id: SubmissionId, number: int, caller: TheCaller) -> Response:
    """Show the beginning of a file as numbered lines, with the comments of staff."""
    with caller.read() as tx:
        view = find(tx, caller, id)
        file = _file(tx, id, number)
        variables = _about(tx, caller, view)
    beginning = next(_pieces(caller, id, number, file.size), b"")
    lines = []
    if b"\0" not in beginning:
        text = clean(beginning.decode("utf-8-sig", "replace"), PIECE_BYTES)
        lines = text.rstrip().split("\n")[:SHOWN_LINES]
    return page(request, "file.html", **variables, file=file, number=number, lines=lines)


@pages.post("/submissions/{id}/files/{number}")
def send_line_comment(
    id: SubmissionId,
    number: int,
    caller: TheCaller,
    line: Annotated[int, Form(ge=1, le=SHOWN_LINES)],
    text: Annotated[str, Form(max_length=2_000, pattern=TEXT)] = "",
) -> Response:
    """Set the caller's comment on a line (staff). An empty text removes it."""
    with caller.write() as tx:
        find_for_staff(tx, caller, id)
        _file(tx, id, number)
        line_comments.put(tx, id, number, line, text.strip(), caller.person.id)
    return RedirectResponse(f"/submissions/{id}/files/{number}#line-{line}", 303)


@pages.post("/submissions/{id}/marks")
def send_check_mark(
    id: SubmissionId,
    caller: TheCaller,
    check: Annotated[str, Form(pattern=NAME)],
    points: FromForm[MaybeEmpty[MarkPoints]] = None,
    comment: Annotated[str, Form(max_length=10_000, pattern=TEXT)] = "",
) -> Response:
    """Set the mark of a check. If `points` is empty, remove the mark."""
    if points is None:
        delete_mark(id, check, caller)
    else:
        put_mark(id, check, MarkIn(points=points, comment=comment), caller)
    return RedirectResponse(f"/submissions/{id}#check-marks", 303)


@pages.post("/submissions/{id}/cancel")
def send_cancellation(id: SubmissionId, caller: TheCaller) -> Response:
    cancel_submission(id, caller)
    return RedirectResponse(f"/submissions/{id}", 303)
