"""The interface for queuing gradings, independent of the kind of workers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from grader.store.database import Tx
from grader.store.gradings import FULL
from grader.store.records import Priority


class Queue(Protocol):
    """A queue of gradings. Changes are part of the caller's transaction."""

    def enqueue(
        self,
        tx: Tx,
        submission: str,
        assignment: str,
        fairness_key: str,
        priority: Priority,
        *,
        scope: Mapping[str, Any] = FULL,
        regrade: str | None = None,
    ) -> str:
        """Add a grading to the queue, and return its id. See `grader.store.gradings.enqueue`."""
        ...

    def cancel(self, tx: Tx, grading: str) -> bool:
        """Cancel a grading. Return False if it is final."""
        ...

    def retry(self, tx: Tx, grading: str, assignment: str) -> bool:
        """Queue a broken grading again. Return False if it is not broken."""
        ...

    def trouble(self) -> str:
        """Return the reason why queued gradings are not graded; empty if they are."""
        ...

    def wake(self) -> None:
        """Tell the workers that there may be work. Call it after the transaction is committed."""
        ...
