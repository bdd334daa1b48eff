"""Background tasks of a process that serves HTTP and grades nothing: receive events and recover lost jobs."""

from __future__ import annotations

import datetime as dt
import threading
from contextlib import closing

import structlog

from grader.errors import StoreUnavailable
from grader.store import notices, procrastinate_jobs
from grader.store.database import Store
from grader.workers.job_runner import HEARTBEATS_IN_A_LEASE
from grader.workers.periodic import Periodic
from grader.workers.shared_events import SharedHub

LISTEN_SECONDS = 1.0

log = structlog.get_logger()


class ServerTasks:
    """Receives events from workers on other machines, and queues the jobs of dead workers again."""

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
        """Stop the background tasks. The grace period is ignored, since this process grades nothing."""
        self._over.set()
        self._periodic.stop()
        self._listening.join()

    def _sweep(self) -> None:
        with self._store.write() as tx:
            recovered = procrastinate_jobs.sweep(tx, self._lease)
        if recovered:
            log.info("recovered", gradings=recovered)

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                with closing(notices.listen(self._store, LISTEN_SECONDS)) as messages:
                    for message in messages:
                        if message is not None:
                            self._hub.receive(message)
                        if self._over.is_set():
                            return
            except StoreUnavailable as gone:
                log.warning("no events from the workers", why=str(gone))
                self._over.wait(LISTEN_SECONDS)
