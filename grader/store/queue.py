"""How doors put gradings into the queue, whatever takes them out of it."""

from __future__ import annotations

from typing import Protocol

from grader.store.database import Tx
from grader.store.records import Priority


class Queue(Protocol):
    """What is done here is done within the caller's transaction: it is kept with it, or not at all."""

    def enqueue(
        self,
        tx: Tx,
        submission: str,
        assignment: str,
        whose: str,
        priority: Priority,
        regrade: str | None = None,
    ) -> str:
        """A new grading of a submission; returns its id."""
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
