"""Sort written answers into shelves and groups by their formulas. Shelves are categories such as "Right value". Groups
are answers that mean the same."""

from __future__ import annotations

import hashlib

from grader.model import Shelf
from grader.model.answers import WrittenAnswer

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
    opinion = answer.suggestion
    if opinion and opinion.group and all(judgement.group for judgement in opinion.judgements):
        return opinion.shelf, short_hash("group", opinion.shelf, opinion.group)
    return Shelf.UNREAD, short_hash("text", answer.digest)


def short_hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
