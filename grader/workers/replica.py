"""Background tasks of a replica (one of several processes that serve HTTP): receive events and recover lost jobs."""

from __future__ import annotations

import datetime as dt
import threading
from contextlib import closing
from dataclasses import replace

import structlog
from pydantic import TypeAdapter

from grader.errors import StoreUnavailable
from grader.store import notices, procrastinate_jobs
from grader.store.database import Store
from grader.workers.events import Event, Hub
from grader.workers.job_runner import HEARTBEATS_IN_A_LEASE
from grader.workers.periodic import Periodic

LISTEN_SECONDS = 1.0

log = structlog.get_logger()


class SharedHub(Hub):
    """A hub that publishes events through the database, so that the watchers of all replicas receive them. Events are
    lost while the database is unavailable."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    def publish(self, event: Event) -> None:
        try:
            with self._store.write() as tx:
                for payload in encoded(event):
                    notices.send(tx, payload)
        except StoreUnavailable as gone:
            log.warning("event not sent", grading=event.grading, why=str(gone))

    def receive(self, event: Event) -> None:
        """Pass an event that arrived through the database to the watchers in this process."""
        super().publish(event)


class Replica:
    """Receives events from workers on other machines, and queues the jobs of dead workers again."""

    def __init__(self, store: Store, hub: SharedHub, lease: dt.timedelta) -> None:
        self._store = store
        self._hub = hub
        self._lease = lease
        self._over = threading.Event()
        self._listening = threading.Thread(target=self._listen, name="listening", daemon=True)
        self._periodic = Periodic(lease.total_seconds() / HEARTBEATS_IN_A_LEASE, self._sweep)

    def start(self) -> None:
        self._listening.start()
        self._periodic.start()

    def stop(self, grace_seconds: float) -> None:
        """Stop the background tasks. The grace period is ignored, since a replica grades nothing."""
        self._over.set()
        self._periodic.stop()
        self._listening.join()

    def _sweep(self) -> None:
        with self._store.write() as tx:
            recovered = procrastinate_jobs.sweep(tx, self._lease)
        if recovered:
            log.info("recovered", gradings=recovered)

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                with closing(notices.listen(self._store, LISTEN_SECONDS)) as received:
                    for payload in received:
                        if payload is not None:
                            self._hub.receive(decoded(payload))
                        if self._over.is_set():
                            return
            except StoreUnavailable as gone:
                log.warning("no events from the workers", why=str(gone))
                self._over.wait(LISTEN_SECONDS)


_EVENT = TypeAdapter(Event)


def encoded(event: Event) -> list[str]:
    """Encode an event as JSON. If the text is too long for one notification of the database, return several texts, each
    with some of the checks."""
    payload = _EVENT.dump_json(event, ensure_ascii=True).decode()
    if len(payload) <= notices.MOST_BYTES or len(event.checks) < 2:
        return [payload]
    half = len(event.checks) // 2
    parts = event.checks[:half], event.checks[half:]
    return [payload for checks in parts for payload in encoded(replace(event, checks=checks))]


def decoded(payload: str) -> Event:
    """Decode one of the texts that `encoded` returned."""
    return _EVENT.validate_json(payload)
