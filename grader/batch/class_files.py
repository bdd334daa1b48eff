"""Protect the scores in an output folder: a later run must not overwrite them with fewer scores."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from grader.batch.folder import GRADED, RECORD, REPORT, STUDENTS, loaded
from grader.batch.matching import Matching
from grader.errors import BadCall
from grader.store.files import write

_WRITTEN_BY = "class.json"
"""Name of the file that records the `rules` and the `scope` of the last run (see `require_no_lost_scores`)."""
_OF_A_STUDENT = ("report.json", REPORT, "results.json")


def require_no_lost_scores(out: Path, rules: str, scope: str, matching: Matching, *, partial: bool) -> None:
    """Raise `BadCall` if this run would replace an earlier run's scores without computing all of them again.

    Args:
        out: The output folder.
        rules: A hash of everything that reports depend on, such as assignment and secret, but not of submissions.
        scope: The label of this run's scope, such as "full" or "only q1.1".
        matching: The submissions of this run by student.
        partial: True if only some students are graded (--students, --limit).
    """
    last_run = loaded(out / GRADED / _WRITTEN_BY)
    if last_run and last_run["rules"] != rules:
        if last_run["scope"] == "full" and scope != "full":
            raise _would_overwrite(out, f"it has scores of the full assignment, and this run is {scope}")
        if partial:
            raise _would_overwrite(
                out,
                "its scores are from another grader, assignment, scope or secret, and this run grades only some "
                "students",
            )
    if not partial:
        return
    lost = []
    for student in loaded(out / RECORD) or ():
        if student["points"] is not None and student["student"] not in matching.matches:
            lost.append(student["name"] or student["student"])
    if lost:
        raise _would_overwrite(out, f"this export lacks submissions that were graded before, of {', '.join(lost[:3])}")


def _would_overwrite(out: Path, why: str) -> BadCall:
    return BadCall(f"{out} would lose scores: {why}. Choose another folder with --out, or grade the whole class again")


def has_results(out: Path) -> bool:
    """Return whether a run has written results to the folder."""
    return (out / GRADED / _WRITTEN_BY).exists()


def record_run(out: Path, rules: str, scope: str) -> None:
    """Record the rules and the scope of this run, for the check in the next run."""
    text = json.dumps({"rules": rules, "scope": scope})
    write(out / GRADED / _WRITTEN_BY, f"{text}\n")


def remove_others(out: Path, keys: Collection[str]) -> None:
    """Remove the report files of earlier runs from the folders of all students whose keys (folder names) are not in
    `keys`."""
    for student in loaded(out / RECORD) or ():
        if student["student"] not in keys:
            folder = out / STUDENTS / student["student"]
            for name in _OF_A_STUDENT:
                (folder / name).unlink(missing_ok=True)
            with suppress(OSError):  # the folder is missing or has other files
                folder.rmdir()
