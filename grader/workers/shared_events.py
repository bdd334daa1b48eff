"""Events for the watchers of several processes that serve HTTP, sent through the database."""

from __future__ import annotations

from dataclasses import replace

import structlog
from pydantic import TypeAdapter

from grader.errors import StoreUnavailable
from grader.store import notices
from grader.store.database import Store
from grader.workers.events import Event, Hub

log = structlog.get_logger()

_EVENT = TypeAdapter(Event)


class SharedHub(Hub):
    """A hub that publishes events through the database, so that the watchers of all processes receive them. Events are
    lost while the database is unavailable."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    def publish(self, event: Event) -> None:
        """Send an event to the watchers of all processes."""
        try:
            with self._store.write() as tx:
                for message in encode(event):
                    notices.send(tx, message)
        except StoreUnavailable as gone:
            log.warning("event not sent", grading=event.grading, why=str(gone))

    def receive(self, message: str) -> None:
        """Pass an event that arrived through the database to the watchers in this process."""
        super().publish(decode(message))


def encode(event: Event) -> list[str]:
    """Encode an event as JSON. If the text is too long for one notification of the database, return several texts, each
    with some of the checks."""
    message = _EVENT.dump_json(event, ensure_ascii=True).decode()
    if len(message) <= notices.MOST_BYTES or len(event.checks) < 2:
        return [message]
    half = len(event.checks) // 2
    first_half = replace(event, checks=event.checks[:half])
    second_half = replace(event, checks=event.checks[half:])
    return encode(first_half) + encode(second_half)


def decode(message: str) -> Event:
    """Decode one of the texts that `encode` returned."""
    return _EVENT.validate_json(message)
