"""What the readings of one answer come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from grader.model import Points
from grader.store.readings import Reading


class Stage(StrEnum):
    READ = "read"
    UNREAD = "unread"
    SECOND = "second reader"
    """One has read it, and the course wants two."""
    MODERATOR = "moderator"
    """Two have read it and do not agree."""


@dataclass(frozen=True)
class Standing:
    stage: Stage
    decides: Reading | None = None
    """The reading that counts, once one does."""


UNREAD = Standing(Stage.UNREAD)


def standing(readings: Sequence[Reading], readers: int, worth: Points) -> Standing:
    """`readings`: the oldest first. A moderator's decides; else the newest where one reader is enough; else readers
    must agree about the points."""
    moderated = [reading for reading in readings if reading.moderates]
    if moderated:
        return Standing(Stage.READ, moderated[-1])
    if not readings:
        return UNREAD
    if readers == 1:
        return Standing(Stage.READ, readings[-1])
    if len(readings) == 1:
        return Standing(Stage.SECOND)
    agree = len({reading.points(worth) for reading in readings}) == 1
    return Standing(Stage.READ, readings[0]) if agree else Standing(Stage.MODERATOR)
