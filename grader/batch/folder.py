"""The output folder of a batch: the names of files in it, and the lock of the folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from grader.errors import BadCall
from grader.store.files import locked

STUDENTS, REPORT, RECORD = "students", "report.html", "class.json"
"""Names in the output folder. `STUDENTS` is the folder that contains a folder for each student, `REPORT` the report in
a student's folder, `RECORD` the file with the results of all students."""
GRADED = "graded"
"""Name of the folder with the queue's database, the log, the batch's id, and the automatic comparisons of written
answers."""
DATABASE = "queue.db"
OPINIONS = "opinions.json"
"""Name of the JSON file with the automatic comparisons of written answers: submission's digest → question's id →
comparison."""


@contextmanager
def opened_for_writing(out: Path) -> Iterator[None]:
    """Create the output folder, and lock it within the `with` block so that no other batch writes to it.

    Raises:
        BadCall: If the folder cannot be written to, or another batch uses it.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / ".lock").touch()
    except OSError as wrong:
        raise BadCall(f"{out} cannot be written to ({wrong.strerror}): choose another folder with --out") from None
    with locked(out / ".lock", f"another grader batch is writing to {out}"):
        (out / GRADED).mkdir(exist_ok=True)
        yield


def loaded(file: Path) -> Any:
    """Return the content of a JSON file; None if it is missing or not valid."""
    try:
        return json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
