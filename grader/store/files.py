"""Files that several processes use: replace one as a whole, or lock it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grader.errors import BadCall


def write(file: Path, content: str, *, private: bool = False) -> None:
    """Write a file completely or not at all, even if the process is killed.

    Args:
        file: Its path.
        content: Its text.
        private: Whether only its owner may read it, for secrets. It is on the disk when this returns.
    """
    mode = 0o600 if private else 0o666
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)  # of a process that was killed
    with open(unfinished, "x", encoding="utf-8", newline="", opener=lambda path, how: os.open(path, how, mode)) as out:
        out.write(content)
        if private:
            out.flush()
            os.fsync(out.fileno())
    unfinished.replace(file)


@contextmanager
def locked(file: Path, busy: str) -> Iterator[None]:
    """Hold the lock of a file. Raise `BadCall` with the message `busy` if another process holds it."""
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadCall(busy) from None
        yield
