"""Background tasks of a process that serves HTTP and grades nothing: receive events and recover lost jobs."""

from __future__ import annotations

import datetime as dt
import threading
from contextlib import closing

import structlog

from grader.errors import StoreUnavailable
from grader.store import notices, procrastinate_jobs, regrades
from grader.store.database import Store
from grader.store.queue import StoreQueue
from grader.workers.job_runner import HEARTBEATS_IN_A_LEASE
from grader.workers.periodic import Periodic
from grader.workers.shared_events import SharedHub

LISTEN_SECONDS = 1.0

log = structlog.get_logger()


class ServerTasks:
    """Receives events from workers on other machines, and queues the jobs of dead workers again."""

    def __init__(self, store: Store, queue: StoreQueue, hub: SharedHub, lease: dt.timedelta) -> None:
        self._store = store
        self._queue = queue
        self._hub = hub
        self._lease = lease
        self._stopped = threading.Event()
        self._listening = threading.Thread(target=self._listen, name="listening", daemon=True)
        self._periodic = Periodic(lease.total_seconds() / HEARTBEATS_IN_A_LEASE, self._sweep)

    def start(self) -> None:
        self._listening.start()
        self._periodic.start()

    def stop(self, grace_seconds: float) -> None:
        """Stop the background tasks. The grace period is ignored, since this process grades nothing."""
        self._stopped.set()
        self._periodic.stop()
        self._listening.join()

    def _sweep(self) -> None:
        """Queue the gradings of dead workers again, and continue a regrade whose start was killed."""
        with self._store.write() as tx:
            recovered = procrastinate_jobs.sweep(tx, self._lease)
        if recovered:
            log.info("recovered", gradings=recovered)
        regrades.enqueue_pending(self._store, self._queue)

    def _listen(self) -> None:
        """Pass events from the database to the watchers in this process until `stop` is called. Connect again when the
        database returns."""
        while not self._stopped.is_set():
            try:
                with closing(notices.listen(self._store, LISTEN_SECONDS)) as messages:
                    for message in messages:
                        if message is not None:  # None: no event arrived for LISTEN_SECONDS
                            self._hub.receive(message)
                        if self._stopped.is_set():
                            return
            except StoreUnavailable as gone:
                log.warning("no events from the workers", why=str(gone))
                self._stopped.wait(LISTEN_SECONDS)
