"""Requests for regrades: students ask about one check or question of a submission, and staff answer. The page of the
submission shows its requests."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field, StringConstraints
from starlette.responses import RedirectResponse, Response

from grader.api.gradings import CONFLICT
from grader.api.identity import TheCaller, require_scope
from grader.api.lookup import ForCourse
from grader.api.problems import HttpProblem, not_found
from grader.api.rendering import page
from grader.api.schemas import ID, NAME, TEXT, FromForm, In, MaybeEmpty, Out, PersonOut, RequestId, SubmissionId
from grader.api.submissions import MarkPoints, set_mark
from grader.api.views import decided, find, may_ask_for_regrade, report_of
from grader.errors import BadCall
from grader.model import Points
from grader.store import outbox, requests
from grader.store.records import EventKind, TokenScope

router = APIRouter(prefix="/api/v1", tags=["submissions"])
pages = APIRouter(include_in_schema=False)

SHOWN = 50
"""Number of requests on one page."""
RequestState = Literal["open", "answered"]
RequestText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000, pattern=TEXT)]
Answer = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000, pattern=TEXT)]
After = Annotated[str, Query(pattern=f"^$|{ID}", description="Only requests newer than this one")]


class RequestIn(In):
    question: str = Field(pattern=NAME)
    """Id of the check or the written question."""
    text: RequestText


class RequestForm(RequestIn, extra="ignore"):
    """A request on the page of a submission."""


class AnswerIn(In):
    text: Answer
    points: MarkPoints | None = None
    """The new points; left out if they stay. Regrading does not change new points."""


class AnswerForm(AnswerIn, extra="ignore"):
    """An answer on the page of a submission. If `points` is empty, the points stay."""

    points: MaybeEmpty[MarkPoints] = None


class RequestOut(Out):
    id: str
    assignment: str
    submission: str
    question: str
    person: PersonOut
    """The student who asks."""
    text: str
    created_at: dt.datetime
    answer: str | None
    """null while the request is open."""
    answered_by: str | None
    """Name of the person who answered."""
    answered_at: dt.datetime | None
    earlier_points: float | None
    """The points before the answer; null if they were undecided or have not changed."""
    new_points: float | None
    """null if the points have not changed."""


@router.post("/submissions/{id}/requests", status_code=201, responses=CONFLICT)
def ask(id: SubmissionId, new: RequestIn, caller: TheCaller) -> RequestOut:
    """Ask for a regrade of one check or question that has lost points (authors).

    If an earlier request about it is open, the response is 409.
    """
    with caller.write() as tx:
        view = find(tx, caller, id)
        require_scope(caller, TokenScope.SUBMIT)
        if not may_ask_for_regrade(caller, view):
            raise BadCall("only authors of a graded submission can ask, until the date that its page shows")
        result = decided(report_of(tx, caller, view), view).get(new.question)
        if result is None or result.points == result.possible:
            raise BadCall(f"{new.question} has lost no points that you can see: choose another check or question")
        request = requests.ask(tx, view.submission, new.question, caller.person.id, new.text)
        if request is None:
            detail = f"you have asked about {new.question}: wait for the answer"
            raise HttpProblem(409, "already-asked", "There is an open request", detail)
        asker = [caller.person.id]
        outbox.tell(tx, EventKind.ASKED, view.submission.course, view.submission.assignment, {id: asker})
        return RequestOut.model_validate(requests.get(tx, request))


@router.get("/courses/{course}/requests", tags=["staff"])
def list_course_requests(
    staff: ForCourse,
    state: RequestState = "open",
    after: After = "",
) -> list[RequestOut]:
    """List the open or the answered requests of a course, the oldest first, at most 50 (staff)."""
    with staff.read() as (tx, course):
        records = requests.of_course(tx, course.id, is_open=state == "open", after=after, limit=SHOWN)
    return RequestOut.all(records)


@router.post("/requests/{id}/answer", tags=["staff"], responses=CONFLICT)
def answer(id: RequestId, new: AnswerIn, caller: TheCaller) -> RequestOut:
    """Answer a request, with or without new points (staff).

    New points are a mark with the answer as its comment. If the request was answered before, the response is 409.
    """
    with caller.write() as tx:
        request = requests.get(tx, id)
        if request is None or not caller.is_staff(request.course):
            raise not_found("request")
        earlier_points = new_points = None
        if new.points is not None:
            new_points = Points(new.points)
            view = find(tx, caller, request.submission)
            result = decided(report_of(tx, caller, view), view).get(request.question)
            earlier_points = result.points if result else None
            set_mark(tx, caller, view.submission, request.question, new_points, new.text)
        if not requests.answer(tx, id, new.text, caller.person.id, earlier_points, new_points):
            raise HttpProblem(409, "answered", "The request is answered", "reload the page to see the answer")
        asker = [request.person.id]
        outbox.tell(tx, EventKind.ANSWERED, request.course, request.assignment, {request.submission: asker})
        return RequestOut.model_validate(requests.get(tx, id))


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────


@pages.get("/courses/{course}/requests")
def show_requests(
    staff: ForCourse,
    state: RequestState = "open",
    after: After = "",
) -> Response:
    """Show one page of the open or the answered requests of a course."""
    shown = list_course_requests(staff, state, after)
    with staff.read() as (_, course):
        next = shown[-1].id if len(shown) == SHOWN else ""
    return page(staff.request, "requests.html", course=course, requests=shown, state=state, next=next)


@pages.post("/submissions/{id}/requests")
def send_request(id: SubmissionId, caller: TheCaller, new: FromForm[RequestForm]) -> Response:
    ask(id, new, caller)
    return RedirectResponse(f"/submissions/{id}#requests", 303)


@pages.post("/requests/{id}/answer")
def send_answer(id: RequestId, caller: TheCaller, new: FromForm[AnswerForm]) -> Response:
    answered = answer(id, new, caller)
    return RedirectResponse(f"/submissions/{answered.submission}#requests", 303)
