"""Compute scores of submissions: points of the code and of written answers, after the late penalty.

All pages, exports and API responses use these scores. Points that are not decided yet never count as zero.

A written question gets the points of a mark on this submission. Without such a mark, it gets the points of the mark on
the answer's text. Without either, it gets automatic points, if the assignment's policy allows them. A mark on a check
replaces the check's own points.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from grader.assignments.catalogue import Assignment
from grader.course.late import Lateness, after_penalty
from grader.marking.status import marking_status
from grader.model import ZERO, Points, show_points
from grader.model.answers import Decision, WrittenAnswer
from grader.store.answer_marks import AnswerMark, Key
from grader.store.records import CheckRecord, Grading, Mark
from grader.store.rubrics import RubricItem


class SubmissionState(StrEnum):
    """The state of a submission, taken from the grading that gives the points. One state is added: a graded submission
    is PARTLY_GRADED while some of its points are undecided."""

    QUEUED = "queued"
    RUNNING = "running"
    PARTLY_GRADED = "partly_graded"
    """Graded, but some points are undecided, for example because answers await marking."""
    GRADED = "graded"
    BROKEN = "broken"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


@dataclass(frozen=True)
class AnsweredQuestions:
    """The written answers of a submission, with the marks on these answers."""

    answers: Mapping[str, WrittenAnswer] = field(default_factory=dict)
    """Question id → answer; empty before grading."""
    answer_marks: Mapping[Key, Sequence[AnswerMark]] = field(default_factory=dict)
    markers: Mapping[str, int] = field(default_factory=dict)
    """Question id → number of markers who must mark an answer. Questions without an entry need one marker."""


NOTHING_ANSWERED = AnsweredQuestions()


@dataclass(frozen=True)
class QuestionScore:
    """The score of one written question."""

    question: str
    title: str
    possible: Points
    state: Decision
    points: Points | None = None
    """The points; None while they are undecided."""
    by_machine: bool = False
    answer_mark: AnswerMark | None = None
    """The mark on the answer's text, if the points come from such a mark; otherwise None."""
    mark: Mark | None = None
    """The mark on this submission, which overrides `answer_mark`; None if there is none."""
    answer: WrittenAnswer | None = None

    @property
    def items(self) -> tuple[RubricItem, ...]:
        """The rubric items of `answer_mark`."""
        return self.answer_mark.items if self.answer_mark else ()

    @property
    def comment(self) -> str:
        if self.mark:
            return self.mark.comment
        return self.answer_mark.comment if self.answer_mark else ""


@dataclass(frozen=True)
class Score:
    """The score of a submission."""

    machine: Points | None
    """Points of the code; None until the code is graded and the course has released the points."""
    written: Points | None
    """Points of the written answers; None if the points of all answers are undecided."""
    earned: Points | None
    """Points before the late penalty; None if all points are undecided."""
    final: Points | None
    """Points after the late penalty; None if all points are undecided."""
    decided: Points
    """Possible points of all decided checks and answers: the 40 of "36 of 40 points" in `sentence`."""
    waiting: Points
    """Possible points of all checks and answers whose points are undecided."""
    possible: Points
    sentence: str
    """A sentence such as "36 of 40 points." that shows the score."""
    absent: Points = ZERO
    """Possible points of questions without an answer, and of code that was not submitted."""
    questions: tuple[QuestionScore, ...] = ()


