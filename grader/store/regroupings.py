"""Markers' changes to the groups of equal answers to a question. All markers share these changes."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from grader.store.database import Tx
from grader.store.rubrics import OfferedQuestion, is_of, place
from grader.store.tables import regroupings


def of_question(tx: Tx, question: OfferedQuestion) -> dict[str, str]:
    """Return a question's regroupings: id of a moved group or single answer → id of its new group."""
    rows = tx.execute(select(regroupings.c.key, regroupings.c.into).where(is_of(regroupings, question)))
    return {row.key: row.into for row in rows}


def put(tx: Tx, question: OfferedQuestion, key: str, into: str | None) -> None:
    """Move the group or single answer `key` into the group `into`; None moves it back to its original group."""
    tx.execute(delete(regroupings).where(is_of(regroupings, question), regroupings.c.key == key))
    if into is not None:
        tx.execute(insert(regroupings).values(place(question) | {"key": key, "into": into}))
