"""Dispatch on many machines: what each of the service's doors does besides answering requests."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, replace

import structlog

from grader.errors import StoreUnavailable
from grader.model import Status
from grader.store import notices, tickets
from grader.store.database import Store
from grader.workers.events import CheckEvent, Event, Hub
from grader.workers.job_runner import HEARTBEATS_IN_A_LEASE
from grader.workers.periodic import Periodic

LOOK_UP_SECONDS = 1.0

log = structlog.get_logger()


class Announcer:
    """`grader.workers.events.Events` that every door hears. While the database is gone they are lost: the store is
    the truth, and who watches a grading looks there now and then."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def publish(self, event: Event) -> None:
        try:
            with self._store.write() as tx:
                for words in spoken(event):
                    notices.send(tx, words)
        except StoreUnavailable as gone:
            log.warning("nobody hears of this", grading=event.grading, why=str(gone))


class SharedHub(Hub):
    """A hub whose events are those of all machines. What is published here comes back to it as it comes to others."""

    def __init__(self, announcer: Announcer) -> None:
        super().__init__()
        self._announcer = announcer

    def publish(self, event: Event) -> None:
        self._announcer.publish(event)

    def heard(self, event: Event) -> None:
        super().publish(event)


class Replica:
    """Listens to what the workers say, and sweeps up behind those that died."""

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
        """`grace_seconds` is for gradings that run, which are none here."""
        self._over.set()
        self._periodic.stop()
        self._listening.join()

    def _sweep(self) -> None:
        with self._store.write() as tx:
            left = tickets.sweep(tx, self._lease)
        if left:
            log.info("recovered", gradings=left)

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                with closing(notices.listen(self._store, LOOK_UP_SECONDS)) as hearing:
                    self._hear(hearing)
            except StoreUnavailable as gone:
                log.warning("hears nothing from the workers", why=str(gone))
                self._over.wait(LOOK_UP_SECONDS)

    def _hear(self, hearing: Iterator[str | None]) -> None:
        for words in hearing:
            if words is not None:
                self._hub.heard(understood(words))
            if self._over.is_set():
                return


def spoken(event: Event) -> list[str]:
    """As JSON; in several events, each with some of the checks, where one would be too long."""
    words = json.dumps(asdict(event), separators=(",", ":"))
    if len(words) <= notices.MOST_BYTES or len(event.checks) < 2:  # JSON of ours is ASCII
        return [words]
    half = len(event.checks) // 2
    return [
        *spoken(replace(event, checks=event.checks[:half])),
        *spoken(replace(event, checks=event.checks[half:])),
    ]


def understood(words: str) -> Event:
    said = json.loads(words)
    return Event(**said | {"checks": tuple(CheckEvent(**c | {"status": Status(c["status"])}) for c in said["checks"])})
