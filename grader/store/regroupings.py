"""Changes that markers make to the groups of a question's answers. All its markers see the same groups."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from grader.store.database import Tx
from grader.store.rubrics import OfferedQuestion, is_of, place
from grader.store.tables import regroupings


def of_question(tx: Tx, question: OfferedQuestion) -> dict[str, str]:
    """Return a question's regroupings: group, or single answer, → group that it belongs to now."""
    rows = tx.execute(select(regroupings.c.key, regroupings.c.into).where(is_of(regroupings, question)))
    return {row.key: row.into for row in rows}


def put(tx: Tx, question: OfferedQuestion, key: str, into: str | None) -> None:
    """Set the group that a group, or a single answer, belongs to; None restores its own."""
    tx.execute(delete(regroupings).where(is_of(regroupings, question), regroupings.c.key == key))
    if into is not None:
        tx.execute(insert(regroupings).values(place(question) | {"key": key, "into": into}))
