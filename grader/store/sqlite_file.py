"""Check that an SQLite database file and its write-ahead log belong together, before SQLite opens them.

SQLite loses acknowledged transactions in two cases: it deletes the log of an empty database, and it applies a log to
any database with the right file name. So a database is opened only if the log next to it is its own.

If a log is deleted while it is in use, SQLite continues to write to the deleted file, and the data is lost when the
process ends. So if a log is missing, all connections are closed, which copies the data into the database.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from grader.errors import BadCall, StoreUnavailable
from grader.store.files import write

LOCK_SECONDS = 20
"""Seconds that a transaction waits for a lock before it fails."""
APPLICATION_ID = int.from_bytes(b"GRDR")
"""Id in the header of the grader's databases (`PRAGMA application_id`). Databases of earlier versions have 0."""
LOG, SHARED_MEMORY, OWNER = "-wal", "-shm", "-id"
"""Suffixes of the names of files next to a database. SQLite writes the log and the shared memory. The grader writes the
file with the suffix OWNER: it contains the id of the log's database (a random number, `PRAGMA user_version`)."""


class _FileIdentity(NamedTuple):
    device: int
    inode: int


class LogRemoved(StoreUnavailable):
    """The write-ahead log was deleted while connections use it. Close all connections: closing the last one copies the
    log into the database."""


class DatabaseFile:
    """The file of one database. If another file replaces it at the same path, the new file is not opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_closing = False
        """True if all connections must be closed before new ones are opened."""
        self._opened: _FileIdentity | None = None
        self._opening = threading.Lock()
        self._connections = weakref.WeakSet[_SqliteConnection]()
        self._log: tuple[_FileIdentity | None, ...] = ()
        """The identities of the log and shared-memory files that the open connections use; None for a missing file."""

    def check(self) -> None:
        """Raise `StoreUnavailable` if the database must not be opened, or is not the file that was opened before."""
        with self._opening:
            if self._opened is None:
                identity = self._identity()
                self._require_ours()
                self._opened = identity
        if self._identity() != self._opened:
            raise StoreUnavailable(f"{self.path.name} was replaced by another file: restore the database")
        with self._opening:
            changed = self.is_closing or self._log_identities() != self._log
            self.is_closing = changed and len(self._connections) > 0
            if self.is_closing:
                raise LogRemoved(f"the log of {self.path.name} was removed while it was in use: try again in a moment")

    def connect(self) -> sqlite3.Connection:
        """Open a connection to the database. The connection may be passed between threads. It is in autocommit mode:
        transactions start with an explicit BEGIN."""
        self.check()
        connection = open_file(self.path)
        try:
            self.check()  # again, since the first statement opens the log
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")  # acknowledged transactions survive a power failure
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()  # creates the log
            with self._opening:
                if not self._connections:
                    self._log = self._log_identities()
                self._connections.add(connection)
                connection.closed = self._forget
            self.check()
        except (StoreUnavailable, sqlite3.Error):
            connection.close()
            raise
        return connection

    def _forget(self, connection: _SqliteConnection) -> None:
        with self._opening:
            self._connections.discard(connection)
            self.is_closing &= bool(self._connections)

    def _log_identities(self) -> tuple[_FileIdentity | None, ...]:
        return tuple(_identity_of(beside(self.path, ending)) for ending in (LOG, SHARED_MEMORY))

    def make(self) -> None:
        """Create a database without tables if the file is missing. Raise `StoreUnavailable` if files that belong to the
        missing database, such as its log, exist."""
        files = (beside(self.path, ending) for ending in (LOG, SHARED_MEMORY, OWNER))
        companions = [file.name for file in files if file.exists()]  # first: another process may be creating them
        if not self.path.exists():
            if companions:
                raise StoreUnavailable(
                    f"{self.path} is missing, but {' and '.join(companions)} exist: restore the database, or delete "
                    "these files to start with an empty one"
                )
            _make(self.path)

    def mark(self) -> None:
        """Write the grader's ids into the header of a database that an earlier version made. Raise `BadCall` for a
        database of another program."""
        self._identity()
        if _header(self.path)[0] == 0:
            self._require_own_log(0)
            _mark(self.path)

    def _identity(self) -> _FileIdentity:
        try:
            found = self.path.stat()
        except OSError:
            raise StoreUnavailable(f"{self.path.name} is missing: restore the database") from None
        if not found.st_size:
            raise StoreUnavailable(f"{self.path.name} is empty: restore the database, or delete the empty file")
        return _FileIdentity(found.st_dev, found.st_ino)

    def _require_ours(self) -> None:
        application, id = _header(self.path)
        if application != APPLICATION_ID:
            raise StoreUnavailable(f"{self.path.name} is not a database of the grader: restore the database")
        self._require_own_log(id)
        self._refuse_deleted_log()
        if self._owner() != id:
            owner = beside(self.path, OWNER)
            try:
                write(owner, f"{id}\n", private=True)
            except OSError as wrong:
                raise StoreUnavailable(f"{owner.name} cannot be written: {wrong.strerror}") from None

    def _require_own_log(self, id: int) -> None:
        log = beside(self.path, LOG)
        if self._owner() not in (None, id) and log.exists() and log.stat().st_size:
            raise StoreUnavailable(
                f"{log.name} belongs to another database than {self.path.name}: restore that database, or move the log"
            )

    def _refuse_deleted_log(self) -> None:
        """Raise `StoreUnavailable` if another process uses the database with a log whose file was deleted."""
        log, shared = self._log_identities()
        if log is None and shared is not None and _is_locked(shared):
            raise StoreUnavailable(f"{self.path.name}{LOG} was removed while the database was in use: try again")

    def _owner(self) -> int | None:
        """Return the id of the database that the log belongs to; None if unknown."""
        with suppress(OSError, ValueError):
            return int(beside(self.path, OWNER).read_text("ascii"))
        return None


class _SqliteConnection(sqlite3.Connection):
    closed: Callable[[_SqliteConnection], None] | None = None

    def close(self) -> None:
        super().close()
        if self.closed is not None:
            self.closed(self)


def _identity_of(file: Path) -> _FileIdentity | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return _FileIdentity(found.st_dev, found.st_ino)


def _is_locked(file: _FileIdentity) -> bool:
    """Return whether any process holds locks on a file, according to /proc/locks."""
    # opening and closing the file to test its locks would release those of this process (POSIX)
    with suppress(OSError):
        locked = Path("/proc/locks").read_text("ascii").split()
        return any(word.endswith(f":{file.inode}") for word in locked)  # device numbers may differ
    return False


def beside(path: Path, ending: str) -> Path:
    """Return a database's path with a suffix, for example "grader.db-wal" for the log."""
    return path.with_name(path.name + ending)


