"""Where the machine's reading puts an answer: on a shelf, and there into a group of answers that mean the same."""

from __future__ import annotations

import hashlib

from grader.model import Shelf
from grader.model.answers import Answer

SHELVES = tuple(Shelf)
"""In the order in which they are shown."""
TITLES = {
    Shelf.RIGHT: "Right value, and nothing disagrees",
    Shelf.RIGHT_WITH_REMARKS: "Right value, and something to look at",
    Shelf.OTHER_VALUE: "Another value",
    Shelf.RIGHT_NOT_LAST: "The right value is there, but not last",
    Shelf.UNREAD: "Not read by the machine",
    Shelf.NO_ANSWER: "No formula found",
}


def place_of(answer: Answer) -> tuple[Shelf, str]:
    """Return an answer's shelf and the id of its group.

    Equal texts are the group of an answer whose report has none: the question is in words, or an earlier version of the
    grader graded it.
    """
    grounds = answer.suggestion.grounds if answer.suggestion else ()
    if not grounds or not all(ground.group for ground in grounds):
        return Shelf.UNREAD, short_hash("text", answer.digest)
    shelf = max((ground.shelf for ground in grounds), key=SHELVES.index)
    return shelf, short_hash("group", shelf, *(ground.group for ground in grounds))


def short_hash(*parts: str) -> str:
    """Return 32 hexadecimal digits."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
