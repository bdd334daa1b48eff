"""A hand-in's answers → what the machine makes of each, in the order of the questions: earlier answers give names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grader.model import Opinion
from grader.written.judge import Context, judge
from grader.written.question import Question


def opinions(questions: Sequence[Question], answers: Mapping[str, str]) -> dict[str, Opinion]:
    """`answers`: question → the answer as written. There is no opinion where there is no answer."""
    context = Context()
    found: dict[str, Opinion] = {}
    for question in questions:
        if question.id in answers:
            found[question.id], context = judge(question, answers[question.id], context)
    return found
