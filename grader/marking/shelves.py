"""Sort written answers into shelves and groups by their formulas. Shelves are categories such as "Right value". Groups
are answers that mean the same."""

from __future__ import annotations

import hashlib

from grader.model import Shelf
from grader.model.answers import WrittenAnswer

SHELVES = tuple(Shelf)
"""All shelves in the order in which markers see them."""
TITLES = {
    Shelf.RIGHT: "Right value, and nothing disagrees",
    Shelf.RIGHT_WITH_REMARKS: "Right value, and something to look at",
    Shelf.OTHER_VALUE: "Another value",
    Shelf.RIGHT_NOT_LAST: "The right value is there, but not last",
    Shelf.UNREAD: "Not read by the machine",
    Shelf.NO_ANSWER: "No formula found",
}


def place_of(answer: WrittenAnswer) -> tuple[Shelf, str]:
    """Return the shelf (category) of an answer and the id of its group. If no formulas were compared, only answers with
    the same text share a group."""
    grounds = answer.suggestion.judgements if answer.suggestion else ()
    if not grounds or not all(ground.group for ground in grounds):
        return Shelf.UNREAD, short_hash("text", answer.digest)
    shelf = max((ground.shelf for ground in grounds), key=SHELVES.index)
    return shelf, short_hash("group", shelf, *(ground.group for ground in grounds))


def short_hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
