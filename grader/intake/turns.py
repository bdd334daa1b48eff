"""Limits on the number of tasks of one person that run at a time, so that one person's tasks do not delay others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """A semaphore for each person, for the tasks of one event loop."""

    def __init__(self, at_once: int, waiting: int = 0) -> None:
        """Set the limits.

        Args:
            at_once: Number of tasks of one person that may run at a time.
            waiting: Number of tasks of one person that may wait before `is_full`.
        """
        self._at_once = at_once
        self._most = at_once + waiting
        self._turns: dict[str, tuple[asyncio.Semaphore, int]] = {}
        """Person → semaphore, and number of running and waiting tasks."""

    def is_full(self, person: str) -> bool:
        """Return whether this person has reached the limit of running and waiting tasks."""
        return person in self._turns and self._turns[person][1] >= self._most

    @asynccontextmanager
    async def of(self, person: str) -> AsyncIterator[None]:
        """Wait until fewer than `at_once` tasks of this person run. The task runs until the block ends."""
        turns, asking = self._turns.get(person, (asyncio.Semaphore(self._at_once), 0))
        self._turns[person] = (turns, asking + 1)
        try:
            async with turns:
                yield
        finally:
            asking = self._turns[person][1] - 1
            if asking:
                self._turns[person] = (turns, asking)
            else:
                del self._turns[person]
