"""For staff: one question's answers, one after the other, without names."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Form
from pydantic import Field
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grader.api import answers as api
from grader.api.answers import AnswerMarkIn, Digest
from grader.api.courses import known_course, known_offering
from grader.api.frame import page
from grader.api.identity import TheCaller, require_staff
from grader.api.questions import MOST_ITEMS, MOST_OF_A_PHRASE, Asked, MorePoints, all_asked, find_asked
from grader.api.schemas import ID, TEXT, AssignmentId, CourseId, QuestionId
from grader.api.wiring import TheService
from grader.errors import BadCall
from grader.marking.groups import Paper, Progress, next_for
from grader.store import rubrics
from grader.store.records import Offering

router = APIRouter(include_in_schema=False)

PATH = "/courses/{course}/assignments/{assignment}/marking"
OF_QUESTION = PATH + "/{question}"

Text = Annotated[str, Form(max_length=10_000, pattern=TEXT)]


@dataclass(frozen=True)
class Row:
    """One question in the overview."""

    asked: Asked
    progress: Progress
    markers: int
    items: int


@router.get(PATH)
def show_questions(
    request: Request, course: CourseId, assignment: AssignmentId, service: TheService, caller: TheCaller
) -> Response:
    require_staff(caller, course, "assignment")
    with service.store.read() as tx:
        rows = [
            Row(
                asked,
                asked.progress(tx, asked.papers(tx, caller.person.id)),
                rubrics.markers(tx, asked.question),
                len(rubrics.items(tx, asked.question)),
            )
            for asked in all_asked(tx, service, caller, course, assignment)
        ]
        return page(
            request,
            "marking.html",
            course=known_course(tx, course),
            offering=known_offering(tx, service, course, assignment),
            task=service.assignments[assignment],
            rows=rows,
        )


@router.get(OF_QUESTION)
def show_next(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    service: TheService,
    caller: TheCaller,
    after: int = 0,
) -> Response:
    """The way to the next answer that waits for the caller; to the overview where none does."""
    with service.store.read() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        return RedirectResponse(_next(asked, asked.papers(tx, caller.person.id), caller.person.id, after), 303)


def _next(asked: Asked, found: list[Paper], marker: str, after: int) -> str:
    paper = next_for(found, marker, after)
    return f"{_path(asked)}/{paper.digest}" if paper else _overview(asked.offering)


def _overview(offering: Offering) -> str:
    return f"/courses/{offering.course}/assignments/{offering.assignment}/marking"


def _path(asked: Asked) -> str:
    return f"{_overview(asked.offering)}/{asked.question.id}"


@router.get(OF_QUESTION + "/{digest}")
def show_answer(
    request: Request,
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    digest: Digest,
    service: TheService,
    caller: TheCaller,
) -> Response:
    with service.store.read() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        found = asked.papers(tx, caller.person.id)
        paper = api.find_paper(found, digest)
        return page(
            request,
            "answer_group.html",
            course=known_course(tx, course),
            offering=asked.offering,
            task=service.assignments[assignment],
            asked=asked,
            path=_path(asked),
            paper=paper,
            own=paper.mark_of(caller.person.id),
            others=paper.shown_marks(caller.person.id),
            moderates=paper.would_moderate(caller.person.id),
            before=found[paper.number - 2] if paper.number > 1 else None,
            behind=found[paper.number] if paper.number < len(found) else None,
            progress=asked.progress(tx, found),
            items=rubrics.items(tx, asked.question),
            phrases=rubrics.phrases_of(tx, asked.question),
        )


@router.post(OF_QUESTION + "/{digest}")
def save(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    digest: Digest,
    service: TheService,
    caller: TheCaller,
    items: Annotated[list[Annotated[str, Field(pattern=ID)]], Form(max_length=MOST_ITEMS)] = [],  # noqa: B006
    adjustment: Annotated[MorePoints, Form()] = Decimal(0),
    comment: Text = "",
    phrase: Text = "",
    keep: Annotated[bool, Form()] = False,
    action: Annotated[Literal["save", "agree", "take back"], Form()] = "save",
) -> Response:
    """Answers with the way to the next one."""
    with service.store.write() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        paper = api.find_paper(asked.papers(tx, caller.person.id), digest)
        if action == "take back":
            api.take_back(tx, asked, caller, digest)
            return RedirectResponse(f"{_path(asked)}/{digest}", 303)
        if action == "agree":
            items, adjustment = [], _suggested(paper)
        if keep and comment.strip():
            rubrics.add_phrase(tx, asked.question, comment.strip()[:MOST_OF_A_PHRASE])
        said = _said(comment, phrase)
        if not (items or adjustment or said):
            raise BadCall("nothing is ticked and nothing said: for no points tick an item that gives none, or say why")
        moderates = paper.would_moderate(caller.person.id)
        wish = AnswerMarkIn(items=items, adjustment=adjustment, comment=said, moderates=moderates)
        api.give(tx, asked, caller, digest, wish)
        found = asked.papers(tx, caller.person.id)
    return RedirectResponse(_next(asked, found, caller.person.id, paper.number), 303)


def _said(comment: str, phrase: str) -> str:
    said = "\n\n".join(part for part in (comment.strip(), phrase.strip()) if part)
    if len(said) > api.MOST_COMMENT:
        raise BadCall(f"a comment has {api.MOST_COMMENT} characters at most")
    return said


def _suggested(paper: Paper) -> Decimal:
    points = paper.suggestion.points if paper.suggestion else None
    if points is None:
        raise BadCall("the machine suggests nothing here: tick what holds, and save")
    return Decimal(points.numerator) / Decimal(points.denominator)
