"""Copies of an SQLite database: made while a service writes to it, and put into its place again."""

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
"""What the names of a database's files end with while it is in use."""


@dataclass(frozen=True)
class Copy:
    file: Path
    submissions: int
    size: int
    """Bytes."""


@dataclass(frozen=True)
class PutBack:
    aside: Path | None
    """Where what was there before is kept."""
    tokens: int
    """How many tokens of programs the copy has that have not expired: one that was revoked after it works again."""


def copy(database: Path, to: Path) -> Copy:
    """One state of the whole database in one file, which only its owner may read. Raises `BadCall` where there is
    such a file already."""
    with _made(to) as unfinished:
        with _as_ours(), closing(_live(database)) as source, closing(sqlite3.connect(unfinished)) as target:
            source.backup(target)
            write_header(target)  # a new id: the original's log must not be applied to the copy
            target.execute("PRAGMA journal_mode = DELETE")  # so that it is one file, and can lie where none is written
        found = examine(unfinished)
    return Copy(to, found.submissions, found.size)


def examine(file: Path) -> Copy:
    """Raises `BadCall` for what is no whole copy."""
    try:
        with closing(open_file(file, "ro")) as connection:
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            (submissions,) = connection.execute("SELECT count(*) FROM submissions, alembic_version").fetchone()
    except sqlite3.Error as wrong:
        raise BadCall(f"{file} is no copy that grader backup has made ({wrong})") from None
    if said != "ok":
        raise BadCall(f"{file} is damaged ({said}): take another copy")
    return Copy(file, submissions, file.stat().st_size)


def put_back(copy: Path, database: Path) -> PutBack:
    """The copy becomes the database, which nobody may be using. What was there is kept under another name. Nobody is
    logged in any more: who has logged out since the copy would be in again, and links that were used would work."""
    examine(copy)
    new = database.with_name(f"{database.name}.new")
    with _as_ours():
        new.touch(mode=0o600)
        shutil.copyfile(copy, new)
        tokens = _log_everybody_out(new)
        _sync(new)
        aside = _set_aside(database)
        new.replace(database)
        _sync(database.parent)
    return PutBack(aside, tokens)


def _log_everybody_out(database: Path) -> int:
    """How many tokens of programs are left."""
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
    """A file to be written, which gets its name when it is whole and on the disk."""
    if to.exists():
        raise BadCall(f"{to} is there already: give the copy another name")
    unfinished = to.with_name(f"{to.name}.unfinished")
    try:
        with _as_ours():
            unfinished.touch(mode=0o600)
        yield unfinished
        with _as_ours():
            _sync(unfinished)
            unfinished.rename(to)
            _sync(to.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def _live(database: Path) -> sqlite3.Connection:
    """A connection to a database that a service may be using."""
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
def _as_ours() -> Iterator[None]:
    """A disk that is full, and a folder that is not there, are no bugs."""
    try:
        yield
    except (OSError, sqlite3.Error) as wrong:
        raise StoreUnavailable(f"the copy could not be made: {wrong}") from wrong
