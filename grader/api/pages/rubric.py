"""For staff: a question's rubric, its comment bank, and how many read each answer."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grader.api import questions as api
from grader.api.answers import GROUP
from grader.api.courses import known_course
from grader.api.frame import page
from grader.api.identity import TheCaller
from grader.api.pages.marking import PATH
from grader.api.questions import ItemId, ItemIn, MarkersIn, MorePoints, OrderIn, PhraseId, find_asked
from grader.api.schemas import TEXT, AssignmentId, CourseId, QuestionId
from grader.api.wiring import TheService
from grader.model import Points
from grader.store import rubrics

router = APIRouter(include_in_schema=False)

RUBRIC = PATH + "/{question}/rubric"

ItemText = Annotated[str, Form(min_length=1, max_length=1_000, pattern=TEXT)]
ItemPoints = Annotated[MorePoints, Form()]


def _back(course: str, assignment: str, question: str) -> Response:
    return RedirectResponse(f"/courses/{course}/assignments/{assignment}/marking/{question}/rubric", 303)


@router.get(RUBRIC)
def show_rubric(
    request: Request,
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    service: TheService,
    caller: TheCaller,
) -> Response:
    with service.store.read() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        return page(
            request,
            "rubric.html",
            course=known_course(tx, course),
            offering=asked.offering,
            task=service.assignments[assignment],
            asked=asked,
            items=rubrics.items(tx, asked.question),
            used=rubrics.uses(tx, asked.question),
            phrases=rubrics.phrases_of(tx, asked.question),
            markers=rubrics.markers(tx, asked.question),
        )


@router.post(RUBRIC)
def add_item(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    service: TheService,
    caller: TheCaller,
    text: ItemText,
    points: ItemPoints = Decimal(0),
) -> Response:
    api.add_item(course, assignment, question, ItemIn(text=text, points=points), service, caller)
    return _back(course, assignment, question)


@router.post(RUBRIC + "/begin")
def begin(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    service: TheService,
    caller: TheCaller,
    group: Annotated[str, Form(pattern=GROUP)] = "",
) -> Response:
    """Begin a rubric (all, half, nothing) unless there is one, and answer with the way back to the group."""
    with service.store.write() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        if not rubrics.items(tx, asked.question):
            for text, points in (("Right", asked.worth), ("Half right", asked.worth / 2), ("Not right", Points(0))):
                rubrics.add_item(tx, asked.question, text, points)
    back = f"/groups/{group}" if group else ""
    return RedirectResponse(f"/courses/{course}/assignments/{assignment}/marking/{question}{back}", 303)


@router.post(RUBRIC + "/{item}")
def change_item(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    item: ItemId,
    service: TheService,
    caller: TheCaller,
    text: ItemText,
    points: ItemPoints,
    action: Annotated[Literal["change", "up", "remove"], Form()] = "change",
) -> Response:
    where = (course, assignment, question)
    match action:
        case "change":
            api.change_item(*where, item, ItemIn(text=text, points=points), service, caller)
        case "remove":
            api.remove_item(*where, item, service, caller)
        case "up":
            known = [known.id for known in api.get_question(*where, service, caller).rubric]
            api.order_rubric(*where, OrderIn(items=_earlier(known, item)), service, caller)
    return _back(*where)


def _earlier(ids: list[str], id: str) -> list[str]:
    """The list with `id` one place further to the front."""
    at = ids.index(id) if id in ids else 0
    return ids if at == 0 else [*ids[: at - 1], id, ids[at - 1], *ids[at + 1 :]]


@router.post(PATH + "/{question}/markers")
def set_markers(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    service: TheService,
    caller: TheCaller,
    markers: Annotated[Literal["1", "2"], Form()],
) -> Response:
    wish = MarkersIn(markers=2 if markers == "2" else 1)
    api.set_markers(course, assignment, question, wish, service, caller)
    return _back(course, assignment, question)


@router.post(PATH + "/{question}/phrases/{phrase}")
def remove_phrase(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    phrase: PhraseId,
    service: TheService,
    caller: TheCaller,
) -> Response:
    api.remove_phrase(course, assignment, question, phrase, service, caller)
    return _back(course, assignment, question)
