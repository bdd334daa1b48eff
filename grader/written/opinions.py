"""A hand-in's answers → what the machine makes of each, in the order of the questions: earlier answers give names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from grader.model import Comparison, Judgement, Opinion
from grader.written.bounds import MAX_CHARACTERS
from grader.written.judge import Context, judge
from grader.written.question import InWords, Question


def opinions(questions: Sequence[Question | InWords], answers: Mapping[str, str]) -> dict[str, Opinion]:
    """`answers`: question → the answer as written. There is no opinion where there is no answer, nor on one in words
    in which there is nothing to notice."""
    context = Context()
    found: dict[str, Opinion] = {}
    for question in questions:
        answer = answers.get(question.id)
        if answer is None:
            continue
        if isinstance(question, Question):
            found[question.id], context = _judged(question, answer, context)
        elif notes := _noticed(question, answer):
            found[question.id] = Opinion((_for_a_person(question, notes),))
    return found


def _noticed(question: InWords, answer: str) -> tuple[str, ...]:
    seen = answer[:MAX_CHARACTERS]
    return tuple(note for pattern, note in question.notices if re.search(pattern, seen, re.IGNORECASE))


def _for_a_person(question: InWords, notes: tuple[str, ...]) -> Judgement:
    return Judgement("", Comparison.UNREAD, None, question.worth, "An answer in words.", remarks=notes)


def _judged(question: Question, answer: str, context: Context) -> tuple[Opinion, Context]:
    """A bug of ours in a reader of strange texts must not cost a grading: it is only a suggestion, and says so."""
    try:
        return judge(question, answer, context)
    except Exception as bug:  # noqa: BLE001
        words = f"Our own failure while it was read ({type(bug).__name__}); a person has to."
        lost = (Judgement(a.shown, Comparison.UNREAD, None, a.points, words) for a in question.asked)
        return Opinion(tuple(lost)), context
