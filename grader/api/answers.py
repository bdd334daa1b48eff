"""Answers to written questions, marked anonymously: one by one, or in groups of answers that mean the same."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Path, Query
from pydantic import Field
from starlette.responses import RedirectResponse, Response

from grader.api.marking import PAGE, QUESTIONS, QuestionMarking, QuestionRequest, TheQuestion, find_group
from grader.api.questions import Ids, ItemOut
from grader.api.schemas import GROUP, TEXT, FromForm, In, Out
from grader.assignments.rubric_file import MOST_ITEMS, MOST_OF_A_PHRASE, MorePoints
from grader.bounds import MAX_COMMENT_CHARACTERS
from grader.errors import BadCall
from grader.marking.groups import SHELF_TITLES, AnswerGroup, DistinctAnswer, next_group
from grader.marking.question import model_solution, question_text
from grader.marking.status import Stage
from grader.model import Judgement, Points, Shelf
from grader.model.grouping import grouped
from grader.store import marking_actions, rubrics
from grader.store.answer_marks import AnswerMark, NewMark

router = APIRouter(prefix=QUESTIONS + "/{question}", tags=["marking"])
pages = APIRouter(prefix=PAGE, include_in_schema=False)

MOST_ANSWERS = 10_000
DIGEST = "^[0-9a-f]{64}$"
Waiting = Annotated[bool, Query(description="Only what the caller still has to mark")]
Digests = tuple[Annotated[str, Field(pattern=DIGEST)], ...]
Digest = Annotated[str, Path(pattern=DIGEST, description="An answer's digest")]
GroupId = Annotated[str, Path(pattern=GROUP, description="A group's id")]


class SuggestionOut(Out):
    points: float | None
    grounds: list[Judgement] = Field(validation_alias="judgements")
    """The comparison of each formula that the question asks for."""


class AnswerMarkOut(Out):
    items: list[ItemOut]
    adjustment: float
    """Points added to the items' points."""
    comment: str
    moderates: bool
    points: float
    """The points of the mark, from the current points of its items."""
    at: dt.datetime

    @classmethod
    def of(cls, mark: AnswerMark, worth: Points) -> AnswerMarkOut:
        return cls.model_validate(vars(mark) | {"points": mark.points(worth)})


class AnswerOut(Out):
    """One answer text, shared by all students who wrote it."""

    digest: str
    group: str
    """Id of the answer's group."""
    shelf: Shelf
    answer: str
    """Markdown with LaTeX, as the student wrote it."""
    students: int
    """Number of students who wrote this text."""
    suggestion: SuggestionOut | None
    decided: float | None
    """Points that the grader gave automatically; null if it gave none."""
    stage: Stage
    points: float | None
    """null until the markers have decided."""
    marked_before: bool
    """True if the answer replaces an earlier answer that was marked."""
    own: AnswerMarkOut | None
    """The caller's mark."""
    others: list[AnswerMarkOut]
    """Other markers' marks; empty until all required marks are given."""

    @classmethod
    def of(cls, answer: DistinctAnswer, group: AnswerGroup, marking: QuestionMarking) -> AnswerOut:
        """Return the body for an answer, which is in `group`, as the marker of `marking` may see it."""
        worth, marker = marking.worth, marking.marker
        own = answer.mark_of(marker)
        decides = answer.status.decides
        fields = vars(answer) | {"group": group.id, "answer": answer.text, "students": answer.students}
        fields["stage"] = answer.status.stage
        fields["points"] = decides.points(worth) if decides else None
        fields["own"] = AnswerMarkOut.of(own, worth) if own else None
        fields["others"] = [AnswerMarkOut.of(mark, worth) for mark in answer.shown_marks(marker)]
        return cls.model_validate(fields)


