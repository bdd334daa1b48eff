"""Workers for a queue in PostgreSQL that many machines share.

A ticket (`grader.store.procrastinate_jobs`) is a job of the library Procrastinate with the id of a queued grading. A
worker that receives a ticket leases the grading. Repeated tickets do no harm, since only the worker with the lease may
store a report. Lost tickets are replaced.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.worker import Worker as TicketReader
from psycopg_pool import AsyncConnectionPool

from grader.store import leases, procrastinate_jobs
from grader.store.records import Kind
from grader.workers.job_runner import HEARTBEATS_IN_A_LEASE, JobRunner
from grader.workers.pool import WorkerPool

POLL_SECONDS = 1.0
"""Seconds between polls for tickets. Usually a notification of PostgreSQL comes earlier."""
TRY_AGAIN_SECONDS = 1.0
CONNECT_SECONDS = 5.0
"""Seconds that Procrastinate waits for a connection before it reports that the database is unavailable."""

log = structlog.get_logger()


class PostgresWorkers(WorkerPool):
    """Workers that receive tickets for jobs with the pool's compatibility keys."""

    def _takes(self) -> tuple[str, ...]:
        return tuple(sorted(self._keys.values()))

    def _beat(self) -> None:
        """Also queue the gradings of dead workers again, and replace lost tickets."""
        super()._beat()
        with self._store.write() as tx:
            procrastinate_jobs.sweep(tx, self._lease)

    def _work(self, runner: JobRunner, name: str, only: Kind | None) -> None:
        """Run Procrastinate's worker until shutdown is requested. If that worker ends earlier, for example because a
        connection is lost, restart it; after a failed self-test, only once the self-test passes."""
        while not self._shutdown.requested:
            if not self._health.is_ready():
                time.sleep(TRY_AGAIN_SECONDS)
                continue
            try:
                asyncio.run(self._read_tickets(runner, name, only))
            except Exception as lost:  # noqa: BLE001  the libraries involved raise different exceptions
                log.warning("tickets cannot be read", worker=name, why=_summary(lost))
                time.sleep(TRY_AGAIN_SECONDS)

    async def _read_tickets(self, runner: JobRunner, name: str, only: Kind | None) -> None:
        """Lease and run the grading of each ticket that Procrastinate's worker receives. Return when shutdown is
        requested or a self-test has failed, and the last grading has ended."""
        app = App(connector=PsycopgConnector(conninfo=self._store.conninfo))

        @app.task(name=procrastinate_jobs.TASK)
        def grade(grading: str) -> None:  # in a thread, so that the event loop can send heartbeats
            if not self._health.trouble:  # otherwise the lost ticket is replaced at the next heartbeat of any machine
                leased = self._try_lease(name, lambda tx: leases.take(tx, grading, name, self._lease))
                if leased is not None:
                    runner.run(leased)
            if self._health.trouble:
                loop.call_soon_threadsafe(reader.stop)  # before it receives another ticket

        # Procrastinate deletes a ticket in a background task, whose exception asyncio passes to this handler
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_log_exception)
        async with self._connections() as connections, app.open_async(connections):
            reader = TicketReader(
                app,
                queues=self._queues(only),
                name=name,
                fetch_job_polling_interval=POLL_SECONDS,
                delete_jobs="always",  # the report, or the reason of a failure, is in the row of the grading
                install_signal_handlers=False,  # possible in the main thread only
                update_heartbeat_interval=self._lease.total_seconds() / HEARTBEATS_IN_A_LEASE,
                stalled_worker_timeout=self._lease.total_seconds(),
            )
            reading = asyncio.create_task(reader.run())
            while not reading.done():
                await asyncio.wait([reading], timeout=0.5)
                if self._shutdown.requested or self._health.trouble:  # by another thread, so it has to be polled
                    reader.stop()
            await reading

    def _connections(self) -> AsyncConnectionPool:
        """Return a pool of connections for Procrastinate. It checks each connection before use, since the database may
        have been restarted."""
        return AsyncConnectionPool(
            self._store.conninfo,
            min_size=1,
            max_size=2,
            timeout=CONNECT_SECONDS,
            check=AsyncConnectionPool.check_connection,
            open=False,
        )

    def _queues(self, only: Kind | None) -> list[str]:
        """Return the names of Procrastinate's queues for gradings of this kind (None: of all kinds) with this pool's
        compatibility keys."""
        kinds = Kind if only is None else [only]
        prechecks = [kind is Kind.PRECHECK for kind in kinds]
        return [procrastinate_jobs.queue_of(key, prechecks=which) for which in prechecks for key in self._takes()]


def _log_exception(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log that Procrastinate could not delete a ticket. The remaining ticket does no harm."""
    log.warning("ticket not deleted", why=_summary(context.get("exception") or RuntimeError(context["message"])))


def _summary(lost: BaseException) -> str:
    """Return the type and the first line of an error, or of the error that caused it."""
    cause = lost.__cause__ or lost
    return f"{type(cause).__name__}: {str(cause).strip().partition(chr(10))[0]}"
