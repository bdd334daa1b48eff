"""Marking pages for staff: groups of answers that mean the same, and checks that a person must mark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import APIRouter, Form
from pydantic import Field
from starlette.responses import RedirectResponse, Response

from grader.api.answers import DIGEST, GROUP, MOST_ANSWERS, Digest, GroupId
from grader.api.assignments import ForStaff
from grader.api.marking import QuestionMarking, QuestionRequest, TheQuestion, find_group, question_markings
from grader.api.pages.scores import ScoreRow, rows_of
from grader.api.questions import MOST_ITEMS, MOST_OF_A_PHRASE, MorePoints, QuestionOut
from grader.api.schemas import ID, TEXT
from grader.api.views import SubmissionView
from grader.bounds import MAX_COMMENT_CHARACTERS
from grader.errors import BadCall
from grader.marking.groups import AnswerGroup, next_group
from grader.marking.question import model_solution, question_text
from grader.marking.shelves import TITLES
from grader.model import Points, Status
from grader.store import gradings, marking_actions, rubrics
from grader.store.answer_marks import AnswerMark, NewMark
from grader.store.database import Tx
from grader.store.records import CheckRecord, Person

router = APIRouter(include_in_schema=False)

PATH = "/courses/{course}/assignments/{assignment}/marking"
OF_QUESTION = PATH + "/{question}"
OF_GROUP = OF_QUESTION + "/groups/{group}"

Text = Annotated[str, Form(max_length=MAX_COMMENT_CHARACTERS, pattern=TEXT)]


class WaitingCheck(NamedTuple):
    """A check of a student's submission that a person must mark."""

    result: CheckRecord
    student: Person
    view: SubmissionView


@router.get(PATH)
def show_questions(staff: ForStaff) -> Response:
    with staff.read() as (tx, offering):
        rows = [QuestionOut.of(marking) for marking in question_markings(staff, tx, offering)]
        waiting = _waiting_checks(tx, rows_of(tx, staff.service, staff.caller, offering))
        return staff.render(tx, "marking.html", offering, rows=rows, checks=waiting)


def _waiting_checks(tx: Tx, scored: Sequence[ScoreRow]) -> list[WaitingCheck]:
    """Return the checks that a person must mark, sorted by check and student."""
    counting = [(row.person, row.counting) for row in scored if row.counting and row.counting.submission.code_submitted]
    waiting = gradings.results_of(tx, [view.grading.id for _, view in counting], Status.WAITING)
    found = [
        WaitingCheck(result, person, view)
        for person, view in counting
        for result in waiting.get(view.grading.id, ())
        if all(mark.question != result.check for mark in view.marks)
    ]
    return sorted(found, key=lambda one: (one.result.check, one.student.name.lower()))


@router.get(OF_QUESTION)
def show_groups(question: TheQuestion) -> Response:
    """Show the groups of answers to a question, sorted by shelf (a category such as "right" or "unread")."""
    with question.read() as marking:
        groups = marking.groups()
        return _question_page(
            question,
            marking,
            "marking_question.html",
            groups,
            shelves=[(shelf, list(found)) for shelf, found in groupby(groups, key=lambda group: group.shelf)],
            next_waiting=next_group([g for g in groups if g.waits_for(marking.marker)]),
            next_disputed=next_group([g for g in groups if g.is_disputed]),
        )


def _question_page(
    question: QuestionRequest, marking: QuestionMarking, template: str, groups: list[AnswerGroup], **shown: Any
) -> Response:
    """Render the page of a question or of a group. Besides `shown`, pass the template variables that both pages
    need."""
    task = question.staff.task
    return question.staff.render(
        marking.tx,
        template,
        marking.offering,
        marking=marking,
        marker=marking.marker,
        path=path_of(question),
        shelf_titles=TITLES,
        question_text=question_text(task, question.question),
        solution=model_solution(task, question.question),
        progress=marking.progress(groups),
        can_undo=marking_actions.latest(marking.tx, marking.question, marking.marker) is not None,
        **shown,
    )


def path_of(question: QuestionRequest) -> str:
    """Return the path of a question's page."""
    staff = question.staff
    return OF_QUESTION.format(course=staff.course, assignment=staff.assignment, question=question.question)


def _to_group(question: QuestionRequest, group: AnswerGroup | None) -> Response:
    """Redirect to the page of a group, or to the page of the question if the group is None."""
    return RedirectResponse(f"{path_of(question)}/groups/{group.id}" if group else path_of(question), 303)


