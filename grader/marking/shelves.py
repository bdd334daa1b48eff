"""The shelf and the group of an answer, as the comparison of its formulas determines them."""

from __future__ import annotations

import hashlib

from grader.model import Shelf
from grader.model.answers import WrittenAnswer

SHELVES = tuple(Shelf)
"""All shelves in the order in which they are shown."""
TITLES = {
    Shelf.RIGHT: "Right value, and nothing disagrees",
    Shelf.RIGHT_WITH_REMARKS: "Right value, and something to look at",
    Shelf.OTHER_VALUE: "Another value",
    Shelf.RIGHT_NOT_LAST: "The right value is there, but not last",
    Shelf.UNREAD: "Not read by the machine",
    Shelf.NO_ANSWER: "No formula found",
}


def place_of(answer: WrittenAnswer) -> tuple[Shelf, str]:
    """Return the shelf of an answer and the id of its group.

    Answers whose formulas were not compared form a group with equal texts. Either the question asks for prose, or an
    earlier version wrote the report.
    """
    grounds = answer.suggestion.grounds if answer.suggestion else ()
    if not grounds or not all(ground.group for ground in grounds):
        return Shelf.UNREAD, short_hash("text", answer.digest)
    shelf = max((ground.shelf for ground in grounds), key=SHELVES.index)
    return shelf, short_hash("group", shelf, *(ground.group for ground in grounds))


def short_hash(*parts: str) -> str:
    """Return a hash of the parts, of 32 hexadecimal digits."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
