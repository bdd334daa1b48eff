"""What a submission is worth: machine and marks, less lateness; what waits is no zero."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from fractions import Fraction

import pytest

from grader.api.scores import counting_submission
from grader.api.views import SubmissionView
from grader.assignments.catalogue import Assignment
from grader.course.late import Lateness
from grader.course.scores import AnsweredQuestions, CodePoints, Score, score
from grader.model import Comparison, Judgement, Opinion, Points, Status
from grader.model.answers import Decision, WrittenAnswer
from grader.store.answer_marks import AnswerMark
from grader.store.records import (
    CheckRecord,
    Counts,
    GradingPoints,
    Kind,
    Mark,
    Offering,
    Person,
    State,
    SubmissionRecord,
    new_id,
)
from grader.store.rubrics import RubricItem

WHEN = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
ANN = Person(new_id(), "ann", "Ann")
IN_TIME = Lateness(Fraction(1), "Submitted by the due date.")
LATE = Lateness(Fraction(9, 10), "Late by 1 hour.", True)
MARK = Mark("s", "q1.1.written", Points(1), "", ANN, WHEN)
CODE = CodePoints(Points(3), Points(4), Points(11, 2))
NO_CODE = CodePoints(Points(0), Points(0), Points(11, 2))
GRADED = GradingPoints(new_id(), State.GRADED, Points(3), Points(4), Points(11, 2))


def test_before_grading_everything_waits_and_nothing_is_zero(toy: Assignment) -> None:
    found = score(toy, None, [], IN_TIME)
    assert (found.machine, found.final, found.decided, found.waiting) == (None, None, 0, Points(11, 2))
    assert found.sentence == "Nothing is decided yet; 5.5 points are waiting."


def test_what_a_person_decides_waits_and_is_said(toy: Assignment) -> None:
    found = score(toy, CODE, [], IN_TIME)
    assert (found.final, found.decided, found.waiting) == (3, 4, Points(3, 2))
    assert found.sentence == "3 of 5.5 points. 1.5 more are waiting and not included."


def test_lateness_takes_from_both(toy: Assignment) -> None:
    found = score(toy, CODE, [MARK], LATE)
    assert (found.earned, found.final) == (4, Points(36, 10))
    assert found.sentence == "3.6 of 5.5 points. Late by 1 hour."


def test_code_that_was_not_submitted_has_no_score_and_is_said(toy: Assignment) -> None:
    found = score(toy, NO_CODE, [], IN_TIME, code_submitted=False)
    assert (found.machine, found.final, found.absent, found.waiting) == (None, None, 4, Points(3, 2))
    assert found.sentence.endswith(
        "sums.py was not submitted, and no notebook defines a class Sums: submit the file with your code too."
    )
    marked = score(toy, NO_CODE, [MARK], IN_TIME, code_submitted=False)
    assert (marked.final, marked.decided, marked.waiting) == (1, Points(3, 2), 0)


def test_a_mark_for_a_question_that_is_asked_no_more_is_left_out(toy: Assignment) -> None:
    assert score(toy, CODE, [replace(MARK, question="q9")], IN_TIME).written is None


# ── written answers ──────────────────────────────────────────────────────────────────────────────────

QUESTION = "q1.1.written"
PROVEN = Opinion((Judgement("g", Comparison.EQUAL, Points(3, 2), Points(3, 2), "equal"),))
UNREAD = Opinion((Judgement("g", Comparison.UNREAD, None, Points(3, 2), "?"),))
ANSWER = WrittenAnswer(QUESTION, "d", "because")


def answer_mark(points: str) -> AnswerMark:
    return AnswerMark(
        QUESTION, "d", ANN, (RubricItem("i", QUESTION, "Half", Points(points)),), Points(0), "why?", False, WHEN
    )


def answered(answer: WrittenAnswer, *answer_marks: AnswerMark) -> AnsweredQuestions:
    return AnsweredQuestions({QUESTION: answer}, {(QUESTION, answer.digest): answer_marks})


@pytest.mark.parametrize(
    ("answer", "answer_marks", "marks", "state", "points"),
    [
        (ANSWER, [], [], Decision.WAITING, None),
        (replace(ANSWER, suggestion=PROVEN), [], [], Decision.SUGGESTED, None),
        (replace(ANSWER, suggestion=UNREAD), [], [], Decision.WAITING, None),
        (replace(ANSWER, suggestion=PROVEN), [answer_mark("0.5")], [], Decision.DECIDED, Points("0.5")),
        (replace(ANSWER, digest="", text=""), [], [], Decision.NOT_SUBMITTED, None),
        (replace(ANSWER, digest="", text=""), [], [MARK], Decision.DECIDED, 1),
        (replace(ANSWER, decided=Points("1.5")), [], [], Decision.DECIDED, Points("1.5")),
        (replace(ANSWER, decided=Points("1.5")), [answer_mark("0.5")], [], Decision.DECIDED, Points("0.5")),
        (replace(ANSWER, decided=Points("1.5")), [answer_mark("0.5")], [MARK], Decision.DECIDED, 1),
    ],
)
def test_a_written_question_has_its_points_once(
    toy: Assignment,
    answer: WrittenAnswer,
    answer_marks: list[AnswerMark],
    marks: list[Mark],
    state: Decision,
    points: Points | None,
) -> None:
    found = score(toy, CODE, marks, IN_TIME, answered(answer, *answer_marks))
    assert (found.questions[0].state, found.questions[0].points, found.written) == (state, points, points)
    assert found.final == 3 + (points or 0)
    assert found.decided + found.waiting + found.absent == found.possible


def test_no_answer_is_said_and_waits_for_nobody(toy: Assignment) -> None:
    found = score(toy, CODE, [], IN_TIME, answered(replace(ANSWER, digest="", text="")))
    assert (found.waiting, found.absent) == (0, Points("1.5"))
    assert found.sentence == "3 of 5.5 points. No answer was found to questions worth 1.5 points."


def test_what_was_not_submitted_is_zero_once_the_last_moment_has_passed(toy: Assignment) -> None:
    no_answer = answered(replace(ANSWER, digest="", text=""))
    found = score(toy, CODE, [], IN_TIME, no_answer, is_over=True)
    assert (found.final, found.decided, found.waiting, found.absent) == (3, found.possible, 0, 0)
    assert found.decided_questions[QUESTION].points == 0
    assert found.sentence.endswith("What was not submitted counts as 0 points.")
    no_code = score(toy, NO_CODE, [MARK], IN_TIME, code_submitted=False, is_over=True)
    assert (no_code.machine, no_code.final, no_code.decided) == (0, 1, no_code.possible)


def test_a_person_may_give_points_for_code_that_was_not_submitted(toy: Assignment) -> None:
    mark = replace(MARK, question="q1.1.total", points=Points(2))
    record = CheckRecord("q1.1.total", Points(0), Points(3), Status.NOT_SUBMITTED, "", "")
    found = score(toy, NO_CODE, [mark], IN_TIME, checks=[record], code_submitted=False)
    assert (found.machine, found.final, found.decided, found.absent) == (2, 2, 3, 1)
    over = score(toy, NO_CODE, [mark], IN_TIME, checks=[record], code_submitted=False, is_over=True)
    assert (over.final, over.decided) == (2, 4)


def test_what_waits_for_a_person_is_no_zero_even_after_the_last_moment(toy: Assignment) -> None:
    found = score(toy, CODE, [], IN_TIME, answered(ANSWER), is_over=True)
    assert (found.final, found.waiting) == (3, Points("1.5"))


def test_a_decided_question_says_what_the_points_are_for(toy: Assignment) -> None:
    (question,) = score(toy, CODE, [], IN_TIME, answered(ANSWER, answer_mark("0.5"))).questions
    assert question.answer_mark is not None
    assert (question.comment, [item.text for item in question.answer_mark.items]) == ("why?", ["Half"])


# ── which one counts ─────────────────────────────────────────────────────────────────────────────────


def scored(points: int | None, state: State = State.GRADED) -> SubmissionView:
    submission = SubmissionRecord(new_id(), "ml", "toy", Kind.SUBMISSION, "api", "", WHEN, True, 0, (ANN,), GRADED)
    final = Points(points) if points is not None else None
    worth = Score(final, None, final, final, Points(4), Points(0), Points(4), "")
    return SubmissionView(submission, Offering("ml", "toy"), replace(GRADED, state=state), (), IN_TIME, worth)


def counted(attempts: list[SubmissionView], counts: Counts) -> SubmissionView | None:
    return counting_submission(attempts, Offering("ml", "toy", counts=counts))


def test_the_latest_counts_even_while_it_waits() -> None:
    attempts = [scored(4), scored(None, State.QUEUED)]
    assert counted(attempts, Counts.LATEST) == attempts[1]


def test_the_best_counts_and_of_equals_the_newest() -> None:
    attempts = [scored(4), scored(3), scored(4), scored(None, State.QUEUED)]
    assert counted(attempts, Counts.BEST) == attempts[2]


def test_what_was_taken_back_never_counts() -> None:
    attempts = [scored(1), scored(None, State.CANCELLED), scored(None, State.SUPERSEDED)]
    assert counted(attempts, Counts.LATEST) == attempts[0]


@pytest.mark.parametrize("counts", list(Counts))
def test_nothing_counts_where_nothing_is(counts: Counts) -> None:
    assert counted([], counts) is None
