"""The rubric page for staff: a question's rubric items, comment bank and number of markers."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from grader.api import questions as api
from grader.api.answers import GROUP
from grader.api.marking import QuestionRequest, TheQuestion
from grader.api.pages.marking import OF_QUESTION, path_of
from grader.api.questions import ItemId, ItemIn, MarkersIn, MorePoints, OrderIn, PhraseId
from grader.api.schemas import TEXT
from grader.model import Points
from grader.store import rubrics

router = APIRouter(include_in_schema=False)

RUBRIC = OF_QUESTION + "/rubric"

ItemText = Annotated[str, Form(min_length=1, max_length=1_000, pattern=TEXT)]
ItemPoints = Annotated[MorePoints, Form()]


def _to_rubric(question: QuestionRequest) -> Response:
    return RedirectResponse(f"{path_of(question)}/rubric", 303)


@router.get(RUBRIC)
def show_rubric(question: TheQuestion) -> Response:
    with question.read() as marking:
        return question.staff.render(
            marking.tx,
            "rubric.html",
            marking.offering,
            marking=marking,
            items=rubrics.items(marking.tx, marking.question),
            used=rubrics.uses(marking.tx, marking.question),
            phrases=rubrics.phrases_of(marking.tx, marking.question),
            markers=rubrics.markers(marking.tx, marking.question),
        )


@router.post(RUBRIC)
def add_item(question: TheQuestion, text: ItemText, points: ItemPoints = Decimal(0)) -> Response:
    api.add_item(question, ItemIn(text=text, points=points))
    return _to_rubric(question)


@router.post(RUBRIC + "/begin")
def begin(question: TheQuestion, group: Annotated[str, Form(pattern=GROUP)] = "") -> Response:
    """Add the items "Right", "Half right" and "Not right" to an empty rubric, and redirect back to the group."""
    with question.write() as marking:
        if not rubrics.items(marking.tx, marking.question):
            worth = marking.worth
            for text, points in (("Right", worth), ("Half right", worth / 2), ("Not right", Points(0))):
                rubrics.add_item(marking.tx, marking.question, text, points)
    return RedirectResponse(f"{path_of(question)}{f'/groups/{group}' if group else ''}", 303)


@router.post(RUBRIC + "/{item}")
def change_item(
    question: TheQuestion,
    item: ItemId,
    text: ItemText,
    points: ItemPoints,
    action: Annotated[Literal["change", "up", "remove"], Form()] = "change",
) -> Response:
    match action:
        case "change":
            api.change_item(question, item, ItemIn(text=text, points=points))
        case "remove":
            api.remove_item(question, item)
        case "up":
            ids = [known.id for known in api.get_question(question).rubric]
            api.order_rubric(question, OrderIn(items=_moved_up(ids, item)))
    return _to_rubric(question)


def _moved_up(ids: list[str], id: str) -> list[str]:
    """Return a copy of the list in which `id` has moved one place towards the beginning."""
    at = ids.index(id) if id in ids else 0
    return ids if at == 0 else [*ids[: at - 1], id, ids[at - 1], *ids[at + 1 :]]


@router.post(OF_QUESTION + "/markers")
def set_markers(question: TheQuestion, markers: Annotated[Literal["1", "2"], Form()]) -> Response:
    api.set_markers(question, MarkersIn(markers=2 if markers == "2" else 1))
    return _to_rubric(question)


@router.post(OF_QUESTION + "/phrases/{phrase}")
def remove_phrase(question: TheQuestion, phrase: PhraseId) -> Response:
    api.remove_phrase(question, phrase)
    return _to_rubric(question)
