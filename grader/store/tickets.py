"""Tickets tell workers on many machines that a grading is queued. PostgreSQL only.

Every queued grading has one ticket, a Procrastinate job that is not started yet. A trigger of the database
(`grader_ticket`, migration 0001) creates and deletes tickets in the transaction in which a grading enters or leaves the
queue. The grading is authoritative: a worker with a ticket still has to lease the grading, and a lost ticket is
replaced.
"""

from __future__ import annotations

import datetime as dt
import hashlib

from sqlalchemy import text

from grader.store import gradings
from grader.store.database import Tx

TASK = "grade"
"""Name of the task in Procrastinate. Do not change it: a worker drops jobs of unknown tasks."""

_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtext('grader sweep'))")
# The trigger fires although no value changes, and creates the missing ticket.
_REPLACE_LOST_TICKETS = text("""
    UPDATE gradings SET state = state
    WHERE state = 'queued' AND NOT EXISTS (
        SELECT FROM procrastinate_jobs WHERE queueing_lock = gradings.id AND status = 'todo'
    )
""")
_DELETE_TICKETS_OF_DEAD_WORKERS = text("""
    DELETE FROM procrastinate_jobs
    WHERE status <> 'todo' AND NOT EXISTS (
        SELECT FROM procrastinate_workers
        WHERE id = worker_id AND last_heartbeat > now() - make_interval(secs => :seconds)
    )
""")


def queue_of(compatibility_key: str, *, prechecks: bool) -> str:
    """Return Procrastinate's queue for the pre-checks, or the other gradings, of a compatibility key.

    Names of queues have 40 bytes at most.
    """
    digest = hashlib.sha256(compatibility_key.encode()).hexdigest()[:32]
    return f"{'pre' if prechecks else 'all'}-{digest}"


def sweep(tx: Tx, lease: dt.timedelta) -> int:
    """Queue the gradings of dead workers again, replace lost tickets, and delete the tickets of dead workers.

    Every machine calls this periodically. It does nothing while another machine is doing it.

    Returns:
        The number of gradings that were queued again.
    """
    if not tx.scalar(_TRY_LOCK):
        return 0
    recovered = gradings.recover(tx)
    tx.execute(_REPLACE_LOST_TICKETS)
    tx.execute(_DELETE_TICKETS_OF_DEAD_WORKERS, {"seconds": lease.total_seconds()})
    return recovered
