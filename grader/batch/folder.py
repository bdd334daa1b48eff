"""The output folder of a batch: names of its files, and its lock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grader.errors import BadCall
from grader.store.files import locked

STUDENTS, REPORT, RECORD = "students", "report.html", "class.json"
"""A folder for each student, the report in it, and a file with the outcome of every student."""
GRADED = "graded"
"""Folder of the queue's database, its log, the batch's id, and suggestions that students do not see."""
DATABASE = "queue.db"
OPINIONS = "opinions.json"
"""Suggestions for answers, by submission's digest and question."""


@contextmanager
def opened_for_writing(out: Path) -> Iterator[None]:
    """Lock the folder, since two batches would overwrite each other's files.

    Raises:
        BadCall: The folder cannot be written to, another batch uses it, or an earlier version wrote it.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / ".lock").touch()
    except OSError as wrong:
        raise BadCall(f"{out} cannot be written to ({wrong.strerror})") from None
    with locked(out / ".lock", f"another grader batch is writing to {out}"):
        if next(out.glob(f"{GRADED}/*/rules.txt"), None):
            raise BadCall(
                f"{out} was written by an earlier version of grader batch, which this version cannot continue: choose "
                "another folder with --out. grader zip and grader mark still accept this one"
            )
        (out / GRADED).mkdir(exist_ok=True)
        yield
