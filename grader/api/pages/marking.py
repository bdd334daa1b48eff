"""Pages of marking, for staff: groups of answers that mean the same, and checks that wait for a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form
from pydantic import Field
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grader.api import answers as api
from grader.api.answers import DIGEST, GROUP, MOST_ANSWERS, Digest, GroupId
from grader.api.courses import known_course, known_offering
from grader.api.frame import page
from grader.api.identity import TheCaller, require_staff
from grader.api.pages.scores import rows_of
from grader.api.questions import MOST_ITEMS, MOST_OF_A_PHRASE, CourseQuestion, MorePoints, all_asked, find_asked
from grader.api.schemas import ID, TEXT, AssignmentId, CourseId, QuestionId
from grader.api.wiring import TheService
from grader.errors import BadCall
from grader.marking.groups import AnswerGroup, MarkingProgress, next_disputed, next_for
from grader.marking.question import model_solution, question_text
from grader.marking.shelves import TITLES
from grader.model import Points, Status
from grader.store import gradings, marking_actions, rubrics
from grader.store.answer_marks import AnswerMark, NewMark
from grader.store.database import Tx
from grader.store.records import Offering, Person

router = APIRouter(include_in_schema=False)

PATH = "/courses/{course}/assignments/{assignment}/marking"
OF_QUESTION = PATH + "/{question}"
OF_GROUP = OF_QUESTION + "/groups/{group}"
BEFORE = "/courses/{course}/assignments/{assignment}/reading"
"""The pages' path in earlier versions."""

Text = Annotated[str, Form(max_length=10_000, pattern=TEXT)]


@dataclass(frozen=True)
class WaitingCheck:
    """A check that waits for a person, in the submission of one student that counts."""

    check: str
    possible: Points
    reason: str
    person: Person
    submission: str


@dataclass(frozen=True)
class QuestionRow:
    """One question in the overview."""

    asked: CourseQuestion
    progress: MarkingProgress
    markers: int
    items: int


@router.get(BEFORE)
@router.get(BEFORE + "/{rest:path}")
def moved(course: CourseId, assignment: AssignmentId, caller: TheCaller, rest: str = "") -> Response:
    """Redirect to where the page is now."""
    require_staff(caller, course, "assignment")
    return RedirectResponse(f"{_overview(course, assignment)}{f'/{rest}' if rest else ''}", 308)


@router.get(PATH)
def show_questions(
    request: Request, course: CourseId, assignment: AssignmentId, service: TheService, caller: TheCaller
) -> Response:
    require_staff(caller, course, "assignment")
    with service.store.read() as tx:
        rows = [
            QuestionRow(
                asked,
                asked.progress(tx, asked.groups(tx, caller.person.id)),
                rubrics.markers(tx, asked.question),
                len(rubrics.items(tx, asked.question)),
            )
            for asked in all_asked(tx, service, caller, course, assignment)
        ]
        offering = known_offering(tx, service, course, assignment)
        return page(
            request,
            "marking.html",
            course=known_course(tx, course),
            offering=offering,
            task=service.assignments[assignment],
            rows=rows,
            checks=_waiting_checks(tx, service, caller, offering),
        )


def _waiting_checks(tx: Tx, service: TheService, caller: TheCaller, offering: Offering) -> list[WaitingCheck]:
    """Return the checks that wait for a person, by check and student."""
    counting = [
        (row.person, row.counting)
        for row in rows_of(tx, service, caller, offering)
        if row.counting and row.counting.submission.code_submitted
    ]
    waiting = gradings.results_of(tx, [seen.grading.id for _, seen in counting], Status.WAITING)
    found = [
        WaitingCheck(result.check, result.possible, result.reason, person, seen.submission.id)
        for person, seen in counting
        for result in waiting.get(seen.grading.id, ())
        if all(mark.question != result.check for mark in seen.marks)
    ]
    return sorted(found, key=lambda one: (one.check, one.person.name.lower()))


@router.get(OF_QUESTION)
def show_groups(
    request: Request,
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    service: TheService,
    caller: TheCaller,
) -> Response:
    """Show the question's shelves."""
    marker = caller.person.id
    with service.store.read() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        groups = asked.groups(tx, marker)
        return page(
            request,
            "marking_question.html",
            **_common(tx, service, asked),
            marker=marker,
            shelves=[(shelf, list(found)) for shelf, found in groupby(groups, key=lambda group: group.shelf)],
            progress=asked.progress(tx, groups),
            next_waiting=next_for(groups, marker),
            next_disputed=next_disputed(groups),
            can_undo=marking_actions.latest(tx, asked.question, marker) is not None,
        )


def _common(tx: Tx, service: TheService, asked: CourseQuestion) -> dict[str, Any]:
    """Return what both pages of a question show."""
    task = service.assignments[asked.question.assignment]
    return {
        "course": known_course(tx, asked.question.course),
        "offering": asked.offering,
        "task": task,
        "asked": asked,
        "path": _path(asked),
        "shelf_titles": TITLES,
        "question_text": question_text(task, asked.question.id),
        "solution": model_solution(task, asked.question.id),
    }


def _overview(course: str, assignment: str) -> str:
    return f"/courses/{course}/assignments/{assignment}/marking"


def _path(asked: CourseQuestion) -> str:
    return f"{_overview(asked.offering.course, asked.offering.assignment)}/{asked.question.id}"