def score(
    assignment: Assignment,
    grading: Grading | None,
    marks: Sequence[Mark],
    late: Lateness,
    answered: AnsweredQuestions = NOTHING_ANSWERED,
    *,
    checks: Sequence[CheckRecord] = (),
    code_submitted: bool = True,
) -> Score:
    """Return the score of a submission.

    Args:
        assignment: The assignment.
        grading: The grading that gives the points, without what is hidden from the reader; None before grading.
        marks: The submission's marks that the reader may see.
        late: How late the submission is.
        answered: The written answers that the reader may see.
        checks: The results of the checks, as far as the reader may see them. Required if `marks` has marks on checks.
        code_submitted: False if the code was not submitted. Its points then count as `absent`, not as zero.
    """
    questions = _questions(assignment, marks, answered)
    given = [q for q in questions if q.points is not None]
    grading = _with_marked_checks(grading, marks, checks) if grading else None
    machine = grading.points if grading and code_submitted else None
    written = _sum(q.points for q in given) if given else None
    decided = _sum(q.possible for q in given)
    unanswered = _sum(q.possible for q in questions if q.state is Decision.NOT_SUBMITTED)
    possible = assignment.points
    missing = "" if code_submitted else assignment.not_submitted
    absent = unanswered + (possible - _sum(q.possible for q in questions) if missing else ZERO)
    if grading and grading.points is not None and grading.decided is not None:
        decided += grading.decided
        possible = grading.possible if grading.possible is not None else possible
    earned = _sum((machine, written)) if machine is not None or written is not None else None
    final = after_penalty(earned, late) if earned is not None else None
    waiting = possible - decided - absent
    return Score(
        machine=machine,
        written=written,
        earned=earned,
        final=final,
        decided=decided,
        waiting=waiting,
        possible=possible,
        sentence=_score_sentence(final, decided, waiting, unanswered, late, missing),
        absent=absent,
        questions=questions,
    )


def _with_marked_checks(grading: Grading, marks: Sequence[Mark], checks: Sequence[CheckRecord]) -> Grading:
    """Return a copy of the grading in which marks of people replace the points of checks."""
    if grading.points is None or grading.decided is None:
        return grading
    by_hand = {mark.question: mark.points for mark in marks}
    marked = [check for check in checks if check.check in by_hand]
    decided = [check for check in marked if check.status.is_decided]
    points = _sum(by_hand[check.check] for check in marked) - _sum(check.points for check in decided)
    possible = _sum(check.possible for check in marked) - _sum(check.possible for check in decided)
    return replace(grading, points=grading.points + points, decided=grading.decided + possible)


def _sum(points: Iterable[Points | None]) -> Points:
    return sum((p for p in points if p is not None), ZERO)


def _questions(assignment: Assignment, marks: Sequence[Mark], answered: AnsweredQuestions) -> tuple[QuestionScore, ...]:
    by_hand = {mark.question: mark for mark in marks}
    return tuple(
        _question_score(QuestionScore(id, question.title, question.points, Decision.WAITING), by_hand.get(id), answered)
        for id, question in assignment.questions.items()
    )


def _question_score(asked: QuestionScore, mark: Mark | None, answered: AnsweredQuestions) -> QuestionScore:
    answer = answered.answers.get(asked.question)
    asked = replace(asked, answer=answer)
    if mark:
        return replace(asked, state=Decision.DECIDED, points=mark.points, mark=mark)
    if answer is None:
        return asked
    answer_mark = _deciding(asked, answer, answered) if answer.is_there else None
    if answer_mark:
        return replace(
            asked, state=Decision.DECIDED, points=answer_mark.points(asked.possible), answer_mark=answer_mark
        )
    by_machine = answer.state is Decision.DECIDED
    return replace(asked, state=answer.state, points=answer.decided if by_machine else None, by_machine=by_machine)


def _deciding(asked: QuestionScore, answer: WrittenAnswer, answered: AnsweredQuestions) -> AnswerMark | None:
    given = answered.answer_marks.get((asked.question, answer.digest), ())
    return marking_status(given, answered.markers.get(asked.question, 1), asked.possible).decides


def _score_sentence(
    final: Points | None, decided: Points, waiting: Points, absent: Points, late: Lateness, missing: str
) -> str:
    unanswered = f" No answer was found to questions worth {show_points(absent)} points." if absent else ""
    unanswered += f" {missing}" if missing else ""
    if final is None:
        return f"Nothing is decided yet; {show_points(waiting)} points are waiting.{unanswered}"
    words = f"{show_points(final)} of {show_points(decided)} points."
    if waiting:
        words += f" {show_points(waiting)} more are waiting and not included."
    words += unanswered
    return f"{words} {late.sentence}" if late.remains != 1 else words
