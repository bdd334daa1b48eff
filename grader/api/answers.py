"""Routes to mark the answers to one question anonymously: one by one, or in groups of answers that mean the same."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from grader.api.marking import QuestionMarking, TheQuestion
from grader.api.questions import MOST_ITEMS, OF_QUESTION, ItemOut, MorePoints
from grader.api.schemas import ID, TEXT, In, Out
from grader.bounds import MAX_COMMENT_CHARACTERS
from grader.marking.groups import AnswerGroup, DistinctAnswer
from grader.marking.status import Stage
from grader.model import Judgement, Points, Shelf
from grader.store.answer_marks import AnswerMark, NewMark

router = APIRouter(prefix="/api/v1", tags=["marking"])

ANSWERS = OF_QUESTION + "/answers"
GROUPS = OF_QUESTION + "/groups"
MOST_ANSWERS = 10_000
DIGEST, GROUP = "^[0-9a-f]{64}$", "^[0-9a-f]{32}$"
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
    """Whether the answer replaces an earlier answer that was marked."""
    own: AnswerMarkOut | None
    """The caller's mark."""
    others: list[AnswerMarkOut]
    """Other markers' marks; empty until all required marks are given."""

    @classmethod
    def of(cls, answer: DistinctAnswer, group: AnswerGroup, marking: QuestionMarking) -> AnswerOut:
        own = answer.mark_of(marking.marker)
        decides = answer.status.decides
        return cls.model_validate(
            vars(answer)
            | {
                "group": group.id,
                "answer": answer.text,
                "students": answer.students,
                "stage": answer.status.stage,
                "points": decides.points(marking.worth) if decides else None,
                "own": AnswerMarkOut.of(own, marking.worth) if own else None,
                "others": [AnswerMarkOut.of(mark, marking.worth) for mark in answer.shown_marks(marking.marker)],
            }
        )


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
    """Whether the caller still has to mark answers of the group."""
    disputed: bool
    """Whether two markers disagree on some answers of the group."""
    answers: list[AnswerOut]

    @classmethod
    def of(cls, group: AnswerGroup, marking: QuestionMarking) -> GroupOut:
        return cls(
            group=group.id,
            number=group.number,
            shelf=group.shelf,
            students=group.students,
            done=group.done,
            waits=group.waits_for(marking.marker),
            disputed=group.is_disputed,
            answers=[AnswerOut.of(answer, group, marking) for answer in group.answers],
        )


class MarkFields(In):
    items: list[Annotated[str, Field(pattern=ID)]] = Field([], max_length=MOST_ITEMS)
    """Ids of rubric items."""
    adjustment: MorePoints = Decimal(0)
    comment: str = Field("", max_length=MAX_COMMENT_CHARACTERS, pattern=TEXT)


class AnswerMarkIn(MarkFields):
    moderates: bool = False
    """True if the mark decides between two markers who disagree."""


class GroupMarkIn(MarkFields):
    answers: list[Annotated[str, Field(pattern=DIGEST)]] = Field(max_length=MOST_ANSWERS)
    """Digests of the answers that get the mark."""


class MergeIn(In):
    into: str = Field(pattern=GROUP)
    """Id of the other group."""


class TakeOutIn(In):
    answer: str = Field(pattern=DIGEST)
    """The answer's digest."""


# ── single answers ───────────────────────────────────────────────────────────────────────────────────


@router.get(ANSWERS, summary="List the answers to a question (staff)")
def list_answers(
    question: TheQuestion,
    waiting: Annotated[bool, Query(description="Only answers that the caller still has to mark")] = False,
) -> list[AnswerOut]:
    """Return the answers of all students without names, group by group. Equal texts are returned once."""
    with question.read() as marking:
        return [
            AnswerOut.of(answer, group, marking)
            for group in marking.groups()
            for answer in group.answers
            if not waiting or answer.waits_for(marking.marker)
        ]


@router.get(ANSWERS + "/{digest}", summary="Get an answer (staff)")
def get_answer(question: TheQuestion, digest: Digest) -> AnswerOut:
    with question.read() as marking:
        return _answer_out(marking, digest)


@router.put(ANSWERS + "/{digest}/mark", summary="Mark an answer (staff)")
def put_answer_mark(question: TheQuestion, digest: Digest, mark: AnswerMarkIn) -> AnswerOut:
    """Set the caller's mark of an answer. The mark applies to all students who wrote the same text."""
    with question.write() as marking:
        marking.mark_answer(digest, NewMark(tuple(mark.items), Points(mark.adjustment), mark.comment, mark.moderates))
        return _answer_out(marking, digest)


@router.delete(ANSWERS + "/{digest}/mark", summary="Remove the caller's mark of an answer (staff)")
def delete_answer_mark(question: TheQuestion, digest: Digest) -> AnswerOut:
    with question.write() as marking:
        marking.mark_answer(digest, None)
        return _answer_out(marking, digest)


def _answer_out(marking: QuestionMarking, digest: str) -> AnswerOut:
    group, answer = marking.answer(digest)
    return AnswerOut.of(answer, group, marking)


# ── groups ───────────────────────────────────────────────────────────────────────────────────────────


@router.get(GROUPS, summary="List groups of answers that mean the same (staff)")
def list_groups(
    question: TheQuestion,
    waiting: Annotated[bool, Query(description="Only groups with answers that the caller still has to mark")] = False,
) -> list[GroupOut]:
    """Return the groups sorted by shelf (a category such as "right" or "unread"), then by size, the largest first."""
    with question.read() as marking:
        groups = marking.groups()
        return [GroupOut.of(group, marking) for group in groups if not waiting or group.waits_for(marking.marker)]


@router.get(GROUPS + "/{group}", summary="Get a group of answers (staff)")
def get_group(question: TheQuestion, group: GroupId) -> GroupOut:
    with question.read() as marking:
        return GroupOut.of(marking.group(group), marking)


@router.put(GROUPS + "/{group}/mark", summary="Mark answers of a group (staff)")
def put_group_mark(question: TheQuestion, group: GroupId, mark: GroupMarkIn) -> GroupOut:
    """Set the caller's mark of the listed answers of a group. If two other markers disagree on an answer, the caller's
    mark decides."""
    with question.write() as marking:
        given = NewMark(tuple(mark.items), Points(mark.adjustment), mark.comment)
        marking.mark_group(marking.group(group), mark.answers, given)
        return GroupOut.of(marking.group(group), marking)


@router.post(GROUPS + "/{group}/merge", summary="Merge a group into another one, for all markers (staff)")
def merge_group(question: TheQuestion, group: GroupId, merge: MergeIn) -> GroupOut:
    """Merge a group into another one. Return the merged group."""
    with question.write() as marking:
        return GroupOut.of(marking.merge(group, merge.into), marking)


@router.post(GROUPS + "/{group}/take-out", summary="Take an answer out of its group, for all markers (staff)")
def take_answer_out(question: TheQuestion, group: GroupId, chosen: TakeOutIn) -> GroupOut:
    """Move an answer from its group into a new group. Return the new group."""
    with question.write() as marking:
        return GroupOut.of(marking.take_out(group, chosen.answer), marking)


@router.post(OF_QUESTION + "/undo", summary="Undo the caller's latest marking, merge or take-out (staff)")
def undo_action(question: TheQuestion) -> list[GroupOut]:
    """Undo the caller's latest marking, merging or moving of answers to this question. Return the changed groups."""
    with question.write() as marking:
        return [GroupOut.of(group, marking) for group in marking.undo()]
