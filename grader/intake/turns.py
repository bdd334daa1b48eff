"""Turns: how many things of one person run at a time, so that others do not wait for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """For the tasks of one event loop."""

    def __init__(self, at_once: int, waiting: int = 0) -> None:
        """`waiting`: how many more of one person may wait before `is_full`."""
        self._at_once = at_once
        self._most = at_once + waiting
        self._turns: dict[str, tuple[asyncio.Semaphore, int]] = {}
        """Person → the semaphore, and how many run or wait."""

    def is_full(self, person: str) -> bool:
        """Return whether this person has as many running and waiting as they may."""
        return person in self._turns and self._turns[person][1] >= self._most

    @asynccontextmanager
    async def of(self, person: str) -> AsyncIterator[None]:
        """Wait for this person's turn, first come, first served, and keep it until the block ends."""
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
