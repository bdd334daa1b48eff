"""Compute scores of submissions: points of the code and of written answers, after the late penalty.

All pages, exports and API responses use these scores. Points that are not decided yet never count as zero. What was not
submitted counts as zero once the student's last moment to submit has passed.

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
from grader.model import ZERO, Points, show_points, show_signed
from grader.model.answers import Decision, WrittenAnswer
from grader.store.answer_marks import AnswerMark, Key
from grader.store.records import Adjustment, CheckRecord, GradingPoints, Mark
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
class CodePoints:
    """The points of a submission's code, without marks."""

    points: Points
    decided: Points
    """Possible points of all decided checks."""
    possible: Points
    """Possible points of the whole assignment when the code was graded."""


def code_points(grading: GradingPoints) -> CodePoints | None:
    """Return the points of the code in a grading; None until it is graded, and while its points are hidden."""
    if grading.points is None or grading.decided is None or grading.possible is None:
        return None
    return CodePoints(grading.points, grading.decided, grading.possible)


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
    """Possible points of all decided checks and answers."""
    waiting: Points
    """Possible points of all checks and answers that were submitted and are undecided."""
    possible: Points
    """Possible points of the whole assignment: the 80 of "36 of 80 points" in `sentence`."""
    adjustment: Points = ZERO
    """Points that staff added to `final`, or subtracted."""
    remarks: tuple[str, ...] = ()
    """Sentences about what was not submitted, the late penalty, and adjustments."""
    absent: Points = ZERO
    """Possible points of questions without an answer and of code that was not submitted, while they can still be
    submitted. After the student's last moment they are part of `decided`, and this is zero."""
    questions: tuple[QuestionScore, ...] = ()

    @property
    def penalty(self) -> Points:
        """The late penalty; 0 if all points are undecided."""
        return (self.earned or ZERO) + self.adjustment - (self.final or ZERO)

    @property
    def sentence(self) -> str:
        """Sentences such as "36 of 80 points." that show the score to the student."""
        if self.final is None:
            return " ".join((f"Nothing is decided yet; {show_points(self.waiting)} points are waiting.", *self.remarks))
        sentences = [f"{show_points(self.final)} of {show_points(self.possible)} points."]
        if self.waiting:
            sentences.append(f"{show_points(self.waiting)} more are waiting and not included.")
        return " ".join((*sentences, *self.remarks))

    @property
    def decided_questions(self) -> dict[str, QuestionScore]:
        """The written questions that are decided, by id."""
        return {question.question: question for question in self.questions if question.points is not None}


def score(
    assignment: Assignment,
    code: CodePoints | None,
    marks: Sequence[Mark],
    late: Lateness,
    answered: AnsweredQuestions = NOTHING_ANSWERED,
    *,
    checks: Sequence[CheckRecord] = (),
    code_submitted: bool = True,
    is_over: bool = False,
) -> Score:
    """Return the score of a submission.

    Args:
        assignment: The assignment.
        code: The points of the code that the reader may see; None before grading.
        marks: The submission's marks that the reader may see.
        late: How late the submission is.
        answered: The written answers that the reader may see.
        checks: The results of the checks, as far as the reader may see them. Required if `marks` has marks on checks.
        code_submitted: False if the code was not submitted.
        is_over: True if the student's last moment to submit has passed. What was not submitted is then worth zero.
    """
    questions = _question_scores(assignment, marks, answered)
    unanswered = _sum(question.possible for question in questions if question.state is Decision.NOT_SUBMITTED)
    possible = code.possible if code else assignment.points
    machine, decided = None, ZERO
    if code:
        code = _with_marked_checks(code, marks, checks) if marks else code
        if code_submitted or code.decided:  # a person may give points for code that came in another way
            machine, decided = code.points, code.decided
    absent_code = ZERO
    if not code_submitted:
        absent_code = assignment.points - _sum(question.possible for question in questions) - decided
    if is_over:
        questions = [_zero_if_absent(question) for question in questions]
        if absent_code:
            decided += absent_code
            machine = machine or ZERO
    decided_questions = [question for question in questions if question.points is not None]
    written = _sum(question.points for question in decided_questions) if decided_questions else None
    decided = _sum((decided, *[question.possible for question in decided_questions]))
    earned = final = None
    if machine is not None or written is not None:
        earned = _sum((machine, written))
        final = after_penalty(earned, late)
    open_points = ZERO if is_over else _sum((unanswered, absent_code))
    waiting = possible - _sum((decided, open_points))
    missing = "" if code_submitted else assignment.not_submitted
    remarks = _absences(unanswered, missing, is_over)
    if final is not None and late.remains != 1:
        remarks.append(late.sentence)
    return Score(
        machine=machine,
        written=written,
        earned=earned,
        final=final,
        decided=decided,
        waiting=waiting,
        possible=possible,
        remarks=tuple(remarks),
        absent=open_points,
        questions=tuple(questions),
    )


