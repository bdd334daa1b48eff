"""Dispatch on one machine: this process has the queue's only workers."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Mapping

import structlog

from grader.dispatch.events import Events
from grader.dispatch.perform import Ending, Performer
from grader.dispatch.process import GradingProcess, Plan
from grader.errors import StoreUnavailable
from grader.store import gradings
from grader.store.database import Store, Tx
from grader.store.records import Leased, Priority

LOOK_SECONDS = 1.0
"""A worker that has nothing to do looks so often; mostly it is woken before."""

log = structlog.get_logger()


class Here:
    """A `grader.store.queue.Queue`, and the workers that empty it: `workers` for everything, and one for pre-checks
    alone, which must not wait behind trainings."""

    def __init__(
        self, store: Store, events: Events, plan: Plan, secret: bytes, workers: int, lanes: Mapping[str, str]
    ) -> None:
        """`lanes`: assignment → lane."""
        self._store = store
        self._events = events
        self._plan = plan
        self._secret = secret
        self._lanes = lanes
        self._ending = Ending()
        self._work = threading.Condition()
        self._called = 0
        self._performers: list[Performer] = []
        names = [(f"{_machine()} {n + 1}", None) for n in range(workers)]
        self._threads = [
            threading.Thread(target=self._serve, args=(name, only), name=name)
            for name, only in [*names, (f"{_machine()} pre-checks", Priority.PRECHECK)]
        ]

    # ── the queue ────────────────────────────────────────────────────────────────────────────────

    def enqueue(
        self,
        tx: Tx,
        submission: str,
        assignment: str,
        whose: str,
        priority: Priority,
        regrade: str | None = None,
    ) -> str:
        return gradings.enqueue(tx, submission, whose, priority, self._lanes[assignment], regrade=regrade)

    def cancel(self, tx: Tx, grading: str) -> bool:
        return gradings.cancel(tx, grading)

    def retry(self, tx: Tx, grading: str, assignment: str) -> bool:
        return gradings.retry(tx, grading, self._lanes[assignment])

    def trouble(self) -> str:
        return "" if self.alive else "no grading process is alive"

    def wake(self) -> None:
        with self._work:
            self._called += 1
            self._work.notify_all()

    # ── the workers ──────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Whatever a killed predecessor was doing waits again."""
        with self._store.write() as tx:
            left = gradings.recover(tx, everything=True)
        if left:
            log.info("recovered", gradings=left)
        self._performers = [self._performer(GradingProcess(self._plan)) for _ in self._threads]
        for thread in self._threads:
            thread.start()

    def stop(self, grace_seconds: float) -> None:
        """Running gradings may finish for so long; then they are handed back."""
        self._ending.at = time.monotonic() + grace_seconds
        self.wake()
        for thread in self._threads:
            thread.join()

    @property
    def alive(self) -> int:
        """How many grading processes there are."""
        return sum(performer.process.alive for performer in self._performers)

    def _performer(self, process: GradingProcess) -> Performer:
        return Performer(self._store, self._events, process, self._secret, self._lanes.__getitem__, self._ending)

    def _serve(self, name: str, only: Priority | None) -> None:
        performer = self._performers[self._threads.index(threading.current_thread())]
        try:
            while not self._ending.asked:
                called = self._called
                leased = self._claimed(name, only)
                if leased is not None:
                    self._perform(performer, leased)
                    continue
                with self._work:
                    if self._called == called:  # else there is work since it looked
                        self._work.wait(LOOK_SECONDS)
        finally:
            performer.process.end()

    def _claimed(self, name: str, only: Priority | None) -> Leased | None:
        try:
            with self._store.write() as tx:
                gradings.recover(tx)
                return gradings.claim(tx, name, only=only)
        except StoreUnavailable as gone:
            log.warning("the database cannot be used", why=str(gone))
            return None

    def _perform(self, performer: Performer, leased: Leased) -> None:
        try:
            performer.perform(leased)
        except Exception as bug:  # a worker that a bug ends would be missed by everybody who waits
            log.exception("a bug of ours", grading=leased.grading)
            why = f"{type(bug).__name__}: {bug}"
            try:
                with self._store.write() as tx:
                    gradings.fail(tx, leased, why)
            except StoreUnavailable:
                pass  # its lease runs out


def _machine() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