def _page_of(asked: CourseQuestion, group: AnswerGroup | None) -> Response:
    """Redirect to a group's page, or to the question's if it is None."""
    return RedirectResponse(f"{_path(asked)}/groups/{group.id}" if group else _path(asked), 303)


@router.get(OF_QUESTION + "/{digest}")
def show_answer(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    digest: Digest,
    service: TheService,
    caller: TheCaller,
) -> Response:
    """Redirect to the group that the answer is in."""
    with service.store.read() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        group, _ = api.find_answer(asked.groups(tx, caller.person.id), digest)
        return _page_of(asked, group)


@router.get(OF_GROUP)
def show_group(
    request: Request,
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    group: GroupId,
    service: TheService,
    caller: TheCaller,
) -> Response:
    marker = caller.person.id
    with service.store.read() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        groups = asked.groups(tx, marker)
        found = api.find_group(groups, group)
        others = [other for other in groups if other.id != group]
        return page(
            request,
            "marking_group.html",
            **_common(tx, service, asked),
            marker=marker,
            group=found,
            to_mark=found.to_mark(marker),
            own=_same_mark(answer.mark_of(marker) for answer in found.answers),
            others=others,
            before=groups[found.number - 2] if found.number > 1 else None,
            behind=groups[found.number] if found.number < len(groups) else None,
            next_waiting=next_for(others, marker, found.number),
            next_disputed=next_disputed(others, found.number),
            progress=asked.progress(tx, groups),
            items=rubrics.items(tx, asked.question),
            phrases=rubrics.phrases_of(tx, asked.question),
            can_undo=marking_actions.latest(tx, asked.question, marker) is not None,
        )


def _same_mark(marks: Iterable[AnswerMark | None]) -> AnswerMark | None:
    """Return the mark that all answers of a group have; None if they differ."""
    found = {mark.given if mark else None: mark for mark in marks}
    return next(iter(found.values())) if len(found) == 1 else None


@router.post(OF_GROUP)
def change_group(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    group: GroupId,
    service: TheService,
    caller: TheCaller,
    answers: Annotated[list[Annotated[str, Field(pattern=DIGEST)]], Form(max_length=MOST_ANSWERS)] = [],  # noqa: B006
    items: Annotated[list[Annotated[str, Field(pattern=ID)]], Form(max_length=MOST_ITEMS)] = [],  # noqa: B006
    adjustment: Annotated[MorePoints, Form()] = Decimal(0),
    comment: Text = "",
    phrase: Text = "",
    keep: Annotated[bool, Form()] = False,
    action: Annotated[Literal["save", "agree", "take back"], Form()] = "save",
) -> Response:
    """Mark the answers of the group that were shown, and redirect to the next group."""
    with service.store.write() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        found = api.find_group(asked.groups(tx, caller.person.id), group)
        if action == "take back":
            api.mark_group(tx, asked, caller, found, answers, None)
            return _page_of(asked, found)
        if keep and comment.strip():
            rubrics.add_phrase(tx, asked.question, comment.strip()[:MOST_OF_A_PHRASE])
        whole = _comment_with_phrase(comment, phrase)
        if action == "agree":
            given = NewMark((), _suggested(found), whole)
        elif items or adjustment or whole:
            given = NewMark(tuple(items), Points(adjustment), whole)
        else:
            raise BadCall(
                "nothing is ticked or written: for no points tick an item that gives none, or write a comment"
            )
        api.mark_group(tx, asked, caller, found, answers, given)
        groups = asked.groups(tx, caller.person.id)
        return _page_of(asked, next_for(groups, caller.person.id, found.number))


@router.post(OF_GROUP + "/take-out")
def take_answer_out(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    group: GroupId,
    service: TheService,
    caller: TheCaller,
    answer: Annotated[str, Form(pattern=DIGEST)],
) -> Response:
    """Take an answer out of the group, and redirect back to the group."""
    with service.store.write() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        api.take_out(tx, asked, caller, group, answer)
        return _page_of(asked, next((g for g in asked.groups(tx, caller.person.id) if g.id == group), None))


@router.post(OF_GROUP + "/merge")
def merge_group(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    group: GroupId,
    service: TheService,
    caller: TheCaller,
    into: Annotated[str, Form(pattern=GROUP)],
) -> Response:
    with service.store.write() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        api.merge(tx, asked, caller, group, into)
        return _page_of(asked, api.find_group(asked.groups(tx, caller.person.id), into))


@router.post(OF_QUESTION + "/undo")
def undo(
    course: CourseId, assignment: AssignmentId, question: QuestionId, service: TheService, caller: TheCaller
) -> Response:
    """Undo the caller's latest action, and redirect to what it had changed."""
    with service.store.write() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        return _page_of(asked, next(iter(api.undo(tx, asked, caller)), None))


def _comment_with_phrase(comment: str, phrase: str) -> str:
    whole = "\n\n".join(part for part in (comment.strip(), phrase.strip()) if part)
    if len(whole) > api.MOST_COMMENT:
        raise BadCall(f"a comment may have at most {api.MOST_COMMENT} characters")
    return whole


def _suggested(group: AnswerGroup) -> Points:
    if group.suggested is None:
        raise BadCall("the machine suggests nothing here: tick what holds, and save")
    return group.suggested
