"""Facts about the service: its secret and its URL."""

from __future__ import annotations

import secrets

from sqlalchemy import select

from grader.store.database import Tx, insert_new, now, upsert
from grader.store.tables import facts


def secret(tx: Tx) -> str:
    """Return the secret from which the seeds of gradings are derived. Create it in the database on the first call."""
    insert_new(tx, facts, {"name": "secret", "value": secrets.token_hex(32)})
    return str(tx.execute(select(facts.c.value).where(facts.c.name == "secret")).scalar_one())


def put_address(tx: Tx, url: str) -> None:
    """Record the URL of the service, for commands that print links to it."""
    upsert(tx, facts, {"name": "address", "value": url})


def address(tx: Tx) -> str:
    """Return the URL that `put_address` recorded; empty if there is none."""
    return tx.execute(select(facts.c.value).where(facts.c.name == "address")).scalar_one_or_none() or ""


def touch(tx: Tx) -> None:
    """Write to the database, to check that it accepts writes."""
    upsert(tx, facts, {"name": "touched", "value": now().isoformat()})
