"""Back up an SQLite database while a service uses it, and restore it."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from grader.errors import BadCall, StoreUnavailable
from grader.store.sqlite_file import LOG, OWNER, SHARED_MEMORY, DatabaseFile, beside, open_file, write_header

COMPANIONS = ("", LOG, SHARED_MEMORY)
"""Suffixes of the files of a database that is in use."""


@dataclass(frozen=True)
class Copy:
    """A copy of a database."""

    file: Path
    submissions: int
    size: int
    """Bytes."""


@dataclass(frozen=True)
class PutBack:
    """The outcome of restoring a copy."""

    aside: Path | None
    """Path of the previous database; None if there was none."""
    tokens: int
    """Number of API tokens in the copy that have not expired. One that was revoked after the copy works again."""


def copy(database: Path, to: Path) -> Copy:
    """Copy a database, in one consistent state, into one file that only its owner may read.

    Raises:
        BadCall: If the file exists.
        StoreUnavailable: If the disk or the database fails.
    """
    with _made(to) as unfinished:
        with _failures_reported(), closing(_live(database)) as source, closing(sqlite3.connect(unfinished)) as target:
            source.backup(target)
            write_header(target)  # a new id: the original's log must not be applied to the copy
            target.execute("PRAGMA journal_mode = DELETE")  # so that it is one file, and can lie where none is written
        found = examine(unfinished)
    return Copy(to, found.submissions, found.size)


def examine(file: Path) -> Copy:
    """Return the facts of a copy.

    Raises:
        BadCall: If the file is not a complete copy.
    """
    try:
        with closing(open_file(file, "ro")) as connection:
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            (submissions,) = connection.execute("SELECT count(*) FROM submissions, alembic_version").fetchone()
    except sqlite3.Error as wrong:
        raise BadCall(f"{file} was not made by grader backup ({wrong})") from None
    if said != "ok":
        raise BadCall(f"{file} is damaged ({said}): take another copy")
    return Copy(file, submissions, file.stat().st_size)


def put_back(copy: Path, database: Path) -> PutBack:
    """Replace a database, which must not be in use, by a copy. The previous one is kept under another name.

    All sessions and login links of the copy are deleted: people who logged out after the copy would be logged in again,
    and used links would work again.
    """
    examine(copy)
    new = database.with_name(f"{database.name}.new")
    with _failures_reported():
        new.touch(mode=0o600)
        shutil.copyfile(copy, new)
        tokens = _end_logins(new)
        _sync(new)
        aside = _set_aside(database)
        new.replace(database)
        _sync(database.parent)
    return PutBack(aside, tokens)


def _end_logins(database: Path) -> int:
    """Delete sessions and login links. Return the number of API tokens that are left."""
    moment = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S.%f}"
    with closing(open_file(database)) as connection, connection:
        connection.execute("DELETE FROM tokens WHERE kind IN ('session', 'login')")
        alive = "SELECT count(*) FROM tokens WHERE expires_at IS NULL OR expires_at > ?"
        return int(connection.execute(alive, (moment,)).fetchone()[0])


def _set_aside(database: Path) -> Path | None:
    aside = database.with_name(f"{database.stem}-before-{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S%f}.db")
    with suppress(FileNotFoundError):  # a copy: without it a service that starts now would make an empty database
        shutil.copy(beside(database, OWNER), beside(aside, OWNER))
    for ending in COMPANIONS:  # together: the newest transactions may be in the second
        with suppress(FileNotFoundError):
            beside(database, ending).replace(beside(aside, ending))
    return aside if aside.exists() else None


@contextmanager
def _made(to: Path) -> Iterator[Path]:
    """Yield a file to write, which gets its name when it is complete and on the disk."""
    if to.exists():
        raise BadCall(f"{to} is there already: give the copy another name")
    unfinished = to.with_name(f"{to.name}.unfinished")
    try:
        with _failures_reported():
            unfinished.touch(mode=0o600)
        yield unfinished
        with _failures_reported():
            _sync(unfinished)
            unfinished.rename(to)
            _sync(to.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def _live(database: Path) -> sqlite3.Connection:
    """Return a connection to a database that may be in use."""
    file = DatabaseFile(database)
    file.mark()
    return file.connect()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _failures_reported() -> Iterator[None]:
    """Report failures of the disk and the database as `StoreUnavailable`."""
    try:
        yield
    except (OSError, sqlite3.Error) as wrong:
        raise StoreUnavailable(f"the copy could not be made: {wrong}") from wrong