class GroupOut(Out):
    """Answers that mean the same: the grader found their formulas equal, or markers have merged them."""

    group: str
    """Id of the group."""
    number: int
    """Position in the caller's list: sorted by shelf, then by size, the largest first."""
    shelf: Shelf
    students: int
    done: int
    """Number of answers that are decided."""
    waits: bool
    """True if the caller still has to mark answers of the group."""
    disputed: bool
    """True if two markers disagree on some answers of the group."""
    answers: list[AnswerOut]

    @classmethod
    def of(cls, group: AnswerGroup, marking: QuestionMarking) -> GroupOut:
        """Return the body for a group, with its answers as the marker of `marking` may see them."""
        answers = [AnswerOut.of(answer, group, marking) for answer in group.answers]
        waits = group.waits_for(marking.marker)
        return cls(
            group=group.id,
            number=group.number,
            shelf=group.shelf,
            students=group.students,
            done=group.done,
            waits=waits,
            disputed=group.is_disputed,
            answers=answers,
        )


class MarkFields(In):
    items: Ids = Field((), max_length=MOST_ITEMS)
    """Ids of rubric items."""
    adjustment: MorePoints = Decimal(0)
    comment: str = Field("", max_length=MAX_COMMENT_CHARACTERS, pattern=TEXT)


class AnswerMarkIn(MarkFields):
    moderates: bool = False
    """True if the mark decides between two markers who disagree."""


class GroupMarkIn(MarkFields):
    answers: Digests = Field(max_length=MOST_ANSWERS)
    """Digests of the answers that get the mark."""


class MergeIn(In):
    into: str = Field(pattern=GROUP)
    """Id of the other group."""


class TakeOutIn(In):
    answer: str = Field(pattern=DIGEST)
    """The answer's digest."""


# ── single answers ───────────────────────────────────────────────────────────────────────────────────


@router.get("/answers")
def list_answers(
    question: TheQuestion,
    waiting: Waiting = False,
) -> list[AnswerOut]:
    """List the answers to a question (staff).

    The answers are without names, group by group. Equal texts are returned once.
    """
    with question.read() as marking:
        answers = []
        for group in marking.groups():
            for answer in group.answers:
                if not waiting or answer.waits_for(marking.marker):
                    answers.append(AnswerOut.of(answer, group, marking))
        return answers


@router.get("/answers/{digest}")
def get_answer(question: TheQuestion, digest: Digest) -> AnswerOut:
    """Get an answer (staff)."""
    with question.read() as marking:
        return _answer_out(marking, digest)


@router.put("/answers/{digest}/mark")
def put_answer_mark(question: TheQuestion, digest: Digest, mark: AnswerMarkIn) -> AnswerOut:
    """Mark an answer (staff).

    The mark applies to all students who wrote the same text.
    """
    with question.write() as marking:
        new = NewMark(mark.items, Points(mark.adjustment), mark.comment, mark.moderates)
        marking.mark_answer(digest, new)
        return _answer_out(marking, digest)


@router.delete("/answers/{digest}/mark")
def delete_answer_mark(question: TheQuestion, digest: Digest) -> AnswerOut:
    """Remove the caller's mark of an answer (staff)."""
    with question.write() as marking:
        marking.mark_answer(digest, None)
        return _answer_out(marking, digest)


def _answer_out(marking: QuestionMarking, digest: str) -> AnswerOut:
    group, answer = marking.answer(digest)
    return AnswerOut.of(answer, group, marking)


# ── groups ───────────────────────────────────────────────────────────────────────────────────────────


@router.get("/groups")
def list_groups(
    question: TheQuestion,
    waiting: Waiting = False,
) -> list[GroupOut]:
    """List groups of answers that mean the same (staff).

    Return the groups sorted by shelf (a category such as "right" or "unread"), then by size, the largest first.
    """
    with question.read() as marking:
        groups = marking.groups()
        if waiting:
            groups = [group for group in groups if group.waits_for(marking.marker)]
        return [GroupOut.of(group, marking) for group in groups]


@router.get("/groups/{group}")
def get_group(question: TheQuestion, group: GroupId) -> GroupOut:
    """Get a group of answers (staff)."""
    with question.read() as marking:
        return GroupOut.of(marking.group(group), marking)


