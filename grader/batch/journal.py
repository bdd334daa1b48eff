"""What has been graded, one file a hand-in, so that whatever ends a batch the next one goes on from there.

A file is renamed into its place when it is complete. What a report depends on is in the folder's name: another grader,
assignment, numpy, seed, scope or sandbox begins a folder of its own.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from grader.errors import BadCall
from grader.model import Report, Submission
from grader.render import as_json

STUDENTS, REPORT, RECORD = "students", "report.html", "class.json"
"""What else lies in a batch's folder: a folder for each student, their page in it, and where everybody stands."""
GRADED = "graded"
"""Folder of the journals and of the batch's id."""


def key_of(submission: Submission) -> str:
    """The same for the same files, as long as intake has the same to say about them."""
    said = "\n".join((submission.digest, *submission.remarks, *submission.names.values()))
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True)
class Journal:
    folder: Path

    @classmethod
    def under(cls, out: Path, rules: tuple[str, ...]) -> Journal:
        """`rules`: all that a report depends on besides the hand-in."""
        name = hashlib.sha256("\n".join(rules).encode()).hexdigest()[:16]
        folder = out / GRADED / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "rules.txt").write_text("\n".join(rules) + "\n", "utf-8")
        return cls(folder)

    def has(self, key: str) -> bool:
        return self.report(key) is not None

    def report(self, key: str) -> Report | None:
        """None where there is none, or only what a crash of the machine has left of one."""
        try:
            return as_json.loads(self._file(key).read_text("utf-8"))
        except (FileNotFoundError, UnicodeDecodeError, BadCall):
            return None

    def keep(self, key: str, report: Report) -> None:
        write(self._file(key), as_json.dumps(report))

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.json"


def write(file: Path, content: str) -> None:
    """All of it or nothing, whenever the process is killed."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    with unfinished.open("w", encoding="utf-8", newline="") as out:
        out.write(content)
    unfinished.replace(file)


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
