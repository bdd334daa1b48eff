"""Where a grading stands in the queue, and about when its turn will come."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from grader.service import Service
from grader.store import gradings
from grader.store.database import Tx
from grader.store.records import Grading, Kind


@dataclass(frozen=True)
class QueuePlace:
    position: int
    """1 is the next to be started."""
    estimate_seconds: float | None
    """Until it is started, about; None while nothing is known of how long gradings take here."""


def place(tx: Tx, service: Service, grading: Grading, kind: Kind) -> QueuePlace | None:
    """None where it waits no more. The estimate is what waits ahead × what lately took a grading ÷ workers; while
    anything waits, all workers are busy, so that those that run tell how many there are on all machines."""
    ahead = gradings.ahead_of(tx, grading.id)
    if ahead is None:
        return None
    recent = gradings.recent_seconds(tx, kind)
    workers = len(gradings.running(tx)) or service.settings.workers
    return QueuePlace(ahead + 1, round(ahead * median(recent) / workers, 1) if recent else None)
