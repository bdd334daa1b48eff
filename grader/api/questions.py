"""Routes for written questions: rubrics, comment banks, number of markers, and the progress of marking."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import Field

from grader.api.assignments import ForStaff
from grader.api.marking import QuestionMarking, TheQuestion, question_markings
from grader.api.problems import not_found
from grader.api.schemas import ID, TEXT, In, Out
from grader.errors import BadCall
from grader.marking.groups import MarkingProgress
from grader.model import Points
from grader.store import rubrics
from grader.store.rubrics import Phrase

router = APIRouter(prefix="/api/v1", tags=["marking"])

QUESTIONS = "/courses/{course}/assignments/{assignment}/questions"
OF_QUESTION = QUESTIONS + "/{question}"
ItemId = Annotated[str, Path(pattern=ID, description="A rubric item's id")]
PhraseId = Annotated[str, Path(pattern=ID, description="Id of a comment in the comment bank")]
MOST_ITEMS = 50
MOST_OF_A_PHRASE = 2_000


class ItemOut(Out):
    id: str
    text: str
    points: float
    """Points added to an answer if the item is applied; may be negative."""


class QuestionOut(Out):
    question: str
    title: str
    possible: float
    markers: int
    """Number of people who mark each answer."""
    progress: MarkingProgress
    rubric: list[ItemOut]
    phrases: list[Phrase]
    """The comment bank."""

    @classmethod
    def of(cls, marking: QuestionMarking) -> QuestionOut:
        tx, question = marking.tx, marking.question
        return cls(
            question=question.id,
            title=marking.title,
            possible=float(marking.worth),
            markers=rubrics.markers(tx, question),
            progress=marking.progress(marking.groups()),
            rubric=_rubric_out(marking),
            phrases=rubrics.phrases_of(tx, question),
        )


def _rubric_out(marking: QuestionMarking) -> list[ItemOut]:
    return [ItemOut.model_validate(item) for item in rubrics.items(marking.tx, marking.question)]


class MarkersIn(In):
    markers: Literal[1, 2]
    """Two markers do not see each other's marks; a moderator decides if they disagree."""


MorePoints = Annotated[Decimal, Field(ge=-1000, le=1000, decimal_places=2, allow_inf_nan=False)]


class ItemIn(In):
    text: str = Field(min_length=1, max_length=1_000, pattern=TEXT)
    points: MorePoints


class OrderIn(In):
    items: list[Annotated[str, Field(pattern=ID)]] = Field(max_length=MOST_ITEMS)
    """Ids of all items of the rubric in their new order."""


class PhraseIn(In):
    text: str = Field(min_length=1, max_length=MOST_OF_A_PHRASE, pattern=TEXT)


# ── routes ───────────────────────────────────────────────────────────────────────────────────────────


@router.get(QUESTIONS, summary="List the written questions, with the progress of marking (staff)")
def list_questions(staff: ForStaff) -> list[QuestionOut]:
    with staff.read() as (tx, offering):
        return [QuestionOut.of(marking) for marking in question_markings(staff, tx, offering)]


@router.get(OF_QUESTION, summary="Get a written question (staff)")
def get_question(question: TheQuestion) -> QuestionOut:
    with question.read() as marking:
        return QuestionOut.of(marking)


@router.put(OF_QUESTION, summary="Set the number of people who mark each answer (staff)")
def set_markers(question: TheQuestion, wanted: MarkersIn) -> QuestionOut:
    with question.write() as marking:
        rubrics.set_markers(marking.tx, marking.question, wanted.markers)
        return QuestionOut.of(marking)


@router.post(OF_QUESTION + "/rubric", status_code=201, summary="Add an item at the end of the rubric (staff)")
def add_item(question: TheQuestion, new: ItemIn) -> ItemOut:
    with question.write() as marking:
        if len(rubrics.items(marking.tx, marking.question)) >= MOST_ITEMS:
            raise BadCall(f"a rubric has at most {MOST_ITEMS} items")
        return ItemOut.model_validate(rubrics.add_item(marking.tx, marking.question, new.text, Points(new.points)))


@router.put(OF_QUESTION + "/rubric", summary="Reorder the rubric (staff)")
def order_rubric(question: TheQuestion, order: OrderIn) -> list[ItemOut]:
    with question.write() as marking:
        if sorted(order.items) != sorted(item.id for item in rubrics.items(marking.tx, marking.question)):
            raise BadCall("the order must name each item of the rubric once: load the rubric again")
        rubrics.order_items(marking.tx, marking.question, order.items)
        return _rubric_out(marking)


@router.put(OF_QUESTION + "/rubric/{item}", summary="Change a rubric item, for all markers (staff)")
def change_item(question: TheQuestion, item: ItemId, changed: ItemIn) -> ItemOut:
    """Change the text and points of a rubric item. The scores of answers with this item change too."""
    with question.write() as marking:
        if not rubrics.change_item(marking.tx, marking.question, item, changed.text, Points(changed.points)):
            raise not_found("rubric item")
    return ItemOut(id=item, text=changed.text, points=float(changed.points))


@router.delete(OF_QUESTION + "/rubric/{item}", status_code=204, summary="Remove an unused rubric item (staff)")
def remove_item(question: TheQuestion, item: ItemId) -> None:
    with question.write() as marking:
        if not rubrics.remove_item(marking.tx, marking.question, item):
            raise not_found("rubric item")


@router.post(OF_QUESTION + "/phrases", status_code=201, summary="Add a comment to the comment bank (staff)")
def add_phrase(question: TheQuestion, new: PhraseIn) -> Phrase:
    with question.write() as marking:
        return rubrics.add_phrase(marking.tx, marking.question, new.text)


@router.delete(
    OF_QUESTION + "/phrases/{phrase}", status_code=204, summary="Remove a comment from the comment bank (staff)"
)
def remove_phrase(question: TheQuestion, phrase: PhraseId) -> None:
    with question.write() as marking:
        rubrics.remove_phrase(marking.tx, marking.question, phrase)
