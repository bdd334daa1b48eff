"""The place of a grading in the queue, and an estimate of its waiting time."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from grader.service import Service
from grader.store import gradings
from grader.store.database import Tx
from grader.store.records import Grading, Kind


@dataclass(frozen=True)
class QueuePlace:
    """The place of a grading in the queue."""

    position: int
    """Position in the queue; 1 is next."""
    estimate_seconds: float | None
    """Estimated time until the grading starts; None if no grading has finished yet."""


def place(tx: Tx, service: Service, grading: Grading, kind: Kind) -> QueuePlace | None:
    """Return the place of a grading; None if the grading is not queued.

    The waiting time is the number of gradings ahead times the median duration of recent gradings, divided by the number
    of workers.
    """
    ahead = gradings.ahead_of(tx, grading.id)
    if ahead is None:
        return None
    recent = gradings.recent_seconds(tx, kind)
    workers = len(gradings.running(tx)) or service.settings.workers
    return QueuePlace(ahead + 1, round(ahead * median(recent) / workers, 1) if recent else None)
