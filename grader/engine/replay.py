"""`grader replay`: one verdict of a report, formed again from the same submission, assignment and seed."""

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
class Verdict:
    """What can be compared: everything that was said about the check but its cost."""

    status: Status
    points: Points
    possible: Points
    reason: str
    mistake: str


@dataclass(frozen=True)
class Recorded:
    """What a report says about how it came about."""

    assignment: str
    assignment_digest: str
    submission_digest: str
    seed: str
    quick: bool
    files: tuple[str, ...]
    verdicts: dict[str, Verdict]


@dataclass(frozen=True)
class Replayed:
    then: Verdict
    now: Verdict


def read_report(file: Path) -> Recorded:
    try:
        report: Any = json.loads(file.read_text("utf-8"))
        return Recorded(
            assignment=str(report["assignment"]["id"]),
            assignment_digest=str(report["assignment"]["digest"]),
            submission_digest=str(report["submission"]["digest"]),
            seed=str(report["seed"]),
            quick="quick" in str(report["scope"]),
            files=tuple(map(str, report["submission"]["files"])),
            verdicts={str(c["id"]): _verdict_of(c) for part in report["parts"] for c in part["checks"]},
        )
    except (OSError, ValueError, KeyError, TypeError):
        raise BadCall(f"{file} is not a report of ours (grader check --json writes one)") from None


def replay(
    old: Recorded, check: str, assignment: Assignment, places: Iterable[Path], seed: Seed, sandbox: Sandbox
) -> Replayed:
    if check not in old.verdicts:
        raise BadCall(f"the report has no check {check!r} (it has: {', '.join(old.verdicts)})")
    if old.assignment_digest != assignment.digest:
        raise BadCall(
            f"the report was made with another version of {assignment.id} ({old.assignment_digest[:12]}; here is "
            f"{assignment.digest[:12]}): check that version out, or grade again"
        )
    if old.seed != seed.label:
        raise BadCall(f"the report was made under the seed {old.seed!r}, here it is {seed.label!r}: set GRADER_SECRET")
    submission = _named_as_then(_with_digest(old.submission_digest, places, assignment.files[0]), old.files)
    report = grade(submission, assignment, sandbox, seed, Scope(only=check, quick=old.quick))
    now = next(c for c in report.checks if c.id == check)
    return Replayed(old.verdicts[check], _verdict(now))


def _with_digest(digest: str, places: Iterable[Path], file: str) -> Submission:
    """The submission with this digest among the places and what lies in them."""
    for candidate in _candidates(places):
        try:
            submission = receive_path(candidate, file)
        except Refused:
            continue
        if submission.digest == digest:
            return submission
    raise BadCall("the submission of that report is not here: say where it lies with --submission PATH")


def _named_as_then(submission: Submission, files: Sequence[str]) -> Submission:
    """Return the submission under the file names that the report has."""
    here = [*submission.files, *(notebook.path for notebook in submission.notebooks)]
    return replace(submission, names={name: then for name, then in zip(here, files, strict=False) if name != then})


def _candidates(places: Iterable[Path]) -> Iterator[Path]:
    """Files that could be one, and folders with such files in them, at most two levels down."""
    for place in places:
        for pattern in ("", "*", "*/*"):
            paths = sorted(place.glob(pattern)) if pattern else [place]
            yield from (p for p in paths if _may_be_one(p))


def _may_be_one(path: Path) -> bool:
    if path.is_dir():
        return any(inner.suffix in _KINDS for inner in path.iterdir())
    return path.suffix in _KINDS


def _verdict_of(check: Any) -> Verdict:
    return Verdict(
        Status(check["status"]),
        Points(str(check["points"])),
        Points(str(check["possible"])),
        str(check["reason"]),
        str(check["mistake"]),
    )


def _verdict(check: CheckResult) -> Verdict:
    return Verdict(check.status, check.points, check.possible, check.reason, check.mistake)