def _make(path: Path) -> None:
    """Create an empty database. Other processes find either no file or a complete one."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
    try:
        unfinished.touch(mode=0o600)
        with closing(sqlite3.connect(unfinished)) as connection:
            write_header(connection)
        with suppress(FileExistsError):  # another process has created it
            os.link(unfinished, path)
    except (OSError, sqlite3.Error) as wrong:
        raise StoreUnavailable(f"{path} cannot be created: {wrong}; check its folder") from wrong
    finally:
        unfinished.unlink(missing_ok=True)


def _mark(path: Path) -> None:
    """Write a new header into a database of an earlier version, and copy its log into the database file."""
    try:
        with closing(open_file(path)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
                raise BadCall(f"{path} is a database of another program: choose another GRADER_HOME")
            write_header(connection)
            (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as wrong:
        raise StoreUnavailable(f"{path} cannot be written: {wrong}") from wrong
    if busy:
        raise StoreUnavailable(f"{path} is in use by another process: stop that process first")


def write_header(connection: sqlite3.Connection) -> None:
    """Write the grader's application id and a new random database id into the header of a database."""
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {1 + secrets.randbelow(2**31 - 1)}")


_HEADER_PAUSES = (0.02, 0.1, 0.4)
"""Seconds between attempts to read a header. Attempts may fail because another process writes it."""


def _header(path: Path) -> tuple[int, int]:
    """Return the application id and the database id in the header of a database file, without reading its log."""
    for pause in _HEADER_PAUSES:
        with suppress(sqlite3.Error):
            return _read_header(path)
        time.sleep(pause)
    try:
        return _read_header(path)
    except sqlite3.Error as wrong:
        raise StoreUnavailable(f"{path.name} is not a readable database ({wrong}): restore the database") from None


def _read_header(path: Path) -> tuple[int, int]:
    # SQLite reads it, because closing a file opened with `open` would release this process's locks on it (POSIX)
    with closing(open_file(path, "ro&immutable=1")) as connection:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (id,) = connection.execute("PRAGMA user_version").fetchone()
    return application, id


def open_file(path: Path, mode: str = "rw") -> _SqliteConnection:
    """Open an existing SQLite file in autocommit mode, without the checks of `DatabaseFile`."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(
        uri, LOCK_SECONDS, isolation_level=None, check_same_thread=False, factory=_SqliteConnection, uri=True
    )
