"""Grading processes of this machine, one a core, each with a warm sandbox of its own."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import Protocol

from grader.model import Report
from grader.sandbox import selftest
from grader.workers.events import Event
from grader.workers.grading_process import Failed, GradingProcess, Job, Plan

MOST_FAILURES = 3
"""After so many failures of ours a submission is set aside, for staff."""
DEADLINE_SECONDS = 7200.0
"""No grading takes longer: twice two trainings at their limits, on a loaded machine."""
LOOK_UP_SECONDS = 0.5


@dataclass(frozen=True)
class Done:
    """What came out for a job, by its `grading`."""

    grading: str
    outcome: Report | Failed


@dataclass(frozen=True)
class Begun:
    grading: str


@dataclass(frozen=True)
class Notice:
    """What the operator should know now; empty where that is over."""

    words: str


Said = Begun | Event | Notice | Done


@dataclass(frozen=True)
class Bug:
    """Ours, in one of the pool's threads; raised again by who reads what they say."""

    error: BaseException


class Pool(Protocol):
    def grade(self, jobs: Iterator[Job]) -> Iterator[Said]:
        """Takes jobs in their order, each when there is room for it, and says what becomes of them, until all are done.
        What we fail at is tried again before it is given up."""
        ...


class Here:
    """A pool on this machine. A job that ends its process has cost nobody else anything."""

    def __init__(self, plan: Plan, cores: tuple[int | None, ...]) -> None:
        self._plan = plan
        self._plans = [replace(plan, core=core) for core in cores]

    def grade(self, jobs: Iterator[Job]) -> Iterator[Said]:
        """Where there is nothing to grade, nothing is started. Raises `SandboxUnavailable` where a promise of the
        sandbox does not hold here."""
        first = next(jobs, None)
        if first is None:
            return
        selftest.prove(self._plan.sandbox, self._plan.runtime)
        work = _Work(chain([first], jobs))
        said: queue.Queue[Said | Bug | None] = queue.Queue()
        with _crew([_Grader(plan, work, said.put) for plan in self._plans], work):
            working = len(self._plans)
            while working:
                heard = said.get()
                match heard:
                    case None:
                        working -= 1
                    case Bug(error):
                        raise error
                    case _:
                        yield heard


def cores_here() -> tuple[int | None, ...]:
    """Those that this process may use. Where they cannot be told apart, only their number counts."""
    affinity = getattr(os, "sched_getaffinity", None)  # not everywhere
    return tuple(sorted(affinity(0))) if affinity else (None,) * (os.cpu_count() or 1)


class _Work:
    """What is to be done, for several threads: what has failed comes again after all that has not been tried."""

    def __init__(self, jobs: Iterator[Job]) -> None:
        self._jobs = jobs
        self._again: deque[Job] = deque()
        self._failures: dict[str, int] = {}
        self._running = 0
        self._over = False
        self._changed = threading.Condition()

    def end(self) -> None:
        """Nobody takes anything any more."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def take(self) -> Job | None:
        """None where nothing is left and nothing that runs can fail any more."""
        with self._changed:
            while not self._over:
                job = next(self._jobs, None) or (self._again.popleft() if self._again else None)
                if job is not None:
                    self._running += 1
                    return job
                if not self._running:
                    self._changed.notify_all()
                    return None
                self._changed.wait()
            return None

    def give_back(self, job: Job, outcome: Report | Failed) -> bool:
        """Whether this is what comes out: a failure that is tried again is not."""
        with self._changed:
            self._running -= 1
            self._changed.notify_all()
            if isinstance(outcome, Report):
                return True
            self._failures[job.grading] = self._failures.get(job.grading, 0) + 1
            if self._failures[job.grading] >= MOST_FAILURES:
                return True
            self._again.append(job)
            return False


class _Grader(threading.Thread):
    """One grading process and who finds it something to do."""

    def __init__(self, plan: Plan, work: _Work, say: Callable[[Said | Bug | None], None]) -> None:
        super().__init__(name=f"core {plan.core}", daemon=True)
        self._plan = plan
        self._work = work
        self._say = say
        self.ending = threading.Event()

    def run(self) -> None:
        process: GradingProcess | None = None
        try:
            while not self.ending.is_set() and (job := self._work.take()) is not None:
                process = process or GradingProcess(self._plan)  # a small batch needs only a few
                self._say(Begun(job.grading))
                outcome = self._outcome(process, job)
                if outcome is not None and self._work.give_back(job, outcome):
                    self._say(Done(job.grading, outcome))
        except BaseException as bug:  # noqa: BLE001  raised again elsewhere
            self._say(Bug(bug))
        finally:
            if process is not None:
                process.end()
            self._say(None)

    def _outcome(self, process: GradingProcess, job: Job) -> Report | Failed | None:
        """None where the pool ends."""
        started = time.monotonic()
        for heard in process.grade(job, LOOK_UP_SECONDS):
            match heard:
                case Report() | Failed():
                    return heard
                case Event():
                    self._say(heard)
                case None:
                    if self.ending.is_set():
                        return None
            if time.monotonic() - started > DEADLINE_SECONDS:
                process.end()
                return Failed(f"it was not graded within {DEADLINE_SECONDS / 3600:g} hours")
        raise AssertionError("a grading process says in the end what came out")


@contextmanager
def _crew(crew: list[_Grader], work: _Work) -> Iterator[None]:
    for grader in crew:
        grader.start()
    try:
        yield
    finally:
        work.end()
        for grader in crew:
            grader.ending.set()
        for grader in crew:
            grader.join(10 * LOOK_UP_SECONDS)
