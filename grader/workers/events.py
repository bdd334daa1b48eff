"""Events about the progress of gradings, such as "section q2 has started". They are kept in memory only."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from grader.model import Status

Kind = Literal["state", "section", "training"]
KEPT_GRADINGS = 500
"""A hub keeps the past events of this many gradings, for new watchers."""


@dataclass(frozen=True)
class CheckEvent:
    """The result of one check, as a part of an `Event`."""

    id: str
    status: Status
    points: float
    possible: float
    reason: str = ""
    """File, line and short reason if points were lost, such as "solution.py:12: …"; otherwise empty."""


@dataclass(frozen=True)
class GradingCost:
    """The time that a finished grading took, as a part of an `Event`."""

    assignment: str
    kind: str
    """Kind of the submission."""
    waited_seconds: float
    """Time in the queue until the last start."""
    seconds: float
    section_seconds: Mapping[str, float]
    """Section → wall time of its checks."""
    deaths: tuple[str, ...]
    """The reasons for which processes of the student's code ended; see `grader.workers.job_runner.deaths`."""


@dataclass(frozen=True)
class Event:
    """A step in the progress of a grading. There are three kinds:

    state: The grading is now in the state `name`, for example "running". `done` is True if the state is final. `cost`
        is given if the grading has a report.
    section: The section `name` has started or, if `done` is True, finished. `checks` has the results of a finished
        section.
    training: The training run in the section `name` has used `cpu_seconds` so far. `limit` is its limit in CPU seconds.
    """

    grading: str
    kind: Kind
    name: str
    done: bool = False
    checks: tuple[CheckEvent, ...] = ()
    cpu_seconds: float | None = None
    limit: float | None = None
    cost: GradingCost | None = None


@dataclass
class _Watched:
    """The past events of a grading, and its watchers. A watcher is an event loop and a queue that belongs to it."""

    past: list[Event] = field(default_factory=list)
    watchers: list[tuple[asyncio.AbstractEventLoop, asyncio.Queue[Event]]] = field(default_factory=list)


class Hub:
    """Passes the events of each grading to its watchers in this process. A new watcher gets the past events first."""

    def __init__(self) -> None:
        self._gradings: dict[str, _Watched] = {}
        self._listeners: list[Callable[[Event], None]] = []
        self._lock = threading.Lock()

    def publish(self, event: Event) -> None:
        """Pass an event to all watchers of its grading. Thread-safe."""
        with self._lock:
            watched = self._watched(event.grading)
            if event.kind == "state" and event.name in ("queued", "running"):
                watched.past.clear()  # the grading starts from the beginning
            # of consecutive reports about CPU time, only the latest is of use to a new watcher
            if event.kind == "training" and watched.past and watched.past[-1].kind == "training":
                watched.past = [e for e in watched.past if (e.kind, e.name) != (event.kind, event.name)]
            watched.past.append(event)
            for loop, queue in watched.watchers:
                loop.call_soon_threadsafe(queue.put_nowait, event)
            self._forget_oldest()
        for listener in self._listeners:
            listener(event)

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call `listener` with every event that this process receives, in the thread that receives it."""
        self._listeners.append(listener)

    @asynccontextmanager
    async def watch(self, grading: str) -> AsyncIterator[asyncio.Queue[Event]]:
        """Yield a queue that contains the past events of a grading. New events are added until the `with` block
        ends."""
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

    def past_events(self, grading: str) -> list[Event]:
        """Return the past events of a grading; empty if they are not in memory."""
        with self._lock:
            watched = self._gradings.get(grading)
            return list(watched.past) if watched else []

    def _watched(self, grading: str) -> _Watched:
        """Return the entry of a grading. Create it if there is none."""
        watched = self._gradings.pop(grading, None) or _Watched()
        self._gradings[grading] = watched  # reinserted at the end, as the latest
        return watched

    def _forget_oldest(self) -> None:
        """Remove the entries that were used least recently until `KEPT_GRADINGS` remain. Entries with watchers stay."""
        idle = (id for id, watched in self._gradings.items() if not watched.watchers)
        for id in list(idle)[: max(0, len(self._gradings) - KEPT_GRADINGS)]:
            del self._gradings[id]
