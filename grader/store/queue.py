"""How doors put gradings into the queue, whatever takes them out of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from grader.store.database import Tx
from grader.store.gradings import FULL
from grader.store.records import Priority


class Queue(Protocol):
    """What is done here is done within the caller's transaction: it is kept with it, or not at all."""

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
        """Add a grading to the queue, and return its id: see `grader.store.gradings.enqueue`."""
        ...

    def cancel(self, tx: Tx, grading: str) -> bool:
        """Whether it could be: what is final stays."""
        ...

    def retry(self, tx: Tx, grading: str, assignment: str) -> bool:
        """What was broken waits again."""
        ...

    def trouble(self) -> str:
        """Why nothing that waits would be graded; empty where all is well."""
        ...

    def wake(self) -> None:
        """Called after the transaction: there may be work."""
        ...
