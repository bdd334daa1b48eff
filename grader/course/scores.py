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
    question_marks = {mark.question: mark for mark in marks}
    questions = []
    for id, question in assignment.questions.items():
        undecided = QuestionScore(id, question.title, question.points, Decision.WAITING)
        questions.append(_question_score(undecided, question_marks.get(id), answered))
    decided_questions = [question for question in questions if question.points is not None]
    written = _sum(question.points for question in decided_questions) if decided_questions else None
    decided = _sum(question.possible for question in decided_questions)
    unanswered = _sum(question.possible for question in questions if question.state is Decision.NOT_SUBMITTED)
    possible = assignment.points
    absent = unanswered
    missing = ""
    if not code_submitted:
        missing = assignment.not_submitted
        absent += possible - _sum(question.possible for question in questions)
    grading = _with_marked_checks(grading, marks, checks) if grading else None
    machine = grading.points if grading and code_submitted else None
    if grading and grading.points is not None and grading.decided is not None:
        decided += grading.decided
        possible = grading.possible if grading.possible is not None else possible
    earned = final = None
    if machine is not None or written is not None:
        earned = _sum((machine, written))
        final = after_penalty(earned, late)
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
        questions=tuple(questions),
    )


def _with_marked_checks(grading: Grading, marks: Sequence[Mark], checks: Sequence[CheckRecord]) -> Grading:
    """Return a copy of the grading in which marks of people replace the points of checks."""
    if grading.points is None or grading.decided is None:
        return grading
    points_of_marks = {mark.question: mark.points for mark in marks}
    points, decided = grading.points, grading.decided
    for check in checks:
        if check.check not in points_of_marks:
            continue
        points += points_of_marks[check.check]
        decided += check.possible
        if check.status.is_decided:
            points -= check.points
            decided -= check.possible
    return replace(grading, points=points, decided=decided)


def _sum(points: Iterable[Points | None]) -> Points:
    """Return the sum of the points that are not None."""
    return sum(filter(None, points), ZERO)


def _question_score(undecided: QuestionScore, mark: Mark | None, answered: AnsweredQuestions) -> QuestionScore:
    """Return the score of a question: the points of the mark on this submission, else of the mark on the answer's text,
    else automatic points. Return the question without points if there are none of these yet."""
    question, possible = undecided.question, undecided.possible
    answer = answered.answers.get(question)
    score = replace(undecided, answer=answer)
    if mark:
        return replace(score, state=Decision.DECIDED, points=mark.points, mark=mark)
    if answer is None:
        return score
    if answer.is_there:
        answer_marks = answered.answer_marks.get((question, answer.digest), ())
        answer_mark = marking_status(answer_marks, answered.markers.get(question, 1), possible).decides
        if answer_mark:
            points = answer_mark.points(possible)
            return replace(score, state=Decision.DECIDED, points=points, answer_mark=answer_mark)
    if answer.state is not Decision.DECIDED:
        return replace(score, state=answer.state)
    return replace(score, state=Decision.DECIDED, points=answer.decided, by_machine=True)


def _score_sentence(
    final: Points | None, decided: Points, waiting: Points, absent: Points, late: Lateness, missing: str
) -> str:
    """Return the sentences that show a score to the student. `missing` is a sentence about code that was not submitted,
    or ""."""
    remarks = []
    if absent:
        remarks.append(f"No answer was found to questions worth {show_points(absent)} points.")
    if missing:
        remarks.append(missing)
    if final is None:
        return " ".join((f"Nothing is decided yet; {show_points(waiting)} points are waiting.", *remarks))
    sentences = [f"{show_points(final)} of {show_points(decided)} points."]
    if waiting:
        sentences.append(f"{show_points(waiting)} more are waiting and not included.")
    sentences += remarks
    if late.remains != 1:
        sentences.append(late.sentence)
    return " ".join(sentences)
