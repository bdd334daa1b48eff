"""`grader backup` and `grader restore`: everything that a service on one machine knows, in one file."""

from __future__ import annotations

from pathlib import Path

from grader.errors import BadCall
from grader.service import alone, database_file, made_home
from grader.settings import Settings
from grader.store import copies
from grader.store.copies import Copy, PutBack


def backup(settings: Settings, to: Path) -> Copy:
    """While the service runs, or while it does not."""
    database = _file(settings)
    if not database.exists():
        raise BadCall(f"there is no {database} to copy: is GRADER_HOME that of the service?")
    return copies.copy(database, to)


def restore(settings: Settings, copy: Path) -> tuple[Copy, PutBack]:
    """What is now the database, what became of the one before, and which tokens there are. Raises `BadCall` while a
    service runs on it."""
    database = _file(settings)
    found = copies.examine(copy)
    with alone(made_home(settings)):
        return found, copies.put_back(copy, database)


def _file(settings: Settings) -> Path:
    if settings.database_url:
        raise BadCall("copies of the database that GRADER_DATABASE_URL names are made by pg_dump (README, Back up)")
    return database_file(settings)
