"""Tickets: Procrastinate jobs that tell workers on many machines that a grading is queued. PostgreSQL only.

Every queued grading has one ticket. The database trigger `grader_ticket` (in the first migration) creates and deletes
tickets in the transaction in which a grading enters or leaves the queue. The row of the grading is authoritative: a
worker with a ticket still has to lease the grading, and a lost ticket is replaced.
"""

from __future__ import annotations

import datetime as dt
import hashlib

from sqlalchemy import text

from grader.store import leases
from grader.store.database import Tx

TASK = "grade"
"""Name of the task in Procrastinate. Do not change it: workers drop jobs whose task they do not know."""

_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtext('grader sweep'))")
# The update changes no value, but fires the trigger, which creates the missing ticket.
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
    """Return the name of Procrastinate's queue for gradings with this compatibility key. Pre-checks have a separate
    queue."""
    digest = hashlib.sha256(compatibility_key.encode()).hexdigest()[:32]
    return f"{'pre' if prechecks else 'all'}-{digest}"


def sweep(tx: Tx, lease: dt.timedelta) -> int:
    """Queue the gradings of dead workers again, replace lost tickets, and delete the tickets of dead workers.

    Every machine calls this periodically. The call does nothing while another machine is sweeping.

    Returns:
        The number of gradings that were queued again.
    """
    if not tx.scalar(_TRY_LOCK):
        return 0
    recovered = leases.recover(tx)
    tx.execute(_REPLACE_LOST_TICKETS)
    tx.execute(_DELETE_TICKETS_OF_DEAD_WORKERS, {"seconds": lease.total_seconds()})
    return recovered