@router.get(OF_QUESTION + "/{digest}")
def show_answer(question: TheQuestion, digest: Digest) -> Response:
    """Redirect to the group of an answer."""
    with question.read() as marking:
        return _to_group(question, marking.answer(digest)[0])


@router.get(OF_GROUP)
def show_group(question: TheQuestion, group: GroupId) -> Response:
    with question.read() as marking:
        groups = marking.groups()
        found = find_group(groups, group)
        others = [other for other in groups if other.id != group]
        return _question_page(
            question,
            marking,
            "marking_group.html",
            groups,
            group=found,
            to_mark=found.to_mark(marking.marker),
            own=_same_mark(answer.mark_of(marking.marker) for answer in found.answers),
            others=others,
            previous=groups[found.number - 2] if found.number > 1 else None,
            following=groups[found.number] if found.number < len(groups) else None,
            next_waiting=next_group([g for g in others if g.waits_for(marking.marker)], found.number),
            next_disputed=next_group([g for g in others if g.is_disputed], found.number),
            items=rubrics.items(marking.tx, marking.question),
            phrases=rubrics.phrases_of(marking.tx, marking.question),
        )


def _same_mark(marks: Iterable[AnswerMark | None]) -> AnswerMark | None:
    """Return the mark that all answers of a group share; None if the marks differ or are missing."""
    found = {mark.given if mark else None: mark for mark in marks}
    return next(iter(found.values())) if len(found) == 1 else None


@router.post(OF_GROUP)
def change_group(
    question: TheQuestion,
    group: GroupId,
    answers: Annotated[list[Annotated[str, Field(pattern=DIGEST)]], Form(max_length=MOST_ANSWERS)] = [],  # noqa: B006
    items: Annotated[list[Annotated[str, Field(pattern=ID)]], Form(max_length=MOST_ITEMS)] = [],  # noqa: B006
    adjustment: Annotated[MorePoints, Form()] = Decimal(0),
    comment: Text = "",
    phrase: Text = "",
    keep: Annotated[bool, Form()] = False,
    action: Annotated[Literal["save", "agree", "take back"], Form()] = "save",
) -> Response:
    """Mark the listed answers of a group, then redirect to the next group."""
    with question.write() as marking:
        found = marking.group(group)
        if action == "take back":
            marking.mark_group(found, answers, None)
            return _to_group(question, found)
        if keep and comment.strip():
            rubrics.add_phrase(marking.tx, marking.question, comment.strip()[:MOST_OF_A_PHRASE])
        whole = _comment_with_phrase(comment, phrase)
        if action == "agree":
            given = NewMark((), _suggested(found), whole)
        elif items or adjustment or whole:
            given = NewMark(tuple(items), Points(adjustment), whole)
        else:
            raise BadCall("the mark is empty: to give no points, apply an item worth 0 points or write a comment")
        marking.mark_group(found, answers, given)
        waiting = [g for g in marking.groups() if g.waits_for(marking.marker)]
        return _to_group(question, next_group(waiting, found.number))


@router.post(OF_GROUP + "/take-out")
def take_answer_out(question: TheQuestion, group: GroupId, answer: Annotated[str, Form(pattern=DIGEST)]) -> Response:
    """Move an answer from its group into a new group, then redirect to the old group."""
    with question.write() as marking:
        marking.take_out(group, answer)
        return _to_group(question, next((g for g in marking.groups() if g.id == group), None))


@router.post(OF_GROUP + "/merge")
def merge_group(question: TheQuestion, group: GroupId, into: Annotated[str, Form(pattern=GROUP)]) -> Response:
    with question.write() as marking:
        return _to_group(question, marking.merge(group, into))


@router.post(OF_QUESTION + "/undo")
def undo(question: TheQuestion) -> Response:
    """Undo the caller's latest action, and redirect to the first group that the undo changed."""
    with question.write() as marking:
        return _to_group(question, next(iter(marking.undo()), None))


def _comment_with_phrase(comment: str, phrase: str) -> str:
    whole = "\n\n".join(part for part in (comment.strip(), phrase.strip()) if part)
    if len(whole) > MAX_COMMENT_CHARACTERS:
        raise BadCall(f"a comment may have at most {MAX_COMMENT_CHARACTERS} characters")
    return whole


def _suggested(group: AnswerGroup) -> Points:
    if group.suggested is None:
        raise BadCall("there is no suggestion for this group: apply rubric items, then save")
    return group.suggested
