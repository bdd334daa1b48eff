"""The marking status of a written answer: its stage, and the mark that gives the points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from grader.model import Points
from grader.store.answer_marks import AnswerMark


class Stage(StrEnum):
    """How far the marking of an answer is."""

    MARKED = "marked"
    UNMARKED = "unmarked"
    SECOND = "second marker"
    """The answer has one mark, and the course requires two."""
    MODERATOR = "moderator"
    """The answer has two marks with different points, and no moderator has decided."""


@dataclass(frozen=True)
class MarkingStatus:
    """The stage of an answer's marking, and its result."""

    stage: Stage
    decides: AnswerMark | None = None
    """The mark that gives the points; None before the marking is complete."""


def marking_status(answer_marks: Sequence[AnswerMark], markers: int, worth: Points) -> MarkingStatus:
    """Return how far the marking of an answer is, and the mark that gives the points.

    A moderator's mark counts before all others. If one marker is required, the newest mark counts. If two are required,
    their marks count if the points are equal.

    Args:
        answer_marks: All marks of the answer, the oldest first.
        markers: Number of markers that the course requires, 1 or 2.
        worth: Possible points of the question.
    """
    moderated = [mark for mark in answer_marks if mark.moderates]
    if moderated:
        return MarkingStatus(Stage.MARKED, moderated[-1])
    if not answer_marks:
        return MarkingStatus(Stage.UNMARKED)
    if markers == 1:
        return MarkingStatus(Stage.MARKED, answer_marks[-1])
    if len(answer_marks) == 1:
        return MarkingStatus(Stage.SECOND)
    agree = len({mark.points(worth) for mark in answer_marks}) == 1
    return MarkingStatus(Stage.MARKED, answer_marks[0]) if agree else MarkingStatus(Stage.MODERATOR)
