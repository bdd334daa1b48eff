"""Open an SQLite database without losing transactions that were acknowledged.

After a kill, SQLite recovers a database from the write-ahead log beside it. It does not notice three mistakes: it
creates a database where one is missing, deletes the log beside an empty file, and applies a log to any database with
the right file name. So a database is opened only if it is the grader's, and if a log beside it is its own.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from grader.errors import StoreUnavailable
from grader.store.files import write

LOCK_SECONDS = 20
"""Seconds that a transaction waits for a lock before it fails."""
APPLICATION_ID = int.from_bytes(b"GRDR")
"""Id in the header of the grader's databases (`PRAGMA application_id`)."""
LOG, SHARED_MEMORY, MARKER = "-wal", "-shm", "-id"
"""Suffixes of the names of files beside a database. SQLite writes the log and the shared memory. The grader writes the
marker: it shows that there was a database, and contains that database's id."""


@dataclass(frozen=True)
class _Header:
    application_id: int
    database_id: int
    """A random number (`PRAGMA user_version`). A copy of a database has another one."""


class DatabaseFile:
    """The file of one database. If another file replaces it at the same path, the new file is not opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._log = beside(path, LOG)
        self._marker = beside(path, MARKER)
        self._opened: os.stat_result | None = None

    def create(self) -> bool:
        """Create a database without tables if there is none. Return True if this call created it.

        Raises:
            StoreUnavailable: If there was a database at this path, and its file is missing.
        """
        # this comes first, since another process may create the database and its marker in between
        remains = [file.name for file in (self._marker, self._log) if file.exists()]
        if self.path.exists():
            return False
        if remains:
            raise StoreUnavailable(
                f"{self.path} is missing, but {' and '.join(remains)} exist: restore the database, or delete "
                "these files to start with an empty one"
            )
        return _create(self.path)

    def check(self) -> None:
        """Raise `StoreUnavailable` if the file must not be opened, or is not the file that was opened before."""
        status = self._status()
        if self._opened is None:
            self._require_own_log()
            self._opened = status
        if not os.path.samestat(status, self._opened):
            raise StoreUnavailable(f"{self.path.name} was replaced by another file: restore the database")

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
        except (StoreUnavailable, sqlite3.Error):
            connection.close()
            raise
        return connection

    def _status(self) -> os.stat_result:
        """Return the file's device and inode. Raise `StoreUnavailable` if it is missing or empty."""
        try:
            status = self.path.stat()
        except OSError:
            raise StoreUnavailable(f"{self.path.name} is missing: restore the database") from None
        if not status.st_size:
            raise StoreUnavailable(f"{self.path.name} is empty: restore the database, or delete the empty file")
        return status

    def _require_own_log(self) -> None:
        """Raise `StoreUnavailable` if the database, or the log beside it, is not the grader's. Write the marker."""
        header = _header(self.path)
        if header.application_id != APPLICATION_ID:
            raise StoreUnavailable(f"{self.path.name} is not a database of the grader: restore the database")
        marked = self._marked_id()
        if marked == header.database_id:
            return
        if marked is not None and self._log.exists() and self._log.stat().st_size:
            raise StoreUnavailable(
                f"{self._log.name} belongs to another database than {self.path.name}: restore that database, or move "
                f"the log; if both files were copied here together, delete {self._marker.name}"
            )
        try:
            write(self._marker, f"{header.database_id}\n", private=True)
        except OSError as error:
            raise StoreUnavailable(f"{self._marker.name} cannot be written: {error.strerror}") from None

    def _marked_id(self) -> int | None:
        """Return the id of the database that was last opened at this path; None if unknown."""
        with suppress(OSError, ValueError):
            return int(self._marker.read_text("ascii"))
        return None


def beside(path: Path, ending: str) -> Path:
    """Return a database's path with a suffix, for example "grader.db-wal" for the log."""
    return path.with_name(path.name + ending)


def _create(path: Path) -> bool:
    """Create an empty database. Other processes find either no file or a complete one. Return False if another process
    was faster."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
    try:
        unfinished.touch(mode=0o600)
        with closing(sqlite3.connect(unfinished)) as connection:
            write_header(connection)
        os.link(unfinished, path)
    except FileExistsError:
        return False
    except (OSError, sqlite3.Error) as error:
        raise StoreUnavailable(f"{path} cannot be created: {error}; check its folder") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return True


def write_header(connection: sqlite3.Connection) -> None:
    """Write the grader's application id and a new random database id into the header of a database."""
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {secrets.randbits(31)}")


def _header(path: Path) -> _Header:
    """Return the ids in the header of a database file. Neither read nor change the log beside it."""
    # SQLite reads it, because closing a file opened with `open` would release this process's locks on it (POSIX)
    try:
        with closing(open_file(path, "ro&immutable=1")) as connection:
            # a kill within a checkpoint leaves a file that is shorter than its header says; SQLite completes it later
            connection.execute("PRAGMA writable_schema = ON")
            (application_id,) = connection.execute("PRAGMA application_id").fetchone()
            (database_id,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{path.name} is not a readable database ({error}): restore the database") from None
    return _Header(application_id, database_id)


def open_file(path: Path, mode: str = "rw") -> sqlite3.Connection:
    """Open an existing SQLite file in autocommit mode, without the checks of `DatabaseFile`."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, LOCK_SECONDS, isolation_level=None, check_same_thread=False, uri=True)
