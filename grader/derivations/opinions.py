"""Opinions on the written answers of a submission, in the order of the questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from grader.derivations.compare import digest
from grader.derivations.judge import Context, Judged, judge
from grader.derivations.question import Question
from grader.model import Comparison, Judgement, Opinion

Seen = dict[tuple[str, ...], Judged]
"""What was read, by all answers up to it, for submissions that begin with the same answers."""


def opinions(questions: Sequence[Question], answers: Mapping[str, str], seen: Seen | None = None) -> dict[str, Opinion]:
    """Return an opinion on each answer.

    Args:
        questions: In their order: later answers may use names that earlier ones define.
        answers: Question → the answer as written.
        seen: Filled with what is read, and used where it was read before.
    """
    context = Context()
    contexts: dict[str, Context] = {}
    found: dict[str, Judged] = {}
    seen = {} if seen is None else seen
    read: tuple[str, ...] = ()
    answered = [question for question in questions if question.id in answers]
    for question in answered:
        contexts[question.id] = context
        read = (*read, question.id, answers[question.id])
        if read not in seen:
            seen[read] = _judged(question, answers[question.id], context)
        found[question.id] = seen[read]
        context = seen[read].context
    return {
        question.id: _in_one_layout(question, answers[question.id], contexts[question.id], found)
        for question in answered
    }


def _in_one_layout(question: Question, answer: str, context: Context, found: Mapping[str, Judged]) -> Opinion:
    """Return the opinion on an answer that is right in another layout than the handout's, held against the student's
    other answers: where most of them have the handout's, it is judged in that."""
    judged = found[question.id]
    if judged.layouts is None or "" in judged.layouts:
        return judged.opinion
    others = {id: other.layouts for id, other in found.items() if id != question.id and other.layouts is not None}
    refuted, remarks = set[str](), list[str]()
    for layout in filter(judged.layouts.__contains__, question.quantities.layouts):
        against = [id for id, layouts in others.items() if "" in layouts and layout not in layouts]
        in_favour = [id for id, layouts in others.items() if layout in layouts and "" not in layouts]
        if against and len(against) >= len(in_favour):
            remarks.append(f"{layout}, unlike the answer to {against[0]}")
        if len(against) > len(in_favour):
            refuted.add(layout)
    opinion = _judged(question, answer, context, frozenset(refuted)).opinion if refuted else judged.opinion
    if not remarks:
        return opinion
    told = remarks[0]  # the other layouts say the same of another array
    return replace(
        opinion,
        judgements=tuple(
            replace(one, remarks=(*(r for r in one.remarks if not told.startswith(r)), told))
            for one in opinion.judgements
        ),
    )


def _judged(question: Question, answer: str, context: Context, refuted: frozenset[str] = frozenset()) -> Judged:
    """Judge an answer. A defect of the reader must not fail the grading: the answer is then unread, and says so."""
    try:
        return judge(question, answer, context, refuted)
    except Exception as bug:  # noqa: BLE001  the answer is left unread, and says so
        words = f"Internal error while it was read ({type(bug).__name__})."
        group = digest(answer)
        lost = (Judgement(a.latex, Comparison.UNREAD, None, a.points, words, group=group) for a in question.asked)
        return Judged(Opinion(tuple(lost)), context)
