"""The registered workers, and queued gradings that no worker can take."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict

from sqlalchemy import delete, func, select

from grader.store.database import Tx, now, upsert
from grader.store.records import State, Unserved, Worker
from grader.store.tables import gradings, workers

REMEMBERED = dt.timedelta(days=1)
"""The registration of a worker is deleted this long after it has expired."""


def beat(tx: Tx, worker: Worker, lasts: dt.timedelta) -> None:
    """Register a worker, or extend its registration.

    Args:
        tx: A transaction that writes.
        worker: The worker.
        lasts: Time after which the registration expires if it is not extended.
    """
    row = asdict(worker) | {"compatibility_keys": list(worker.compatibility_keys), "alive_until": now() + lasts}
    upsert(tx, workers, row)
    tx.execute(delete(workers).where(workers.c.alive_until < now() - REMEMBERED))


def leave(tx: Tx, name: str | None = None) -> None:
    """Remove the worker with this name, or all workers if `name` is None."""
    tx.execute(delete(workers) if name is None else delete(workers).where(workers.c.name == name))


def live(tx: Tx) -> list[Worker]:
    """Return the workers whose registration has not expired, in the order of their names."""
    rows = tx.execute(select(workers).where(workers.c.alive_until > now()).order_by(workers.c.name))
    return [Worker(row.name, tuple(row.compatibility_keys), row.processes, row.sandbox, row.since) for row in rows]


def unserved(tx: Tx) -> list[Unserved]:
    """Return the number of queued gradings that no live worker can take, for each compatibility key."""
    g = gradings.c
    waiting = tx.execute(
        select(g.compatibility_key, func.count().label("n"), func.min(g.queued_at).label("since"))
        .where(g.state == State.QUEUED)
        .group_by(g.compatibility_key)
        .order_by(g.compatibility_key)
    ).all()
    alive = live(tx) if waiting else []
    return [
        Unserved(row.compatibility_key, row.n, row.since)
        for row in waiting
        if not any(worker.takes(row.compatibility_key) for worker in alive)
    ]
