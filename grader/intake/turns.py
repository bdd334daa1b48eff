"""Limit the number of tasks that run for one person at the same time, so that other people's tasks are not delayed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """A semaphore for each person. Use it in one event loop only."""

    def __init__(self, at_once: int, waiting: int = 0) -> None:
        """Set the limits for each person.

        Args:
            at_once: Number of tasks of one person that may run at the same time.
            waiting: Number of further tasks of one person that may wait before `is_full` returns True.
        """
        self._at_once = at_once
        self._most = at_once + waiting
        self._turns: dict[str, tuple[asyncio.Semaphore, int]] = {}
        """Person → (semaphore, number of running and waiting tasks)."""

    def is_full(self, person: str) -> bool:
        """Return whether this person has the maximum number of running and waiting tasks."""
        if person not in self._turns:
            return False
        _, tasks = self._turns[person]
        return tasks >= self._most

    @asynccontextmanager
    async def of(self, person: str) -> AsyncIterator[None]:
        """Wait until this person may run another task. The task is the `with` block."""
        semaphore, tasks = self._turns.get(person, (asyncio.Semaphore(self._at_once), 0))
        self._turns[person] = (semaphore, tasks + 1)
        try:
            async with semaphore:
                yield
        finally:
            _, tasks = self._turns.pop(person)
            if tasks > 1:
                self._turns[person] = (semaphore, tasks - 1)
