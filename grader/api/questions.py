"""Written questions: their rubrics, comment banks, how many people mark each answer, and how far the marking is."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import AfterValidator, Field
from starlette.responses import Response

from grader.api.courses import known_offering
from grader.api.identity import Caller, TheCaller, require_staff
from grader.api.problems import not_found
from grader.api.schemas import ID, TEXT, AssignmentId, CourseId, In, Out, QuestionId, hundredths
from grader.api.wiring import TheService
from grader.errors import BadCall
from grader.marking.agreement import Agreement
from grader.marking.groups import AnswerGroup, MarkingProgress, answer_groups, progress
from grader.marking.status import Stage
from grader.model import Points
from grader.service import Service
from grader.store import rubrics
from grader.store.database import Tx
from grader.store.records import Offering
from grader.store.rubrics import OfferedQuestion, Phrase, RubricItem

router = APIRouter(prefix="/api/v1", tags=["marking"])

QUESTIONS = "/courses/{course}/assignments/{assignment}/questions"
OF_QUESTION = QUESTIONS + "/{question}"
ItemId = Annotated[str, Path(pattern=ID, description="A rubric item's id")]
PhraseId = Annotated[str, Path(pattern=ID, description="A phrase's id")]
MOST_ITEMS = 50
MOST_OF_A_PHRASE = 2_000


@dataclass(frozen=True)
class CourseQuestion:
    """A written question, as a course's staff mark it."""

    question: OfferedQuestion
    title: str
    worth: Points
    offering: Offering

    def groups(self, tx: Tx, marker: str) -> list[AnswerGroup]:
        return answer_groups(tx, self.question, self.worth, marker, self.offering.counts)

    def progress(self, tx: Tx, groups: list[AnswerGroup]) -> MarkingProgress:
        return progress(tx, self.question, self.worth, groups)


def all_asked(tx: Tx, service: Service, caller: Caller, course: str, assignment: str) -> list[CourseQuestion]:
    """For staff. Raises the 404 that an unknown assignment gives."""
    require_staff(caller, course, "assignment")
    offering = known_offering(tx, service, course, assignment)
    return [
        CourseQuestion(OfferedQuestion(course, assignment, id), question.title, question.points, offering)
        for id, question in service.assignments[assignment].questions.items()
    ]


def find_asked(tx: Tx, service: Service, caller: Caller, course: str, assignment: str, question: str) -> CourseQuestion:
    found = (a for a in all_asked(tx, service, caller, course, assignment) if a.question.id == question)
    asked = next(found, None)
    if asked is None:
        raise not_found("question")
    return asked


# ── what is said and told ────────────────────────────────────────────────────────────────────────────


class AgreementOut(Out):
    answers: int = Field(description="That both have judged", examples=[40])
    same: int = Field(description="With the same points", examples=[36])
    share: float | None = Field(examples=[0.9])
    kappa: float | None = Field(description="Cohen's; null where chance alone would always agree", examples=[0.81])

    @classmethod
    def of(cls, found: Agreement) -> AgreementOut:
        return cls(answers=found.answers, same=found.same, share=found.share, kappa=found.kappa)


class ProgressOut(Out):
    groups: int = Field(description="Of answers that mean the same", examples=[14])
    groups_done: int = Field(examples=[3])
    answers: int = Field(description="Different ones: who wrote the same is marked once", examples=[47])
    done: int = Field(examples=[12])
    students: int = Field(examples=[50])
    absent: int = Field(description="Students without an answer", examples=[1])
    stages: dict[Stage, int]
    markers: AgreementOut = Field(description="Between two markers")
    machine: AgreementOut = Field(description="Between the deciding marker and the machine's suggestion")

    @classmethod
    def of(cls, found: MarkingProgress) -> ProgressOut:
        return cls(
            groups=found.groups,
            groups_done=found.groups_done,
            answers=found.answers,
            done=found.done,
            students=found.students,
            absent=found.absent,
            stages=found.stages,
            markers=AgreementOut.of(found.markers),
            machine=AgreementOut.of(found.machine),
        )


class ItemOut(Out):
    id: str
    text: str = Field(examples=["The factor 2 is missing"])
    points: float = Field(description="Added where it is ticked; below zero takes off", examples=[-1.5])

    @classmethod
    def of(cls, item: RubricItem) -> ItemOut:
        return cls(id=item.id, text=item.text, points=float(item.points))


class PhraseOut(Out):
    id: str
    text: str = Field(examples=["Mind the factor 2."])

    @classmethod
    def of(cls, phrase: Phrase) -> PhraseOut:
        return cls(id=phrase.id, text=phrase.text)


