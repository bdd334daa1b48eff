"""The keys, the URL and the channels of this installation of the service."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from sqlalchemy import select

from grader.store.database import Tx, insert_new, now, upsert
from grader.store.tables import facts


def secret(tx: Tx) -> str:
    """Return the secret from which the seeds of gradings are derived. Create it in the database on the first call."""
    return put_once(tx, "secret", secrets.token_hex(32))


def put_once(tx: Tx, name: str, value: str) -> str:
    """Store a fact, unless there is one with this name. Return the value of the stored fact."""
    insert_new(tx, facts, {"name": name, "value": value})
    return fact(tx, name)


def put_channels(tx: Tx, channels: Iterable[str]) -> None:
    """Record the channels of the service's messages, for the processes that grade."""
    put(tx, "channels", " ".join(channels))


def channels(tx: Tx) -> list[str]:
    """Return the channels that `put_channels` recorded."""
    return fact(tx, "channels").split()


def put_url(tx: Tx, url: str) -> None:
    """Record the URL of the service, for commands that print links to it."""
    put(tx, "address", url)


def url(tx: Tx) -> str:
    """Return the URL that `put_url` recorded; empty if there is none."""
    return fact(tx, "address")


def put(tx: Tx, name: str, value: str) -> None:
    """Store a fact, or change it."""
    upsert(tx, facts, {"name": name, "value": value})


def fact(tx: Tx, name: str) -> str:
    """Return the value of a fact; empty if there is none."""
    query = select(facts.c.value).filter_by(name=name)
    return tx.scalar(query) or ""


def check_writable(tx: Tx) -> None:
    """Write to the database, to check that it accepts writes."""
    put(tx, "touched", now().isoformat())
