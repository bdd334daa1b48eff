"""A hand-in's answers → what the machine makes of each, in the order of the questions: earlier answers give names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grader.model import Comparison, Judgement, Opinion
from grader.written.judge import Context, judge
from grader.written.question import Question


def opinions(questions: Sequence[Question], answers: Mapping[str, str]) -> dict[str, Opinion]:
    """`answers`: question → the answer as written. There is no opinion where there is no answer."""
    context = Context()
    found: dict[str, Opinion] = {}
    for question in questions:
        if question.id in answers:
            found[question.id], context = _judged(question, answers[question.id], context)
    return found


def _judged(question: Question, answer: str, context: Context) -> tuple[Opinion, Context]:
    """A bug of ours in a reader of strange texts must not cost a grading: it is only a suggestion, and says so."""
    try:
        return judge(question, answer, context)
    except Exception as bug:  # noqa: BLE001
        words = f"Our own failure while it was read ({type(bug).__name__}); a person has to."
        lost = (Judgement(a.shown, Comparison.UNREAD, None, a.points, words) for a in question.asked)
        return Opinion(tuple(lost)), context