@router.put("/groups/{group}/mark")
def put_group_mark(question: TheQuestion, group: GroupId, mark: GroupMarkIn) -> GroupOut:
    """Mark answers of a group (staff).

    Set the caller's mark of the listed answers of a group. If two other markers disagree on an answer, the caller's
    mark decides.
    """
    with question.write() as marking:
        new = NewMark(mark.items, Points(mark.adjustment), mark.comment)
        marking.mark_group(marking.group(group), mark.answers, new)
        return GroupOut.of(marking.group(group), marking)


@router.post("/groups/{group}/merge")
def merge_group(question: TheQuestion, group: GroupId, merge: MergeIn) -> GroupOut:
    """Merge a group into another one, for all markers (staff).

    Return the merged group.
    """
    with question.write() as marking:
        merged = marking.merge(group, merge.into)
        return GroupOut.of(merged, marking)


@router.post("/groups/{group}/take-out")
def take_answer_out(question: TheQuestion, group: GroupId, chosen: TakeOutIn) -> GroupOut:
    """Take an answer out of its group, for all markers (staff).

    Return the answer's new group.
    """
    with question.write() as marking:
        new_group = marking.take_out(group, chosen.answer)
        return GroupOut.of(new_group, marking)


@router.post("/undo")
def undo_action(question: TheQuestion) -> list[GroupOut]:
    """Undo the caller's latest marking, merge or take-out (staff).

    Return the changed groups.
    """
    with question.write() as marking:
        changed = marking.undo()
        return [GroupOut.of(group, marking) for group in changed]


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────

Text = Annotated[str, Form(max_length=MAX_COMMENT_CHARACTERS, pattern=TEXT)]


@pages.get("")
def show_groups(question: TheQuestion) -> Response:
    """Show the groups of answers to a question, sorted by shelf (a category such as "right" or "unread")."""
    with question.read() as marking:
        groups = marking.groups()
        shelves = grouped((group.shelf, group) for group in groups)
        return _question_page("marking_question.html", question, marking, groups, shelves=list(shelves.items()))


def _question_page(
    template: str,
    question: QuestionRequest,
    marking: QuestionMarking,
    groups: list[AnswerGroup],
    number: int = 0,
    **variables: Any,
) -> Response:
    """Render the page of a question or of the group with this number. Besides `variables`, pass the template variables
    that both pages need."""
    task = question.staff.task
    waiting = [group for group in groups if group.waits_for(marking.marker) and group.number != number]
    disputed = [group for group in groups if group.is_disputed and group.number != number]
    latest_action = marking_actions.latest(marking.tx, marking.question, marking.marker)
    return question.staff.render(
        marking.tx,
        template,
        marking.offering,
        marking=marking,
        marker=marking.marker,
        path=question.path,
        shelf_titles=SHELF_TITLES,
        question_text=question_text(task, question.question),
        solution=model_solution(task, question.question),
        progress=marking.progress(groups),
        next_waiting=next_group(waiting, number),
        next_disputed=next_group(disputed, number),
        can_undo=latest_action is not None,
        **variables,
    )


def _to_group(question: QuestionRequest, group: AnswerGroup | None) -> Response:
    """Redirect to the page of a group, or to the page of the question if the group is None."""
    path = f"{question.path}/groups/{group.id}" if group else question.path
    return RedirectResponse(path, 303)


@pages.get("/{digest}")
def show_answer(question: TheQuestion, digest: Digest) -> Response:
    """Redirect to the group of an answer."""
    with question.read() as marking:
        group, _ = marking.answer(digest)
        return _to_group(question, group)


