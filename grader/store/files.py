"""Atomic replacement and locks for files that several processes use."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import get_native_id

from grader.errors import BadCall


def write(file: Path, content: str, *, private: bool = False) -> None:
    """Write a file atomically: readers see the old or the new content, even if the process is killed.

    Args:
        file: Path of the file.
        content: Text of the file.
        private: True for a secret: only the owner may read the file, and it is flushed to disk.
    """
    mode = 0o600 if private else 0o666
    unfinished = file.with_name(f".{file.name}.{get_native_id()}")  # unique among all processes
    unfinished.unlink(missing_ok=True)  # left over if an earlier thread with this id was killed
    try:
        with open(unfinished, "x", encoding="utf-8", newline="", opener=partial(os.open, mode=mode)) as out:
            out.write(content)
            if private:
                out.flush()
                os.fsync(out.fileno())
        unfinished.replace(file)
    except OSError:  # for example, the disk is full
        unfinished.unlink(missing_ok=True)
        raise


def give_to_owner_of(path: Path, file: Path) -> None:
    """Give a file that root has made to the owner of `path`, a service's file or folder. No-op for other users."""
    if os.geteuid() == 0:
        owner = path.stat()
        os.chown(file, owner.st_uid, owner.st_gid)


@contextmanager
def locked(file: Path, busy: str) -> Iterator[None]:
    """Hold an exclusive lock on a file. Raise `BadCall` with the message `busy` if another process holds the lock."""
    with file.open("w") as lock:
        give_to_owner_of(file.parent, file)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadCall(busy) from None
        yield
