"""The identity of an SQLite database file, checked before SQLite opens it.

SQLite removes the write-ahead log that lies beside an empty file, and applies a log to whatever file has its name. Both
lose acknowledged transactions, so a file is opened only if it is the database that the log belongs to.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from grader.errors import BadCall, StoreUnavailable

LOCK_SECONDS = 20
"""How long a transaction waits for another one's lock before it is our failure."""
APPLICATION_ID = int.from_bytes(b"GRDR")
"""In the header of every database of the grader (`PRAGMA application_id`). 0 is one of a version before this id."""
LOG, SHARED_MEMORY, OWNER = "-wal", "-shm", "-id"
"""Endings of the files beside a database. The grader writes the last one: it has the id (`PRAGMA user_version`, random)
of the database that the log belongs to."""


@dataclass(frozen=True)
class _Place:
    """Distinguishes a file from another one that takes its place."""

    device: int
    inode: int


class DatabaseFile:
    """The file of one database. Once it has been opened, nothing else at its path is ever opened instead."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: _Place | None = None
        self._opening = threading.Lock()

    def check(self) -> None:
        """Raise `StoreUnavailable` unless the database may be opened, or is still the one that was opened."""
        with self._opening:
            if self._opened is None:
                there = self._place()
                self._require_ours()
                self._opened = there
        if self._place() != self._opened:
            raise StoreUnavailable(f"another file is in the place of {self.path.name}: put the database back")

    def connect(self) -> sqlite3.Connection:
        """Open the database. A connection may be passed between threads, and every BEGIN on it is explicit."""
        self.check()
        connection = open_file(self.path)
        try:
            self.check()  # again: SQLite has opened the file, and looks for its log at the first statement
        except StoreUnavailable:
            connection.close()
            raise
        return connection

    def make(self) -> None:
        """Make a database without tables if there is none. Raise `StoreUnavailable` if files of a missing one are
        left."""
        companions = self._companions()  # before the look at the file, which another process may be making
        if not self.path.exists():
            if companions:
                raise StoreUnavailable(
                    f"{self.path} is missing, but {' and '.join(companions)} beside it are not: bring the database "
                    "back, or, to begin with an empty one, remove them too"
                )
            _make(self.path)

    def mark(self) -> None:
        """Give ids to a database of an earlier version, which has none. Raise `BadCall` for one of another program."""
        self._place()
        if _header(self.path)[0] == 0:
            self._require_own_log(0)
            _mark(self.path)

    def _place(self) -> _Place:
        try:
            found = self.path.stat()
        except OSError:
            raise StoreUnavailable(f"{self.path.name} is missing: bring the database back") from None
        if not found.st_size:
            raise StoreUnavailable(f"{self.path.name} is empty: put the database back, or remove the empty file")
        return _Place(found.st_dev, found.st_ino)

    def _require_ours(self) -> None:
        application, id = _header(self.path)
        if application != APPLICATION_ID:
            raise StoreUnavailable(f"{self.path.name} is not a database of the grader: put the database back")
        self._require_own_log(id)
        if self._owner() != id:
            _replace(beside(self.path, OWNER), f"{id}\n")

    def _require_own_log(self, id: int) -> None:
        log = beside(self.path, LOG)
        if self._owner() not in (None, id) and log.exists() and log.stat().st_size:
            raise StoreUnavailable(
                f"{log.name} belongs to another database than {self.path.name}: put that one back, or move the log away"
            )

    def _owner(self) -> int | None:
        """Return the id of the database that the log belongs to, if known."""
        with suppress(OSError, ValueError):
            return int(beside(self.path, OWNER).read_text("ascii"))
        return None

    def _companions(self) -> list[str]:
        return [file.name for ending in (LOG, SHARED_MEMORY, OWNER) if (file := beside(self.path, ending)).exists()]


def beside(path: Path, ending: str) -> Path:
    """Return the file beside a database whose name has this ending."""
    return path.with_name(path.name + ending)


def _make(path: Path) -> None:
    """Make the file under another name first, so that a file of this name is never empty."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
    try:
        unfinished.touch(mode=0o600)
        with closing(sqlite3.connect(unfinished)) as connection:
            write_header(connection)
        with suppress(FileExistsError):  # another process was quicker
            os.link(unfinished, path)
    except (OSError, sqlite3.Error) as wrong:
        raise StoreUnavailable(f"{path} cannot be created: {wrong}; check its folder") from wrong
    finally:
        unfinished.unlink(missing_ok=True)


def _mark(path: Path) -> None:
    """Write the header into the file itself, so that it can be read without the log."""
    try:
        with closing(open_file(path)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
                raise BadCall(f"{path} is a database of another program: choose another GRADER_HOME")
            write_header(connection)
            (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as wrong:
        raise StoreUnavailable(f"{path} cannot be written: {wrong}") from wrong
    if busy:
        raise StoreUnavailable(f"{path} is in use by another process: end that one first")


def write_header(connection: sqlite3.Connection) -> None:
    """Mark a database as one of the grader, with a new id."""
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {1 + secrets.randbelow(2**31 - 1)}")


def _header(path: Path) -> tuple[int, int]:
    """Return the ids of the application and of the database, without reading the log.

    Do not read them with `open`: closing the file would release the locks of all connections of this process (POSIX).
    """
    try:
        with closing(open_file(path, "ro&immutable=1")) as connection:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (id,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as wrong:
        raise StoreUnavailable(f"{path.name} cannot be read as a database ({wrong}): put the database back") from None
    return application, id


def open_file(path: Path, mode: str = "rw") -> sqlite3.Connection:
    """Open an SQLite file that is there, without a check. Each statement is a transaction unless it says BEGIN."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, LOCK_SECONDS, isolation_level=None, check_same_thread=False, uri=True)


def _replace(file: Path, content: str) -> None:
    new = file.with_name(f"{file.name}.{os.getpid()}.new")
    try:
        new.touch(mode=0o600)
        new.write_text(content, "ascii")
        new.replace(file)
    except OSError as wrong:
        raise StoreUnavailable(f"{file.name} cannot be written: {wrong.strerror}") from None
