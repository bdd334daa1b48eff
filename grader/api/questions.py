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
from grader.marking.status import Stage
from grader.model import Points
from grader.store import rubrics

router = APIRouter(prefix="/api/v1", tags=["marking"])

QUESTIONS = "/courses/{course}/assignments/{assignment}/questions"
OF_QUESTION = QUESTIONS + "/{question}"
ItemId = Annotated[str, Path(pattern=ID, description="A rubric item's id")]
PhraseId = Annotated[str, Path(pattern=ID, description="Id of a comment in the comment bank")]
MOST_ITEMS = 50
MOST_OF_A_PHRASE = 2_000


class AgreementOut(Out):
    answers: int = Field(description="Number of answers that are compared", examples=[40])
    same: int = Field(description="Number of compared answers with equal points", examples=[36])
    share: float | None = Field(examples=[0.9])
    kappa: float | None = Field(description="Cohen's kappa; null if it is undefined", examples=[0.81])


class ProgressOut(Out):
    groups: int = Field(description="Number of groups of answers that mean the same", examples=[14])
    groups_done: int = Field(examples=[3])
    answers: int = Field(description="Number of different answer texts; equal texts are marked once", examples=[47])
    done: int = Field(examples=[12])
    students: int = Field(examples=[50])
    absent: int = Field(description="Number of students without an answer", examples=[1])
    stages: dict[Stage, int]
    markers: AgreementOut = Field(description="Agreement between two markers")
    machine: AgreementOut = Field(description="Agreement between the marks that count and the suggested points")


class ItemOut(Out):
    id: str
    text: str = Field(examples=["The factor 2 is missing"])
    points: float = Field(
        description="Points added to an answer if the item is applied; may be negative", examples=[-1.5]
    )


class PhraseOut(Out):
    id: str
    text: str = Field(examples=["Mind the factor 2."])


class QuestionOut(Out):
    question: str = Field(examples=["q1.1"])
    title: str = Field(examples=["Gradient with respect to a2"])
    possible: float = Field(examples=[5.0])
    markers: int = Field(description="Number of people who mark each answer", examples=[1])
    progress: ProgressOut
    rubric: list[ItemOut]
    phrases: list[PhraseOut] = Field(description="The comment bank")

    @classmethod
    def of(cls, marking: QuestionMarking) -> QuestionOut:
        tx, question = marking.tx, marking.question
        return cls(
            question=question.id,
            title=marking.title,
            possible=float(marking.worth),
            markers=rubrics.markers(tx, question),
            progress=ProgressOut.model_validate(marking.progress(marking.groups())),
            rubric=_rubric_out(marking),
            phrases=[PhraseOut.model_validate(phrase) for phrase in rubrics.phrases_of(tx, question)],
        )


def _rubric_out(marking: QuestionMarking) -> list[ItemOut]:
    return [ItemOut.model_validate(item) for item in rubrics.items(marking.tx, marking.question)]


class MarkersIn(In):
    markers: Literal[1, 2] = Field(
        description="Two markers do not see each other's marks; a moderator decides if they disagree"
    )


MorePoints = Annotated[Decimal, Field(ge=-1000, le=1000, decimal_places=2, allow_inf_nan=False)]


class ItemIn(In):
    text: str = Field(min_length=1, max_length=1_000, pattern=TEXT, examples=["The factor 2 is missing"])
    points: MorePoints = Field(examples=[-1.5])


class OrderIn(In):
    items: list[Annotated[str, Field(pattern=ID)]] = Field(
        max_length=MOST_ITEMS, description="Ids of all items of the rubric in their new order"
    )


class PhraseIn(In):
    text: str = Field(min_length=1, max_length=MOST_OF_A_PHRASE, pattern=TEXT, examples=["Mind the factor 2."])


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
def add_phrase(question: TheQuestion, new: PhraseIn) -> PhraseOut:
    with question.write() as marking:
        return PhraseOut.model_validate(rubrics.add_phrase(marking.tx, marking.question, new.text))


@router.delete(
    OF_QUESTION + "/phrases/{phrase}", status_code=204, summary="Remove a comment from the comment bank (staff)"
)
def remove_phrase(question: TheQuestion, phrase: PhraseId) -> None:
    with question.write() as marking:
        rubrics.remove_phrase(marking.tx, marking.question, phrase)
