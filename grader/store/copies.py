"""Back up an SQLite database while a service uses it, and restore it."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from grader.errors import BadCall, StoreUnavailable
from grader.store.files import give_to_owner_of
from grader.store.sqlite_file import LOG, MARKER, SHARED_MEMORY, DatabaseFile, beside, open_file, write_header

COMPANIONS = ("", LOG, SHARED_MEMORY)
"""Suffixes of the file names of a database that is in use: the database file, its log and its shared memory."""


@dataclass(frozen=True)
class Copy:
    """A backup file of a database."""

    file: Path
    submissions: int
    size: int
    """Size of the file in bytes."""


@dataclass(frozen=True)
class RestoredCopy:
    """The result of restoring a copy."""

    submissions: int
    """Number of submissions in the copy."""
    aside: Path | None
    """Path that the previous database was moved to; None if there was no previous database."""
    tokens: int
    """Number of unexpired API tokens in the copy. Tokens that were revoked after the copy was made are valid again."""


def copy(database: Path, to: Path) -> Copy:
    """Copy a database, which may be in use, to a new file that only its owner may read.

    Raises:
        BadCall: If the new file exists.
        StoreUnavailable: If the disk or the database fails.
    """
    if to.exists():
        raise BadCall(f"{to} exists: choose another name for the copy")
    unfinished = to.with_name(f"{to.name}.unfinished")
    try:
        with _failures_reported(), closing(DatabaseFile(database).connect()) as source:
            unfinished.touch(mode=0o600)
            _copy_content(source, unfinished)
        examined = examine(unfinished)
        with _failures_reported():
            _sync(unfinished)
            unfinished.rename(to)
            _sync(to.parent)
    finally:
        unfinished.unlink(missing_ok=True)
    return replace(examined, file=to)


def _copy_content(source: sqlite3.Connection, to: Path) -> None:
    """Copy the content of a database, which may be in use, and of its log to an empty file."""
    with closing(sqlite3.connect(to)) as target:
        source.backup(target)
        write_header(target)  # with a new id, so that the original's log is never applied to the copy
        target.execute("PRAGMA journal_mode = DELETE")  # no log: the copy is one file, even in a read-only folder


def examine(file: Path) -> Copy:
    """Return the size of a backup file and the number of submissions in it.

    Raises:
        BadCall: If the file is not a complete copy of a database.
    """
    try:
        with closing(open_file(file, "ro")) as connection:
            (problem,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            (submissions,) = connection.execute("SELECT count(*) FROM submissions, alembic_version").fetchone()
    except sqlite3.Error as wrong:
        raise BadCall(f"{file} was not made by grader backup ({wrong}): choose another file") from None
    if problem != "ok":
        raise BadCall(f"{file} is damaged ({problem}): choose another copy")
    return Copy(file, submissions, file.stat().st_size)


def restore(copy: Path, database: Path) -> RestoredCopy:
    """Replace a database, which must not be in use, by a copy. Keep the previous database under another name.

    Sessions and login links in the copy are deleted: everyone has to log in again.

    Raises:
        BadCall: If the file is not a complete copy.
        StoreUnavailable: If the disk or the database fails.
    """
    submissions = examine(copy).submissions
    new = database.with_name(f"{database.name}.new")
    with _failures_reported():
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)
        with closing(open_file(copy, "ro")) as source:  # `copy` may be a database that was set aside with its log
            _copy_content(source, new)
        tokens = _delete_logins(new)
        if database.exists():
            shutil.copymode(database, new)
        give_to_owner_of(database.parent, new)
        _sync(new)
        aside = _set_aside(database)
        new.replace(database)
        _sync(database.parent)
    return RestoredCopy(submissions, aside, tokens)


def _delete_logins(database: Path) -> int:
    """Delete sessions and login links. Return the number of API tokens that have not expired."""
    moment = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S.%f}"
    with closing(open_file(database)) as connection, connection:
        connection.execute("DELETE FROM tokens WHERE kind IN ('session', 'login')")
        alive = "SELECT count(*) FROM tokens WHERE expires_at IS NULL OR expires_at > ?"
        return int(connection.execute(alive, (moment,)).fetchone()[0])


def _set_aside(database: Path) -> Path | None:
    """Rename a database and the files beside it. Return the new path of the database; None if there was none."""
    aside = database.with_name(f"{database.stem}-before-{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S%f}.db")
    with suppress(FileNotFoundError):  # copied, not moved: this file keeps a starting service from making a database
        shutil.copy(beside(database, MARKER), beside(aside, MARKER))
    for ending in COMPANIONS:  # with the log, which may contain the newest transactions
        with suppress(FileNotFoundError):
            beside(database, ending).replace(beside(aside, ending))
    return aside if aside.exists() else None


def _sync(path: Path) -> None:
    """Flush a file, or the entries of a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _failures_reported() -> Iterator[None]:
    """Raise `StoreUnavailable` for errors of the disk or of SQLite within the block."""
    try:
        yield
    except (OSError, sqlite3.Error) as wrong:
        raise StoreUnavailable(f"the copy could not be made: {wrong}") from wrong
