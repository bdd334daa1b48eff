"""`grader replay`: re-run one check of a report on the same submission, assignment and seed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.engine.grade import Scope, grade
from grader.errors import BadCall, Refused
from grader.intake.receive import receive_path
from grader.model import CheckResult, Points, Status, Submission
from grader.sandbox.contract import Sandbox

_KINDS = (".py", ".ipynb", ".zip")


@dataclass(frozen=True)
class ReportedVerdict:
    """The verdict on a check as reports state it, without its cost."""

    status: Status
    points: Points
    possible: Points
    reason: str
    mistake: str


@dataclass(frozen=True)
class ReportRecord:
    """The facts of a report that are needed to repeat its grading."""

    assignment: str
    assignment_digest: str
    submission_digest: str
    seed: str
    quick: bool
    files: tuple[str, ...]
    verdicts: dict[str, ReportedVerdict]


@dataclass(frozen=True)
class Replayed:
    """The verdict of a report, and that of the repeated grading."""

    then: ReportedVerdict
    now: ReportedVerdict


def read_report(file: Path) -> ReportRecord:
    """Read a report in JSON. Raise `BadCall` if the file is not one."""
    try:
        report: Any = json.loads(file.read_text("utf-8"))
        return ReportRecord(
            assignment=str(report["assignment"]["id"]),
            assignment_digest=str(report["assignment"]["digest"]),
            submission_digest=str(report["submission"]["digest"]),
            seed=str(report["seed"]),
            quick="quick" in str(report["scope"]),
            files=tuple(map(str, report["submission"]["files"])),
            verdicts={str(c["id"]): _verdict_of(c) for part in report["parts"] for c in part["checks"]},
        )
    except (OSError, ValueError, KeyError, TypeError):
        raise BadCall(f"{file} is not a report in JSON: make one with grader check --json") from None


def replay(
    old: ReportRecord, check: str, assignment: Assignment, places: Iterable[Path], seed: Seed, sandbox: Sandbox
) -> Replayed:
    """Re-run one check of a report.

    Args:
        old: The report.
        check: Id of the check.
        assignment: The assignment, in the version of the report.
        places: Files or folders in which to look for the submission.
        seed: The seed of the report.
        sandbox: The sandbox to run the student's code in.

    Returns:
        The old verdict and the new one.

    Raises:
        BadCall: Check, assignment, seed or submission is not that of the report.
    """
    if check not in old.verdicts:
        raise BadCall(f"the report has no check {check!r}: choose from {', '.join(old.verdicts)}")
    if old.assignment_digest != assignment.digest:
        raise BadCall(
            f"the report was made with version {old.assignment_digest[:12]} of {assignment.id}, but this is version "
            f"{assignment.digest[:12]}: check that version out, or grade again"
        )
    if old.seed != seed.label:
        raise BadCall(f"the report has the seed {old.seed!r}, and the seed here is {seed.label!r}: set GRADER_SECRET")
    submission = _named_as_then(_with_digest(old.submission_digest, places, assignment.files[0]), old.files)
    report = grade(submission, assignment, sandbox, seed, Scope(only=check, quick=old.quick))
    now = next(c for c in report.checks if c.id == check)
    return Replayed(old.verdicts[check], _verdict_now(now))


def _with_digest(digest: str, places: Iterable[Path], file: str) -> Submission:
    """Return the submission with this digest. Raise `BadCall` if none of the places has it."""
    for candidate in _candidates(places):
        try:
            submission = receive_path(candidate, file)
        except Refused:
            continue
        if submission.digest == digest:
            return submission
    raise BadCall("the submission of that report was not found: give its path with --submission PATH")


def _named_as_then(submission: Submission, files: Sequence[str]) -> Submission:
    """Return the submission with the file names of the report."""
    here = [*submission.files, *(notebook.path for notebook in submission.notebooks)]
    return replace(submission, names={name: then for name, then in zip(here, files, strict=False) if name != then})


def _candidates(places: Iterable[Path]) -> Iterator[Path]:
    """Yield files and folders that may be submissions, at most two levels deep."""
    for place in places:
        for pattern in ("", "*", "*/*"):
            paths = sorted(place.glob(pattern)) if pattern else [place]
            yield from (p for p in paths if _may_be_one(p))


def _may_be_one(path: Path) -> bool:
    if path.is_dir():
        return any(inner.suffix in _KINDS for inner in path.iterdir())
    return path.suffix in _KINDS


def _verdict_of(check: Any) -> ReportedVerdict:
    return ReportedVerdict(
        Status(check["status"]),
        Points(str(check["points"])),
        Points(str(check["possible"])),
        str(check["reason"]),
        str(check["mistake"]),
    )


def _verdict_now(check: CheckResult) -> ReportedVerdict:
    return ReportedVerdict(check.status, check.points, check.possible, check.reason, check.mistake)
