"""A few facts about the service itself."""

from __future__ import annotations

import secrets

from sqlalchemy import select, text

from grader.store.database import Tx, now
from grader.store.tables import facts


def secret(tx: Tx) -> str:
    """What this service draws fresh problems with, made when it is first asked for. It lies in the database so that
    every machine has the same, and so that a backup can replay every verdict."""
    new = {"name": "secret", "value": secrets.token_hex(32)}
    tx.execute(text("INSERT INTO facts (name, value) VALUES (:name, :value) ON CONFLICT DO NOTHING"), new)
    return str(tx.execute(select(facts.c.value).where(facts.c.name == "secret")).scalar_one())


def put_address(tx: Tx, url: str) -> None:
    """Record how browsers reach the service, for commands that do not know how it was started."""
    tx.execute(text(_PUT), {"name": "address", "value": url})


def address(tx: Tx) -> str:
    """Return the recorded address; empty if there is none."""
    return tx.execute(select(facts.c.value).where(facts.c.name == "address")).scalar_one_or_none() or ""


def touch(tx: Tx) -> None:
    """Writes, so that whoever asks learns whether the database can be written to."""
    row = {"name": "touched", "value": now().isoformat()}
    tx.execute(text(_PUT), row)


_PUT = "INSERT INTO facts (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
