"""`grader backup` and `grader restore`: copy the SQLite database of a service into one file, or restore a copy."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from grader.cli.common import print_line
from grader.errors import BadCall
from grader.service import database_file, lock_home, make_home
from grader.settings import Settings
from grader.store import copies
from grader.store.copies import Copy, RestoredCopy


def backup_(
    to: Annotated[Path, typer.Argument(metavar="FILE", help="Path of the copy; the file must not exist.")],
) -> None:
    """Copy the service's SQLite database into one file; the service may run."""
    settings = Settings()
    written = backup(settings, to)
    megabytes = written.size / (1 << 20)
    print_line(f"written: {written.file} ({written.submissions} submissions, {megabytes:.1f} MiB)")
    if settings.secret:
        print_line("GRADER_SECRET is not in it: keep it too, or gradings cannot be repeated")


def restore_(
    copy: Annotated[Path, typer.Argument(metavar="FILE", help="A copy made by grader backup.")],
) -> None:
    """Replace the service's database by a copy; the service must not run."""
    settings = Settings()
    restored = restore(settings, copy)
    admin = f"GRADER_HOME={shlex.quote(str(settings.home))} grader admin"
    print_line(f"restored: {restored.submissions} submissions")
    print_line(f"all people must log in again ({admin} link LOGIN makes a link)")
    if restored.tokens:
        print_line(
            f"API tokens in the copy: {restored.tokens}; those revoked since it was made are valid again, so revoke "
            f"them again ({admin} tokens LOGIN)",
            "yellow",
        )
    if restored.aside:
        print_line(f"the previous database is kept: {restored.aside}", "dim")


def backup(settings: Settings, to: Path) -> Copy:
    """Copy the service's database, which may be in use, into the file `to`.

    Raises:
        BadCall: If there is no SQLite database, or the file exists.
    """
    database = _file(settings)
    if not database.exists():
        raise BadCall(f"there is no database {database}: set GRADER_HOME to the folder of the service")
    return copies.copy(database, to)


def restore(settings: Settings, copy: Path) -> RestoredCopy:
    """Replace the service's database by a copy.

    Returns:
        The number of submissions in the copy, the path that the previous database was moved to, and the number of API
        tokens that are valid again.

    Raises:
        BadCall: If a service is running on the database, or the file is not a copy of a database.
    """
    database = _file(settings)
    copies.examine(copy)  # before the folder GRADER_HOME is created, whose name may be mistyped
    with lock_home(make_home(settings)):
        return copies.restore(copy, database)


def _file(settings: Settings) -> Path:
    if settings.database_url:
        raise BadCall("grader backup copies SQLite only: use pg_dump (docs/operator.md, Back up)")
    return database_file(settings)
