"""Turns: so many of one person's at a time, and the rest of theirs wait without holding anybody else up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """For the tasks of one event loop."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._turns: dict[str, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def of(self, person: str) -> AsyncIterator[None]:
        """Wait for a turn of this person's, and keep it meanwhile. First come, first served."""
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
