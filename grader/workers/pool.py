"""The worker pool of one machine: grading processes, each with a thread that takes jobs from the queue."""

from __future__ import annotations

import datetime as dt
import os
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import structlog

from grader.errors import StoreUnavailable
from grader.store import workers
from grader.store.database import Store, Tx, now
from grader.store.leases import LEASE
from grader.store.queue import StoreQueue
from grader.store.records import Kind, Leased, Worker
from grader.workers.events import Hub
from grader.workers.grading_process import GradingProcess, Plan
from grader.workers.health import SandboxHealth
from grader.workers.job_runner import HEARTBEATS_IN_A_LEASE, JobRunner, Shutdown
from grader.workers.periodic import Periodic

log = structlog.get_logger()
STUCK_SECONDS = 30.0
"""Seconds that `WorkerPool.stop` waits for blocked threads after the grace period."""


class WorkerPool(StoreQueue, ABC):
    """The workers of one machine: one for each core, and one for pre-checks alone, so that pre-checks need not wait for
    training runs. The first one takes no pre-checks.

    The database lists a running pool as one worker.
    """

    def __init__(
        self,
        store: Store,
        events: Hub,
        plan: Plan,
        secret: bytes,
        cores: Sequence[int | None],
        keys: Mapping[str, str],
        lease: dt.timedelta = LEASE,
        *,
        prechecks: bool = True,
    ) -> None:
        """Create a pool without starting its workers.

        Args:
            events: Receiver of events about the progress of gradings.
            secret: The secret from which the seeds of random test problems are derived.
            cores: For each grading process, the number of the core on which it runs; None for any core.
            keys: Compatibility keys by assignment id.
            lease: Time without a heartbeat after which a worker counts as dead.
            prechecks: True to start an additional worker for pre-checks.
        """
        super().__init__(keys)
        self._store = store
        self._lease = lease
        self._shutdown = Shutdown()
        self._health = SandboxHealth(plan.sandbox, plan.runtime)
        self._woken = threading.Condition()
        self._wakes = 0
        self._runners: list[JobRunner] = []
        self._threads: list[threading.Thread] = []

        def add_worker(name: str, core: int | None, only: Kind | None) -> None:
            process = GradingProcess(replace(plan, core=core))
            runner = JobRunner(store, events, process, secret, keys, self._shutdown, self._health)
            self._runners.append(runner)
            self._threads.append(threading.Thread(target=self._work, args=(runner, name, only), name=name, daemon=True))

        name = f"{socket.gethostname()}:{os.getpid()}"
        for number, core in enumerate(cores, 1):
            # the first one takes no pre-checks, so that pre-checks that sleep cannot occupy all workers
            add_worker(f"{name} {number}", core, Kind.SUBMISSION if prechecks and number == 1 else None)
        if prechecks:
            add_worker(f"{name} pre-checks", None, Kind.PRECHECK)
        self.worker = Worker(name, self._takes(), len(self._runners), plan.sandbox, now())
        self._periodic = Periodic(lease.total_seconds() / HEARTBEATS_IN_A_LEASE, self._beat)

    def start(self, *, warm: bool = True) -> None:
        """Start the workers.

        Args:
            warm: True to start all grading processes now; False to start each process with its first grading.
        """
        if warm:
            for runner in self._runners:
                runner.process.start()
        for thread in self._threads:
            thread.start()
        self._periodic.start()

    def stop(self, grace_seconds: float) -> None:
        """Stop the workers. Gradings that are still running after the grace period are queued again."""
        self._shutdown.at = time.monotonic() + grace_seconds
        self.wake()
        give_up_at = self._shutdown.at + STUCK_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, give_up_at - time.monotonic()))
        for runner in self._runners:
            runner.process.end()
        self._periodic.stop()
        with suppress(StoreUnavailable), self._store.write() as tx:
            workers.leave(tx, self.worker.name)

    @property
    def alive(self) -> int:
        """The number of running grading processes."""
        return sum(runner.process.alive for runner in self._runners)

    def trouble(self) -> str:
        if self._health.trouble:
            return self._health.trouble
        return "" if self.alive else "no grading process is alive"

    def wake(self) -> None:
        with self._woken:
            self._wakes += 1
            self._woken.notify_all()

    @abstractmethod
    def _takes(self) -> tuple[str, ...]:
        """Return the compatibility keys of the jobs that this pool may run; empty for all jobs."""

    @abstractmethod
    def _work(self, runner: JobRunner, name: str, only: Kind | None) -> None:
        """Run jobs until shutdown is requested. Never raise an exception.

        Args:
            name: Name of the worker.
            only: Take only pre-checks, or only submissions; None for all.
        """

    def _try_lease(self, name: str, act: Callable[[Tx], Leased | None]) -> Leased | None:
        """Call `act` in a transaction to lease a grading. Return the result of `act`, or None if an error occurs."""
        try:
            with self._store.write() as tx:
                return act(tx)
        except StoreUnavailable as gone:
            log.warning("the database cannot be used", why=str(gone))
        except Exception:  # a bug must not leave the queue without workers
            log.exception("internal error", worker=name)
        return None

    def _beat(self) -> None:
        """Register the pool, or extend its registration; remove it after a failed self-test. Called at regular
        intervals."""
        with self._store.write() as tx:
            if self._health.trouble:
                workers.leave(tx, self.worker.name)
            else:
                workers.beat(tx, self.worker, self._lease)
