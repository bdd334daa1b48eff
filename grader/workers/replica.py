"""Background tasks of each replica of a service on many machines: receive events and recover lost jobs."""

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
    """Sends events to all replicas. Events are lost while the database is unavailable; watchers also poll the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def publish(self, event: Event) -> None:
        try:
            with self._store.write() as tx:
                for payload in encoded(event):
                    notices.send(tx, payload)
        except StoreUnavailable as gone:
            log.warning("event not sent", grading=event.grading, why=str(gone))


class SharedHub(Hub):
    """A hub with the events of all machines. Events published here return from the database, as to other replicas."""

    def __init__(self, announcer: Announcer) -> None:
        super().__init__()
        self._announcer = announcer

    def publish(self, event: Event) -> None:
        self._announcer.publish(event)

    def receive(self, event: Event) -> None:
        """Pass an event from the database to the watchers of this process."""
        super().publish(event)


class Replica:
    """Receives the workers' events, and puts the jobs of dead workers back into the queue."""

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
        """Stop the tasks. The grace period is for running gradings, of which a replica has none."""
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
                with closing(notices.listen(self._store, LOOK_UP_SECONDS)) as received:
                    self._receive(received)
            except StoreUnavailable as gone:
                log.warning("no events from the workers", why=str(gone))
                self._over.wait(LOOK_UP_SECONDS)

    def _receive(self, received: Iterator[str | None]) -> None:
        for payload in received:
            if payload is not None:
                self._hub.receive(decoded(payload))
            if self._over.is_set():
                return


def encoded(event: Event) -> list[str]:
    """Return an event as JSON. An event that is too long is split into several, each with some of the checks."""
    payload = json.dumps(asdict(event), separators=(",", ":"))
    if len(payload) <= notices.MOST_BYTES or len(event.checks) < 2:  # the JSON is ASCII
        return [payload]
    half = len(event.checks) // 2
    return [
        *encoded(replace(event, checks=event.checks[:half])),
        *encoded(replace(event, checks=event.checks[half:])),
    ]


def decoded(payload: str) -> Event:
    """Return the event that `encoded` has written."""
    event = json.loads(payload)
    checks = tuple(CheckEvent(**check | {"status": Status(check["status"])}) for check in event["checks"])
    return Event(**event | {"checks": checks})
