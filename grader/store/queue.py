"""The queue of gradings. All kinds of workers use it through one interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grader.store import gradings
from grader.store.database import Tx
from grader.store.records import Priority


class StoreQueue:
    """The queue in the database. Its methods take part in the caller's transaction."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        """Create a queue.

        Args:
            keys: Compatibility keys by assignment id.
        """
        self._keys = keys

    def enqueue(
        self,
        tx: Tx,
        submission: str,
        assignment: str,
        fairness_key: str,
        priority: Priority,
        *,
        scope: Mapping[str, Any] = gradings.FULL,
        regrade: str | None = None,
    ) -> str:
        """Add a grading to the queue, and return its id. See `grader.store.gradings.enqueue`."""
        key = self._keys[assignment]
        return gradings.enqueue(tx, submission, fairness_key, priority, key, scope=scope, regrade=regrade)

    def retry(self, tx: Tx, grading: str, assignment: str) -> bool:
        """Queue a broken grading again. Return False if the grading is not broken."""
        return gradings.retry(tx, grading, self._keys[assignment])

    def trouble(self) -> str:
        """Return why this process's workers cannot grade; empty if they can, or if workers run elsewhere."""
        return ""

    def wake(self) -> None:
        """Notify the workers of this process that a grading was queued. Call this after the commit."""
