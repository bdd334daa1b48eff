"""Opinions on the written answers of a submission, in the order of the questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grader.derivations.compare import digest
from grader.derivations.judge import Context, judge
from grader.derivations.question import Question
from grader.model import Comparison, Judgement, Opinion

Seen = dict[tuple[str, ...], tuple[Opinion, Context]]
"""Opinions by all answers up to theirs, for submissions that begin with the same answers."""


def opinions(questions: Sequence[Question], answers: Mapping[str, str], seen: Seen | None = None) -> dict[str, Opinion]:
    """Return an opinion on each answer.

    Args:
        questions: In their order: later answers may use names that earlier ones define.
        answers: Question → the answer as written.
        seen: Filled with what is read, and used where it was read before.
    """
    context = Context()
    found: dict[str, Opinion] = {}
    seen = {} if seen is None else seen
    read: tuple[str, ...] = ()
    for question in questions:
        answer = answers.get(question.id)
        if answer is None:
            continue
        read = (*read, question.id, answer)
        if read not in seen:
            seen[read] = _judged(question, answer, context)
        found[question.id], context = seen[read]
    return found


def _judged(question: Question, answer: str, context: Context) -> tuple[Opinion, Context]:
    """Return the opinion. A defect of the reader must not fail the grading: the answer is then unread, and says so."""
    try:
        return judge(question, answer, context)
    except Exception as bug:  # noqa: BLE001  the answer is left unread, and says so
        words = f"Internal error while it was read ({type(bug).__name__})."
        group = digest(answer)
        lost = (Judgement(a.latex, Comparison.UNREAD, None, a.points, words, group=group) for a in question.asked)
        return Opinion(tuple(lost)), context
