"""Events about the progress of gradings, such as "section q2 has started". They are kept in memory only."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from grader.model import Status

Kind = Literal["state", "section", "training"]
KEPT_GRADINGS = 500
"""Number of gradings whose events a hub keeps for new watchers."""


@dataclass(frozen=True)
class CheckEvent:
    """The result of a check, in `Event.checks`."""

    id: str
    status: Status
    points: float
    possible: float
    reason: str = ""
    """The reason for lost points, shortened, and the line of code; empty if no points were lost."""


@dataclass(frozen=True)
class Event:
    """A change in the progress of a grading. `kind` determines the meaning of the other fields:

    state: The grading has changed to the state `name`, for example "running". `done` if the state is final.
    section: The section `name` has started, or is finished if `done`. `checks` has the results so far.
    training: The training run in the section `name` has used `cpu_seconds` of its `limit`.
    """

    grading: str
    kind: Kind
    name: str
    done: bool = False
    checks: tuple[CheckEvent, ...] = ()
    cpu_seconds: float | None = None
    limit: float | None = None


@dataclass
class _Watched:
    past: list[Event] = field(default_factory=list)
    watchers: list[tuple[asyncio.AbstractEventLoop, asyncio.Queue[Event]]] = field(default_factory=list)


class Hub:
    """Passes events to the watchers of a grading in this process. A new watcher gets the past events first."""

    def __init__(self) -> None:
        self._gradings: dict[str, _Watched] = {}
        self._lock = threading.Lock()

    def publish(self, event: Event) -> None:
        """Pass an event to all watchers of its grading. Thread-safe."""
        with self._lock:
            watched = self._watched(event.grading)
            if event.kind == "state" and event.name in ("queued", "running"):
                watched.past.clear()  # the grading starts from the beginning
            if event.kind == "training" and watched.past and watched.past[-1].kind == "training":
                watched.past = [e for e in watched.past if (e.kind, e.name) != (event.kind, event.name)]
            watched.past.append(event)
            for loop, queue in watched.watchers:
                loop.call_soon_threadsafe(queue.put_nowait, event)
            self._forget_oldest()

    @asynccontextmanager
    async def watch(self, grading: str) -> AsyncIterator[asyncio.Queue[Event]]:
        """Yield a queue that receives the past events of a grading and, within the `with` block, all new events."""
        queue: asyncio.Queue[Event] = asyncio.Queue()
        watcher = (asyncio.get_running_loop(), queue)
        with self._lock:
            watched = self._watched(grading)
            for event in watched.past:
                queue.put_nowait(event)
            watched.watchers.append(watcher)
        try:
            yield queue
        finally:
            with self._lock:
                watched.watchers.remove(watcher)

    def so_far(self, grading: str) -> list[Event]:
        """Return the past events of a grading; empty if they are not in memory."""
        with self._lock:
            watched = self._gradings.get(grading)
            return list(watched.past) if watched else []

    def watching(self) -> int:
        """Return the number of watchers."""
        with self._lock:
            return sum(len(watched.watchers) for watched in self._gradings.values())

    def _watched(self, grading: str) -> _Watched:
        watched = self._gradings.pop(grading, None) or _Watched()
        self._gradings[grading] = watched  # reinserted at the end, as the latest
        return watched

    def _forget_oldest(self) -> None:
        idle = (id for id, watched in self._gradings.items() if not watched.watchers)
        for id in list(idle)[: max(0, len(self._gradings) - KEPT_GRADINGS)]:
            del self._gradings[id]
