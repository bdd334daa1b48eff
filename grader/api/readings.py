"""Reading one question's answers, without names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from grader.api.identity import Caller, TheCaller
from grader.api.problems import not_found
from grader.api.questions import MOST_ITEMS, OF_QUESTION, Asked, ItemOut, MorePoints, find_asked
from grader.api.schemas import ID, TEXT, AssignmentId, CourseId, In, Out, QuestionId
from grader.api.wiring import TheService
from grader.errors import BadCall
from grader.model import Points
from grader.model.answers import Ground, Suggestion
from grader.reading.papers import Paper
from grader.reading.standing import Stage
from grader.store import readings
from grader.store.database import Tx
from grader.store.readings import Given, Reading

router = APIRouter(prefix="/api/v1", tags=["reading"])

ANSWERS = OF_QUESTION + "/answers"
MOST_COMMENT = 10_000
Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="An answer's digest", examples=["9f86d081" * 8])]


class GroundOut(Out):
    """What the machine has made of one formula that is asked for."""

    asked: str = Field(description="LaTeX", examples=[r"\frac{\partial J}{\partial a_2}"])
    words: str = Field(examples=["equal"])
    points: float | None = Field(description="null where it suggests none", examples=[5.0])
    formula: str = Field(description="The student's, LaTeX")
    evidence: str = Field(description="A counter-example, in numbers")
    remarks: list[str]

    @classmethod
    def of(cls, ground: Ground) -> GroundOut:
        return cls(
            asked=ground.asked,
            words=ground.words,
            points=None if ground.points is None else float(ground.points),
            formula=ground.formula,
            evidence=ground.evidence,
            remarks=list(ground.remarks),
        )


class SuggestionOut(Out):
    points: float | None = Field(examples=[5.0])
    grounds: list[GroundOut]

    @classmethod
    def of(cls, found: Suggestion) -> SuggestionOut:
        points = found.points
        return cls(
            points=None if points is None else float(points), grounds=[GroundOut.of(ground) for ground in found.grounds]
        )


class ReadingOut(Out):
    items: list[ItemOut]
    adjustment: float = Field(description="Added to the items' points", examples=[0.0])
    comment: str
    moderates: bool
    points: float = Field(description="What it comes to now", examples=[3.5])
    at: dt.datetime

    @classmethod
    def of(cls, reading: Reading, worth: Points) -> ReadingOut:
        return cls(
            items=[ItemOut.of(item) for item in reading.items],
            adjustment=float(reading.adjustment),
            comment=reading.comment,
            moderates=reading.moderates,
            points=float(reading.points(worth)),
            at=reading.at,
        )


class PaperOut(Out):
    """One answer, as all who wrote it wrote it."""

    number: int = Field(description="In the caller's own order, which stays", examples=[1])
    digest: str
    answer: str = Field(description="Markdown with LaTeX, as it was written")
    students: int = Field(description="How many wrote this", examples=[1])
    suggestion: SuggestionOut | None
    decided: float | None = Field(description="By the machine, where the assignment lets it", examples=[None])
    stage: Stage
    points: float | None = Field(description="null until its readers have decided", examples=[3.5])
    read_before: bool = Field(description="It replaces an answer that had been read")
    own: ReadingOut | None
    others: list[ReadingOut] = Field(description="Empty while it has to be read without knowing them")

    @classmethod
    def of(cls, paper: Paper, worth: Points, caller: Caller) -> PaperOut:
        own = paper.reading_of(caller.person.id)
        decides = paper.standing.decides
        return cls(
            number=paper.number,
            digest=paper.digest,
            answer=paper.text,
            students=paper.students,
            suggestion=SuggestionOut.of(paper.suggestion) if paper.suggestion else None,
            decided=None if paper.decided is None else float(paper.decided),
            stage=paper.standing.stage,
            points=float(decides.points(worth)) if decides else None,
            read_before=paper.read_before,
            own=ReadingOut.of(own, worth) if own else None,
            others=[ReadingOut.of(reading, worth) for reading in paper.shown_readings(caller.person.id)],
        )


class ReadingIn(In):
    items: list[Annotated[str, Field(pattern=ID)]] = Field([], max_length=MOST_ITEMS, description="Ids of rubric items")
    adjustment: MorePoints = Field(Decimal(0), examples=[0])
    comment: str = Field("", max_length=MOST_COMMENT, pattern=TEXT, examples=["The sum over n is missing."])
    moderates: bool = Field(False, description="It decides where two readers differ")

    def given(self) -> Given:
        return Given(tuple(self.items), Points(self.adjustment), self.comment, self.moderates)


@router.get(ANSWERS, summary="Answers of one question (staff)")
def list_answers(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    service: TheService,
    caller: TheCaller,
    waiting: Annotated[bool, Query(description="Only those that the caller can bring further")] = False,
) -> list[PaperOut]:
    """Of all students, without names; the same answer once. The order is random, the caller's own, and stays."""
    with service.store.read() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        found = asked.papers(tx, caller.person.id)
    wanted = [paper for paper in found if not waiting or paper.waits_for(caller.person.id)]
    return [PaperOut.of(paper, asked.worth, caller) for paper in wanted]


@router.get(ANSWERS + "/{digest}", summary="One answer (staff)")
def get_answer(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    digest: Digest,
    service: TheService,
    caller: TheCaller,
) -> PaperOut:
    with service.store.read() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        return _out(tx, asked, caller, digest)


@router.put(ANSWERS + "/{digest}/reading", summary="Give an answer its points (staff)")
def put_reading(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    digest: Digest,
    wish: ReadingIn,
    service: TheService,
    caller: TheCaller,
) -> PaperOut:
    """For everybody who wrote the same. The caller's earlier reading of it is replaced."""
    with service.store.write() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        give(tx, asked, caller, digest, wish)
        return _out(tx, asked, caller, digest)


@router.delete(ANSWERS + "/{digest}/reading", summary="Take one's own reading back (staff)")
def take_back_reading(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    digest: Digest,
    service: TheService,
    caller: TheCaller,
) -> PaperOut:
    with service.store.write() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        take_back(tx, asked, caller, digest)
        return _out(tx, asked, caller, digest)


def give(tx: Tx, asked: Asked, caller: Caller, digest: str, wish: ReadingIn) -> None:
    paper = find_paper(asked.papers(tx, caller.person.id), digest)
    if wish.moderates and not paper.would_moderate(caller.person.id):
        raise BadCall("a moderator is asked for only where two readers differ, and is neither of them")
    readings.put(tx, asked.question, digest, caller.person.id, wish.given())


def take_back(tx: Tx, asked: Asked, caller: Caller, digest: str) -> None:
    find_paper(asked.papers(tx, caller.person.id), digest)
    readings.take_back(tx, asked.question, digest, caller.person.id)


def find_paper(found: Iterable[Paper], digest: str) -> Paper:
    paper = next((paper for paper in found if paper.digest == digest), None)
    if paper is None:
        raise not_found("answer")
    return paper


def _out(tx: Tx, asked: Asked, caller: Caller, digest: str) -> PaperOut:
    return PaperOut.of(find_paper(asked.papers(tx, caller.person.id), digest), asked.worth, caller)
