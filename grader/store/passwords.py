"""Hashes of passwords."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select

from grader.store.database import Tx, fetch_one, now, upsert
from grader.store.tables import passwords


@dataclass(frozen=True)
class StoredPassword:
    hash: str
    changed_at: dt.datetime


def of_person(tx: Tx, person: str) -> StoredPassword | None:
    """Return the password of the person with this id; None if they have none."""
    query = select(passwords.c.hash, passwords.c.changed_at).filter_by(person=person)
    return fetch_one(tx, query, StoredPassword)


def put(tx: Tx, person: str, hash: str) -> None:
    """Set a person's password."""
    upsert(tx, passwords, {"person": person, "hash": hash, "changed_at": now()})
