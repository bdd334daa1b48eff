"""Tickets: how workers on many machines learn that a grading waits. PostgreSQL only.

Every queued grading has one ticket, which is a job of Procrastinate's that nobody has taken yet. The database makes
tickets and tears them up itself (the trigger `grader_ticket`, migration 0001), in the transaction in which a grading
comes into the queue or leaves it, whichever code does so. The grading is the truth: who holds a ticket still has to
take the grading, and a ticket that got lost is made again.
"""

from __future__ import annotations

import datetime as dt
import hashlib

from sqlalchemy import text

from grader.store import gradings
from grader.store.database import Tx

TASK = "grade"
"""What Procrastinate calls it. A worker that does not know a job's task drops the job, so this stays as it is."""

_ALONE = text("SELECT pg_try_advisory_xact_lock(hashtext('grader sweep'))")
# setting what is set already fires the trigger, which makes what is missing
_MAKE_LOST_ONES = text("""
    UPDATE gradings SET state = state
    WHERE state = 'queued' AND NOT EXISTS (
        SELECT FROM procrastinate_jobs WHERE queueing_lock = gradings.id AND status = 'todo'
    )
""")
_DROP_THOSE_OF_THE_DEAD = text("""
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
    """What dead workers have left waits again, with a ticket; returns how many gradings. Every machine does this now
    and then, and where one is at it the others leave it to that one."""
    if not tx.scalar(_ALONE):
        return 0
    left = gradings.recover(tx)
    tx.execute(_MAKE_LOST_ONES)
    tx.execute(_DROP_THOSE_OF_THE_DEAD, {"seconds": lease.total_seconds()})
    return left