def adjusted(score: Score, adjustments: Sequence[Adjustment]) -> Score:
    """Return the score with the points that staff added or subtracted, at least 0. A score without decided points is
    returned unchanged."""
    if score.final is None or not adjustments:
        return score
    final = max(ZERO, score.final + _sum(adjustment.points for adjustment in adjustments))
    remarks = [f"Adjusted by {show_signed(adjustment.points)}: {adjustment.reason}" for adjustment in adjustments]
    adjustment = score.adjustment + final - score.final
    return replace(score, final=final, adjustment=adjustment, remarks=(*score.remarks, *remarks))


def _question_scores(assignment: Assignment, marks: Sequence[Mark], answered: AnsweredQuestions) -> list[QuestionScore]:
    """Return the scores of the assignment's written questions."""
    question_marks = {mark.question: mark for mark in marks}
    questions = []
    for id, question in assignment.questions.items():
        undecided = QuestionScore(id, question.title, question.points, Decision.WAITING)
        questions.append(_question_score(undecided, question_marks.get(id), answered))
    return questions


def _zero_if_absent(question: QuestionScore) -> QuestionScore:
    """Return the score of a question that can no longer be answered."""
    if question.state is Decision.NOT_SUBMITTED:
        return replace(question, points=ZERO)
    return question


def _with_marked_checks(code: CodePoints, marks: Sequence[Mark], checks: Sequence[CheckRecord]) -> CodePoints:
    """Return the points of the code in which marks of people replace the points of checks."""
    points_of_marks = {mark.question: mark.points for mark in marks}
    points, decided = code.points, code.decided
    for check in checks:
        if check.check not in points_of_marks:
            continue
        points += points_of_marks[check.check]
        decided += check.possible
        if check.status.is_decided:
            points -= check.points
            decided -= check.possible
    return replace(code, points=points, decided=decided)


def _sum(points: Iterable[Points | None]) -> Points:
    """Return the sum of the points that are not None."""
    total = ZERO
    for summand in filter(None, points):
        total = total + summand if total else summand  # to add a fraction takes ten times as long as to test one
    return total


def _question_score(undecided: QuestionScore, mark: Mark | None, answered: AnsweredQuestions) -> QuestionScore:
    """Return the score of a question: the points of the mark on this submission, else of the mark on the answer's text,
    else automatic points. Return the question without points if there are none of these yet."""
    question, possible = undecided.question, undecided.possible
    answer = answered.answers.get(question)
    if mark:
        return replace(undecided, answer=answer, state=Decision.DECIDED, points=mark.points, mark=mark)
    if answer is None:
        return undecided
    score = replace(undecided, answer=answer)
    if answer.is_there:
        answer_marks = answered.answer_marks.get((question, answer.digest), ())
        answer_mark = marking_status(answer_marks, answered.markers.get(question, 1), possible).decides
        if answer_mark:
            points = answer_mark.points(possible)
            return replace(score, state=Decision.DECIDED, points=points, answer_mark=answer_mark)
    if answer.state is not Decision.DECIDED:
        return replace(score, state=answer.state)
    return replace(score, state=Decision.DECIDED, points=answer.decided, by_machine=True)


def _absences(unanswered: Points, missing: str, is_over: bool) -> list[str]:
    """Return sentences about what was not submitted.

    Args:
        unanswered: Possible points of questions without an answer.
        missing: A sentence about code that was not submitted, or "".
        is_over: True if what was not submitted counts as zero.
    """
    sentences = []
    if unanswered:
        sentences.append(f"No answer was found to questions worth {show_points(unanswered)} points.")
    if missing:
        sentences.append(missing)
    if sentences and is_over:
        sentences.append("What was not submitted counts as 0 points.")
    return sentences
