"""Mark one question's answers, without names: one by one, or in groups that mean the same."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from grader.api.identity import Caller, TheCaller
from grader.api.problems import not_found
from grader.api.questions import MOST_ITEMS, OF_QUESTION, CourseQuestion, ItemOut, MorePoints, find_asked
from grader.api.schemas import ID, TEXT, AssignmentId, CourseId, In, Out, QuestionId
from grader.api.wiring import TheService
from grader.errors import BadCall
from grader.marking import actions
from grader.marking.groups import AnswerGroup, DistinctAnswer, key_of_answer
from grader.marking.status import Stage
from grader.model import Points, Shelf
from grader.model.answers import Ground, Suggestion
from grader.store.answer_marks import AnswerMark, NewMark
from grader.store.database import Tx

router = APIRouter(prefix="/api/v1", tags=["marking"])

ANSWERS = OF_QUESTION + "/answers"
GROUPS = OF_QUESTION + "/groups"
MOST_COMMENT = 10_000
MOST_ANSWERS = 10_000
DIGEST, GROUP = "^[0-9a-f]{64}$", "^[0-9a-f]{32}$"
Digest = Annotated[str, Path(pattern=DIGEST, description="An answer's digest", examples=["9f86d081" * 8])]
GroupId = Annotated[str, Path(pattern=GROUP, description="A group's id", examples=["9f86d081" * 4])]


class FalseEqualityOut(Out):
    line: int = Field(description="Line of the answer, from 1", examples=[3])
    left: str
    right: str


class SkippedOut(Out):
    line: int = Field(description="Line of the answer, from 1", examples=[3])
    text: str
    why: str


class GroundOut(Out):
    """The machine's reading of one of the formulas that a question asks for."""

    asked: str = Field(description="LaTeX", examples=[r"\frac{\partial J}{\partial a_2}"])
    shelf: Shelf
    words: str = Field(examples=["equal"])
    points: float | None = Field(description="null where it suggests none", examples=[5.0])
    formula: str = Field(description="The student's, LaTeX")
    mistake: str = Field(description="A sentence that names the formula's other value", examples=[""])
    evidence: str = Field(description="A counter-example, in numbers")
    remarks: list[str]
    equalities: list[FalseEqualityOut] = Field(description="Equalities of the answer that do not hold")
    skipped: list[SkippedOut] = Field(description="Texts of the answer that were not evaluated")

    @classmethod
    def of(cls, ground: Ground) -> GroundOut:
        return cls(
            asked=ground.asked,
            shelf=ground.shelf,
            words=ground.words,
            points=None if ground.points is None else float(ground.points),
            formula=ground.formula,
            mistake=ground.mistake,
            evidence=ground.evidence,
            remarks=list(ground.remarks),
            equalities=[FalseEqualityOut(line=e.line, left=e.left, right=e.right) for e in ground.equalities],
            skipped=[SkippedOut(line=s.line, text=s.text, why=s.why) for s in ground.skipped],
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


class AnswerMarkOut(Out):
    items: list[ItemOut]
    adjustment: float = Field(description="Added to the items' points", examples=[0.0])
    comment: str
    moderates: bool
    points: float = Field(description="What it comes to now", examples=[3.5])
    at: dt.datetime

    @classmethod
    def of(cls, mark: AnswerMark, worth: Points) -> AnswerMarkOut:
        return cls(
            items=[ItemOut.of(item) for item in mark.items],
            adjustment=float(mark.adjustment),
            comment=mark.comment,
            moderates=mark.moderates,
            points=float(mark.points(worth)),
            at=mark.at,
        )


class AnswerOut(Out):
    """The text of an answer, for all students who wrote it."""

    digest: str
    group: str = Field(description="Id of its group", examples=["9f86d081" * 4])
    shelf: Shelf
    answer: str = Field(description="Markdown with LaTeX, as it was written")
    students: int = Field(description="How many wrote this", examples=[1])
    suggestion: SuggestionOut | None
    decided: float | None = Field(description="By the machine, where the assignment lets it", examples=[None])
    stage: Stage
    points: float | None = Field(description="null until its markers have decided", examples=[3.5])
    marked_before: bool = Field(description="It replaces an answer that had been marked")
    own: AnswerMarkOut | None
    others: list[AnswerMarkOut] = Field(description="Empty while it has to be marked without knowing them")

    @classmethod
    def of(cls, answer: DistinctAnswer, group: AnswerGroup, worth: Points, caller: Caller) -> AnswerOut:
        own = answer.mark_of(caller.person.id)
        decides = answer.status.decides
        return cls(
            digest=answer.digest,
            group=group.id,
            shelf=answer.shelf,
            answer=answer.text,
            students=answer.students,
            suggestion=SuggestionOut.of(answer.suggestion) if answer.suggestion else None,
            decided=None if answer.decided is None else float(answer.decided),
            stage=answer.status.stage,
            points=float(decides.points(worth)) if decides else None,
            marked_before=answer.marked_before,
            own=AnswerMarkOut.of(own, worth) if own else None,
            others=[AnswerMarkOut.of(mark, worth) for mark in answer.shown_marks(caller.person.id)],
        )


class GroupOut(Out):
    """Answers that mean the same, by the machine's reading or because markers have merged them."""

    group: str = Field(description="Its id", examples=["9f86d081" * 4])
    number: int = Field(description="In the caller's order: by shelf, then the largest first", examples=[1])
    shelf: Shelf
    students: int = Field(examples=[31])
    done: int = Field(description="Answers that are decided", examples=[0])
    waits: bool = Field(description="Some of its answers wait for the caller")
    disputed: bool = Field(description="Two markers differ about some of its answers")
    answers: list[AnswerOut]

    @classmethod
    def of(cls, group: AnswerGroup, worth: Points, caller: Caller) -> GroupOut:
        return cls(
            group=group.id,
            number=group.number,
            shelf=group.shelf,
            students=group.students,
            done=group.done,
            waits=group.waits_for(caller.person.id),
            disputed=group.is_disputed,
            answers=[AnswerOut.of(answer, group, worth, caller) for answer in group.answers],
        )


class AnswerMarkIn(In):
    items: list[Annotated[str, Field(pattern=ID)]] = Field([], max_length=MOST_ITEMS, description="Ids of rubric items")
    adjustment: MorePoints = Field(Decimal(0), examples=[0])
    comment: str = Field("", max_length=MOST_COMMENT, pattern=TEXT, examples=["The sum over n is missing."])
    moderates: bool = Field(False, description="It decides where two markers differ")

    def given(self) -> NewMark:
        return NewMark(tuple(self.items), Points(self.adjustment), self.comment, self.moderates)


Digests = Annotated[
    list[Annotated[str, Field(pattern=DIGEST)]],
    Field(max_length=MOST_ANSWERS, description="Digests of its answers that were looked at"),
]


class GroupMarkIn(In):
    items: list[Annotated[str, Field(pattern=ID)]] = Field([], max_length=MOST_ITEMS, description="Ids of rubric items")
    adjustment: MorePoints = Field(Decimal(0), examples=[0])
    comment: str = Field("", max_length=MOST_COMMENT, pattern=TEXT, examples=["The sum over n is missing."])
    answers: Digests


class MergeIn(In):
    into: str = Field(pattern=GROUP, description="Id of the other group", examples=["9f86d081" * 4])


class TakeOutIn(In):
    answer: str = Field(pattern=DIGEST, description="The answer's digest", examples=["9f86d081" * 8])


# ── single answers ───────────────────────────────────────────────────────────────────────────────────


@router.get(ANSWERS, summary="Answers of one question (staff)")
def list_answers(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    service: TheService,
    caller: TheCaller,
    waiting: Annotated[bool, Query(description="Only those that wait for the caller")] = False,
) -> list[AnswerOut]:
    """Return all students' answers without names, group by group, equal texts once."""
    with service.store.read() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        found = asked.groups(tx, caller.person.id)
    return [
        AnswerOut.of(answer, group, asked.worth, caller)
        for group in found
        for answer in group.answers
        if not waiting or answer.waits_for(caller.person.id)
    ]


@router.get(ANSWERS + "/{digest}", summary="One answer (staff)")
def get_answer(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    digest: Digest,
    service: TheService,
    caller: TheCaller,
) -> AnswerOut:
    with service.store.read() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        return _answer(tx, asked, caller, digest)


@router.put(ANSWERS + "/{digest}/reading", include_in_schema=False)  # its name in earlier versions
@router.put(ANSWERS + "/{digest}/mark", summary="Give an answer its points (staff)")
def put_answer_mark(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    digest: Digest,
    wish: AnswerMarkIn,
    service: TheService,
    caller: TheCaller,
) -> AnswerOut:
    """The mark holds for everybody who wrote the same, and replaces the caller's earlier one."""
    with service.store.write() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        _, answer = find_answer(asked.groups(tx, caller.person.id), digest)
        if wish.moderates and not answer.would_moderate(caller.person.id):
            raise BadCall("a moderator is asked for only where two markers differ, and is neither of them")
        actions.mark(tx, asked.question, caller.person.id, {digest: wish.given()})
        return _answer(tx, asked, caller, digest)


@router.delete(ANSWERS + "/{digest}/reading", include_in_schema=False)
@router.delete(ANSWERS + "/{digest}/mark", summary="Take one's own mark back (staff)")
def delete_answer_mark(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    digest: Digest,
    service: TheService,
    caller: TheCaller,
) -> AnswerOut:
    with service.store.write() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        find_answer(asked.groups(tx, caller.person.id), digest)
        actions.mark(tx, asked.question, caller.person.id, {digest: None})
        return _answer(tx, asked, caller, digest)


# ── groups ───────────────────────────────────────────────────────────────────────────────────────────


@router.get(GROUPS, summary="Answers of one question in groups that mean the same (staff)")
def list_groups(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    service: TheService,
    caller: TheCaller,
    waiting: Annotated[bool, Query(description="Only those in which an answer waits for the caller")] = False,
) -> list[GroupOut]:
    """Return the groups shelf by shelf, the largest of each first."""
    with service.store.read() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        found = asked.groups(tx, caller.person.id)
    wanted = (group for group in found if not waiting or group.waits_for(caller.person.id))
    return [GroupOut.of(group, asked.worth, caller) for group in wanted]


@router.get(GROUPS + "/{group}", summary="One group of answers (staff)")
def get_group(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    group: GroupId,
    service: TheService,
    caller: TheCaller,
) -> GroupOut:
    with service.store.read() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        return _group(tx, asked, caller, group)


@router.put(GROUPS + "/{group}/mark", summary="Give answers of a group their points (staff)")
def put_group_mark(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    group: GroupId,
    wish: GroupMarkIn,
    service: TheService,
    caller: TheCaller,
) -> GroupOut:
    """Each named answer gets the mark, and counts as read by the caller, who moderates where two markers differ."""
    with service.store.write() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        found = find_group(asked.groups(tx, caller.person.id), group)
        given = NewMark(tuple(wish.items), Points(wish.adjustment), wish.comment)
        mark_group(tx, asked, caller, found, wish.answers, given)
        return _group(tx, asked, caller, group)


@router.post(GROUPS + "/{group}/merge", summary="Merge a group into another one, for all markers (staff)")
def merge_group(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    group: GroupId,
    wish: MergeIn,
    service: TheService,
    caller: TheCaller,
) -> GroupOut:
    """Return the other group."""
    with service.store.write() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        merge(tx, asked, caller, group, wish.into)
        return _group(tx, asked, caller, wish.into)


@router.post(GROUPS + "/{group}/take-out", summary="Take an answer out of its group, for all markers (staff)")
def take_answer_out(
    course: CourseId,
    assignment: AssignmentId,
    question: QuestionId,
    group: GroupId,
    wish: TakeOutIn,
    service: TheService,
    caller: TheCaller,
) -> GroupOut:
    """Return the answer's own group."""
    with service.store.write() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        own = take_out(tx, asked, caller, group, wish.answer)
        return _group(tx, asked, caller, own)


@router.post(OF_QUESTION + "/undo", summary="Undo the caller's latest marking, merge or take-out (staff)")
def undo_action(
    course: CourseId, assignment: AssignmentId, question: QuestionId, service: TheService, caller: TheCaller
) -> list[GroupOut]:
    """Return the groups that have changed."""
    with service.store.write() as tx:
        asked = find_asked(tx, service, caller, course, assignment, question)
        return [GroupOut.of(group, asked.worth, caller) for group in undo(tx, asked, caller)]


# ── what pages do as well ────────────────────────────────────────────────────────────────────────────


def mark_group(
    tx: Tx, asked: CourseQuestion, caller: Caller, group: AnswerGroup, digests: list[str], given: NewMark | None
) -> None:
    """Mark the named answers of a group, or take the caller's own marks of them back (None).

    Raises:
        BadCall: If none of them is in the group any more.
    """
    marker = caller.person.id
    named = [answer for answer in group.answers if answer.digest in digests]
    if not named:
        raise BadCall("none of these answers is in the group any more: load the page again")
    marks = {a.digest: given and replace(given, moderates=a.would_moderate(marker)) for a in named}
    actions.mark(tx, asked.question, marker, marks)


def merge(tx: Tx, asked: CourseQuestion, caller: Caller, group: str, into: str) -> None:
    actions.begin_regrouping(tx, asked.question)
    found = asked.groups(tx, caller.person.id)
    actions.merge(tx, asked.question, caller.person.id, find_group(found, group), find_group(found, into))


def take_out(tx: Tx, asked: CourseQuestion, caller: Caller, group: str, digest: str) -> str:
    """Return the id of the answer's own group."""
    actions.begin_regrouping(tx, asked.question)
    found = find_group(asked.groups(tx, caller.person.id), group)
    if not any(answer.digest == digest for answer in found.answers):
        raise not_found("answer")
    return actions.take_out(tx, asked.question, caller.person.id, found, digest)


def undo(tx: Tx, asked: CourseQuestion, caller: Caller) -> list[AnswerGroup]:
    """Return the groups that the undone action had changed."""
    action = actions.undo(tx, asked.question, caller.person.id)
    return [
        group
        for group in asked.groups(tx, caller.person.id)
        if group.id in action.groups
        or any(a.digest in action.marks or key_of_answer(a.digest) in action.groups for a in group.answers)
    ]


def find_answer(groups: list[AnswerGroup], digest: str) -> tuple[AnswerGroup, DistinctAnswer]:
    for group in groups:
        for answer in group.answers:
            if answer.digest == digest:
                return group, answer
    raise not_found("answer")


def find_group(groups: list[AnswerGroup], id: str) -> AnswerGroup:
    found = next((group for group in groups if group.id == id), None)
    if found is None:
        raise not_found("group")
    return found


def _answer(tx: Tx, asked: CourseQuestion, caller: Caller, digest: str) -> AnswerOut:
    group, answer = find_answer(asked.groups(tx, caller.person.id), digest)
    return AnswerOut.of(answer, group, asked.worth, caller)


def _group(tx: Tx, asked: CourseQuestion, caller: Caller, id: str) -> GroupOut:
    return GroupOut.of(find_group(asked.groups(tx, caller.person.id), id), asked.worth, caller)
