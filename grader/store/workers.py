"""The registered workers, and queued gradings that no worker can take."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict

from sqlalchemy import delete, func, select

from grader.store.database import Tx, fetch, now, upsert
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
    moment = now()
    upsert(tx, workers, {**asdict(worker), "alive_until": moment + lasts})
    tx.execute(delete(workers).where(workers.c.alive_until < moment - REMEMBERED))


def leave(tx: Tx, name: str | None = None) -> None:
    """Remove the worker with this name, or all workers if `name` is None."""
    removal = delete(workers)
    if name is not None:
        removal = removal.filter_by(name=name)
    tx.execute(removal)


def live(tx: Tx) -> list[Worker]:
    """Return the workers whose registration has not expired, in the order of their names."""
    query = select(workers).where(workers.c.alive_until > now())
    query = query.order_by(workers.c.name)
    return fetch(tx, query, Worker)


def unserved(tx: Tx) -> list[Unserved]:
    """Return the number of queued gradings that no live worker can take, for each compatibility key."""
    key = gradings.c.compatibility_key
    count = func.count().label("gradings")
    oldest = func.min(gradings.c.queued_at).label("since")
    queued = select(key, count, oldest).where(gradings.c.state == State.QUEUED)
    live_workers = live(tx)
    without_worker = []
    for row in fetch(tx, queued.group_by(key).order_by(key), Unserved):
        if not any(worker.takes(row.compatibility_key) for worker in live_workers):
            without_worker.append(row)
    return without_worker
