"""The marking status of one answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from grader.model import Points
from grader.store.answer_marks import AnswerMark


class Stage(StrEnum):
    MARKED = "marked"
    UNMARKED = "unmarked"
    SECOND = "second marker"
    """One has marked it, and the course wants two."""
    MODERATOR = "moderator"
    """Two have marked it and do not agree."""


@dataclass(frozen=True)
class MarkingStatus:
    stage: Stage
    decides: AnswerMark | None = None
    """The mark that counts, once one does."""


UNREAD = MarkingStatus(Stage.UNMARKED)


def marking_status(answer_marks: Sequence[AnswerMark], markers: int, worth: Points) -> MarkingStatus:
    """`answer_marks`: the oldest first. A moderator's decides; else the newest where one marker is enough; else markers
    must agree about the points."""
    moderated = [mark for mark in answer_marks if mark.moderates]
    if moderated:
        return MarkingStatus(Stage.MARKED, moderated[-1])
    if not answer_marks:
        return UNREAD
    if markers == 1:
        return MarkingStatus(Stage.MARKED, answer_marks[-1])
    if len(answer_marks) == 1:
        return MarkingStatus(Stage.SECOND)
    agree = len({mark.points(worth) for mark in answer_marks}) == 1
    return MarkingStatus(Stage.MARKED, answer_marks[0]) if agree else MarkingStatus(Stage.MODERATOR)