@pages.get("/groups/{group}")
def show_group(question: TheQuestion, group: GroupId) -> Response:
    """Show the page on which a group of answers is marked, with links to the previous and the following group."""
    with question.read() as marking:
        groups = marking.groups()
        shown = find_group(groups, group)
        number = shown.number  # from 1: `groups[number]` is the following group
        return _question_page(
            "marking_group.html",
            question,
            marking,
            groups,
            number,
            group=shown,
            to_mark=shown.to_mark(marking.marker),
            own=_shared_mark(shown, marking.marker),
            others=groups[: number - 1] + groups[number:],
            previous=groups[number - 2] if number > 1 else None,
            following=groups[number] if number < len(groups) else None,
            items=marking.rubric(),
            phrases=rubrics.phrases_of(marking.tx, marking.question),
        )


def _shared_mark(group: AnswerGroup, marker: str) -> AnswerMark | None:
    """Return the marker's mark that all answers of a group share; None if the marks differ or are missing."""
    first, *marks = [answer.mark_of(marker) for answer in group.answers]
    if first is None:
        return None
    if any(mark is None or mark.given != first.given for mark in marks):
        return None
    return first


@pages.post("/groups/{group}")
def send_group_mark(
    question: TheQuestion,
    group: GroupId,
    answers: Annotated[Digests, Form(max_length=MOST_ANSWERS)] = (),
    items: Annotated[Ids, Form(max_length=MOST_ITEMS)] = (),
    adjustment: FromForm[MorePoints] = Decimal(0),
    comment: Text = "",
    phrase: Text = "",
    keep: FromForm[bool] = False,
    action: FromForm[Literal["save", "agree", "take back"]] = "save",
) -> Response:
    """Mark the listed answers of a group, then redirect to the next group.

    Args:
        question: The question.
        group: Id of the group.
        answers: Digests of the answers to mark.
        items: Ids of the rubric items to apply.
        adjustment: Points to add to the items' points.
        comment: A comment for the students.
        phrase: A comment from the comment bank, which is added to the comment.
        keep: True to add the comment to the comment bank.
        action: "save" gives the items, the adjustment and the comment; "agree" gives the suggested points and the
            comment; "take back" removes the marker's marks.
    """
    with question.write() as marking:
        marked_group = marking.group(group)
        if action == "take back":
            marking.mark_group(marked_group, answers, None)
            return _to_group(question, marked_group)
        if keep and comment.strip():
            rubrics.add_phrase(marking.tx, marking.question, comment.strip()[:MOST_OF_A_PHRASE])
        text = "\n\n".join(filter(None, (comment.strip(), phrase.strip())))
        if len(text) > MAX_COMMENT_CHARACTERS:
            raise BadCall(f"a comment may have at most {MAX_COMMENT_CHARACTERS} characters")
        if action == "agree":
            if marked_group.suggested is None:
                raise BadCall("there is no suggestion for this group: apply rubric items, then save")
            mark = NewMark((), marked_group.suggested, text)
        elif items or adjustment or text:
            mark = NewMark(items, Points(adjustment), text)
        else:
            raise BadCall("the mark is empty: to give no points, apply an item worth 0 points or write a comment")
        marking.mark_group(marked_group, answers, mark)
        waiting = [group for group in marking.groups() if group.waits_for(marking.marker)]
        return _to_group(question, next_group(waiting, marked_group.number))


@pages.post("/groups/{group}/take-out")
def send_take_out(question: TheQuestion, group: GroupId, answer: Annotated[str, Form(pattern=DIGEST)]) -> Response:
    """Move an answer from its group into a new group, then redirect to the old group."""
    with question.write() as marking:
        marking.take_out(group, answer)
        old_groups = [old for old in marking.groups() if old.id == group]
        return _to_group(question, old_groups[0] if old_groups else None)


@pages.post("/groups/{group}/merge")
def send_merge(question: TheQuestion, group: GroupId, into: Annotated[str, Form(pattern=GROUP)]) -> Response:
    with question.write() as marking:
        merged = marking.merge(group, into)
        return _to_group(question, merged)


@pages.post("/undo")
def send_undo(question: TheQuestion) -> Response:
    """Undo the caller's latest action, and redirect to the first group that the undo changed."""
    with question.write() as marking:
        changed = marking.undo()
        return _to_group(question, changed[0] if changed else None)
