"""What a batch leaves in its folder: gradebooks, and a folder for each student."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from grader.batch import cells, gradebooks
from grader.batch.journal import write
from grader.batch.outcome import Result
from grader.errors import BadCall
from grader.model import Report
from grader.render import as_json, gradescope

STUDENTS = "students"


@dataclass(frozen=True)
class Wishes:
    column: str
    """What the gradebook's column is called."""
    gradescope: bool = False


def write_all(out: Path, outcomes: Iterable[tuple[Result, Report | None]], wishes: Wishes) -> list[Result]:
    """Each file is complete or as it was before. Returns everybody's results."""
    results: list[Result] = []
    rows: list[gradebooks.Row] = [gradebooks.LONG]
    for result, report in outcomes:
        results.append(result)
        rows += gradebooks.long_rows(result, report)
        _write_student(out / STUDENTS / result.student.key, report, wishes)
    write(out / "scores.csv", cells.dumps(rows))
    write(out / "gradebook.csv", cells.dumps(gradebooks.ours(results)))
    write(out / "canvas.csv", cells.dumps(gradebooks.canvas(results, wishes.column)))
    write(out / "moodle.csv", cells.dumps(gradebooks.moodle(results)))
    return results


def _write_student(folder: Path, report: Report | None, wishes: Wishes) -> None:
    if report is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "report.json", as_json.dumps(report))
    if wishes.gradescope:
        write(folder / "results.json", json.dumps(gradescope.gradescope(report), indent=2) + "\n")


@contextmanager
def ours_alone(out: Path) -> Iterator[None]:
    """Two batches that write to one folder would undo each other's work."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = (out / ".lock").open("w")
    except OSError as wrong:
        raise BadCall(f"{out} cannot be written to ({wrong.strerror})") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadCall(f"another grader batch is writing to {out}") from None
        yield