class QuestionOut(Out):
    question: str = Field(examples=["q1.1"])
    title: str = Field(examples=["Gradient with respect to a2"])
    possible: float = Field(examples=[5.0])
    markers: int = Field(description="How many people mark each answer", examples=[1])
    progress: ProgressOut
    rubric: list[ItemOut]
    phrases: list[PhraseOut] = Field(description="The comment bank")

    @classmethod
    def of(cls, tx: Tx, asked: CourseQuestion, caller: Caller) -> QuestionOut:
        question = asked.question
        return cls(
            question=question.id,
            title=asked.title,
            possible=float(asked.worth),
            markers=rubrics.markers(tx, question),
            progress=ProgressOut.of(asked.progress(tx, asked.groups(tx, caller.person.id))),
            rubric=[ItemOut.of(item) for item in rubrics.items(tx, question)],
            phrases=[PhraseOut.of(phrase) for phrase in rubrics.phrases_of(tx, question)],
        )


class MarkersIn(In):
    markers: Literal[1, 2] = Field(description="Two mark without seeing each other; a moderator where they differ")


MorePoints = Annotated[Decimal, Field(ge=-1000, le=1000, allow_inf_nan=False), AfterValidator(hundredths)]


class ItemIn(In):
    text: str = Field(min_length=1, max_length=1_000, pattern=TEXT, examples=["The factor 2 is missing"])
    points: MorePoints = Field(examples=[-1.5])


class OrderIn(In):
    items: list[Annotated[str, Field(pattern=ID)]] = Field(max_length=MOST_ITEMS, description="All of them, as wanted")


class PhraseIn(In):
    text: str = Field(min_length=1, max_length=MOST_OF_A_PHRASE, pattern=TEXT, examples=["Mind the factor 2."])


# ── routes ───────────────────────────────────────────────────────────────────────────────────────────


@router.get(QUESTIONS, summary="Written questions, and how far each is marked (staff)")
def list_questions(
    course: CourseId, assignment: AssignmentId, service: TheService, caller: TheCaller
) -> list[QuestionOut]:
    with service.store.read() as tx:
        return [QuestionOut.of(tx, asked, caller) for asked in all_asked(tx, service, caller, course, assignment)]


@router.get(OF_QUESTION, summary="One written question (staff)")
def get_question(
    course: CourseId, assignment: AssignmentId, question: QuestionId, service: TheService, caller: TheCaller
) -> QuestionOut:
    with service.store.read() as tx:
        return QuestionOut.of(tx, find_asked(tx, service, caller, course, assignment, question), caller)


@router.put(OF_QUESTION, summary="How many people mark each answer (staff)")
def set_markers(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    wish: MarkersIn,
    service: TheService,
    caller: TheCaller,
) -> QuestionOut:
    with service.store.write() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        rubrics.set_markers(tx, asked.question, wish.markers)
        return QuestionOut.of(tx, asked, caller)


@router.post(OF_QUESTION + "/rubric", status_code=201, summary="A new rubric item, the last one (staff)")
def add_item(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    new: ItemIn,
    service: TheService,
    caller: TheCaller,
) -> ItemOut:
    with service.store.write() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        if len(rubrics.items(tx, asked.question)) >= MOST_ITEMS:
            raise BadCall(f"a rubric has {MOST_ITEMS} items at most")
        return ItemOut.of(rubrics.add_item(tx, asked.question, new.text, Points(new.points)))


@router.put(OF_QUESTION + "/rubric", summary="Put the rubric in another order (staff)")
def order_rubric(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    wish: OrderIn,
    service: TheService,
    caller: TheCaller,
) -> list[ItemOut]:
    with service.store.write() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        if sorted(wish.items) != sorted(item.id for item in rubrics.items(tx, asked.question)):
            raise BadCall("an order names every item of the rubric once: load it again")
        rubrics.order_items(tx, asked.question, wish.items)
        return [ItemOut.of(item) for item in rubrics.items(tx, asked.question)]


@router.put(OF_QUESTION + "/rubric/{item}", summary="Change a rubric item, for everybody (staff)")
def change_item(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    item: ItemId,
    wish: ItemIn,
    service: TheService,
    caller: TheCaller,
) -> ItemOut:
    """Every total that it is ticked in follows at once."""
    with service.store.write() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        if not rubrics.change_item(tx, asked.question, item, wish.text, Points(wish.points)):
            raise not_found("rubric item")
    return ItemOut(id=item, text=wish.text, points=float(wish.points))


@router.delete(OF_QUESTION + "/rubric/{item}", status_code=204, summary="Remove an item that is not ticked (staff)")
def remove_item(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    item: ItemId,
    service: TheService,
    caller: TheCaller,
) -> Response:
    with service.store.write() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        if not rubrics.remove_item(tx, asked.question, item):
            raise not_found("rubric item")
    return Response(status_code=204)


@router.post(OF_QUESTION + "/phrases", status_code=201, summary="Put a phrase into the comment bank (staff)")
def add_phrase(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    new: PhraseIn,
    service: TheService,
    caller: TheCaller,
) -> PhraseOut:
    with service.store.write() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        return PhraseOut.of(rubrics.add_phrase(tx, asked.question, new.text))


@router.delete(OF_QUESTION + "/phrases/{phrase}", status_code=204, summary="Take it out again (staff)")
def remove_phrase(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    phrase: PhraseId,
    service: TheService,
    caller: TheCaller,
) -> Response:
    with service.store.write() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        rubrics.remove_phrase(tx, asked.question, phrase)
    return Response(status_code=204)
