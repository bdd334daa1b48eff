"""A few facts about the service itself."""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, insert, select

from grader.store.tables import facts


def secret(tx: Connection) -> str:
    """What this service draws fresh problems with, made when it is first asked for. It lies in the database so that
    every machine has the same, and so that a backup can replay every verdict."""
    known = tx.execute(select(facts.c.value).where(facts.c.name == "secret").with_for_update()).scalar_one_or_none()
    if known is not None:
        return str(known)
    new = secrets.token_hex(32)
    tx.execute(insert(facts).values(name="secret", value=new))
    return new
