"""A lock on a file, for one process at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grader.errors import BadCall


@contextmanager
def locked(file: Path, busy: str) -> Iterator[None]:
    """Hold the lock. Raise `BadCall` with the message `busy` if another process holds it."""
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadCall(busy) from None
        yield
