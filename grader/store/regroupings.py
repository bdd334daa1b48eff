"""Markers' changes to the groups of equal answers to a question. All markers share these changes."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from grader.store.database import Tx, fetch_pairs, remembered
from grader.store.rubrics import OfferedQuestion
from grader.store.tables import regroupings


@remembered
def of_question(tx: Tx, question: OfferedQuestion) -> dict[str, str]:
    """Return a question's regroupings: id of a moved group or single answer → id of its new group."""
    moves = select(regroupings.c.key, regroupings.c.into)
    return fetch_pairs(tx, moves.filter_by(**question.columns))


def put(tx: Tx, question: OfferedQuestion, key: str, into: str | None) -> None:
    """Move the group or single answer `key` into the group `into`; None moves it back to its original group."""
    tx.execute(delete(regroupings).filter_by(**question.columns, key=key))
    if into is not None:
        tx.execute(insert(regroupings).values(**question.columns, key=key, into=into))
