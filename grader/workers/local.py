"""Workers for a SQLite database, which only this machine uses. They poll the database for queued gradings."""

from __future__ import annotations

import os

import structlog

from grader.store import leases, regrades, workers
from grader.store.records import Kind
from grader.workers.job_runner import JobRunner
from grader.workers.pool import WorkerPool

POLL_SECONDS = 1.0
"""Interval at which an idle worker polls the database. A new submission wakes the worker earlier."""

log = structlog.get_logger()


def available_cores() -> tuple[int | None, ...]:
    """Return the numbers of the cores that this process may use, for example (0, 1). On systems without CPU affinity,
    return None for each core."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return tuple(sorted(affinity(0))) if affinity else (None,) * (os.cpu_count() or 1)


class LocalWorkers(WorkerPool):
    """Workers that poll the queue every second, or at once after `wake`."""

    def start(self, *, warm: bool = True) -> None:
        """Queue gradings again that were running when an earlier process was killed. Then start the workers."""
        with self._store.write() as tx:
            workers.leave(tx)
            recovered = leases.recover(tx, everything=True)
        if recovered:
            log.info("recovered", gradings=recovered)
        super().start(warm=warm)

    def _beat(self) -> None:
        """Also queue the gradings of dead workers again, continue a regrade whose start was killed, and copy the
        write-ahead log into the database file."""
        super()._beat()
        with self._store.write() as tx:
            recovered = leases.recover(tx)
        if recovered:
            self.wake()
        regrades.enqueue_pending(self._store, self)
        self._store.checkpoint()  # so that acknowledged submissions are in the database file, not only in the log

    def _takes(self) -> tuple[str, ...]:
        return ()  # all keys, since there are no other workers

    def _work(self, runner: JobRunner, name: str, only: Kind | None) -> None:
        """Lease queued gradings and run them, one at a time. Wait for `wake` while the queue is empty, or while the
        self-test fails."""
        while not self._shutdown.requested:
            wakes = self._wakes  # read before the queue, so that no job queued since then is missed
            leased = None
            if self._health.is_ready():
                leased = self._try_lease(name, lambda tx: leases.claim(tx, name, only, self._lease))
            if leased is not None:
                runner.run(leased)
                continue
            with self._woken:
                if self._wakes == wakes:
                    self._woken.wait(POLL_SECONDS)
