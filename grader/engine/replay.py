"""Implement `grader replay`: re-run one check of a report on the same submission, assignment and seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.engine.grade import Scope, grade
from grader.errors import BadCall, Refused
from grader.intake.receive import receive_path
from grader.model import CheckResult, Report, Submission
from grader.sandbox.contract import Sandbox

_KINDS = (".py", ".ipynb", ".zip")


@dataclass(frozen=True)
class Replayed:
    """The result of a check in the report (`then`) and its result in the new grading (`now`)."""

    then: CheckResult
    now: CheckResult

    @property
    def is_same(self) -> bool:
        fields = ("status", "points", "possible", "reason", "mistake")
        return all(getattr(self.then, name) == getattr(self.now, name) for name in fields)


def replay(
    report: Report, check: str, assignment: Assignment, places: Iterable[Path], seed: Seed, sandbox: Sandbox
) -> Replayed:
    """Re-run one check of a report.

    Args:
        report: The report.
        check: Id of the check.
        assignment: The assignment, in the same version as in the report.
        places: Files or folders in which to look for the submission.
        seed: The seed of the report.
        sandbox: The sandbox to run the student's code in.

    Returns:
        The check's old result and its new result.

    Raises:
        BadCall: If the report has no such check, the assignment or seed differs from the report's, or the submission is
            not found.
    """
    old_results = {result.id: result for result in report.checks}
    if check not in old_results:
        raise BadCall(f"the report has no check {check!r}: choose from {', '.join(old_results)}")
    if report.assignment.digest != assignment.digest:
        raise BadCall(
            f"the report was made with version {report.assignment.digest[:12]} of {assignment.id}, but this is version "
            f"{assignment.digest[:12]}: check out the report's version of the assignment, or grade again"
        )
    kind_of_seed, _, _ = report.seed.partition(" ")  # older reports have a fingerprint after the word
    if kind_of_seed != seed.label:
        raise BadCall(
            f"the report has a {kind_of_seed} seed, but the seed here is {seed.label}: set GRADER_SECRET to the "
            "secret of the report, or to nothing"
        )
    submission = _with_digest(report.submission.digest, places, assignment.files[0])
    scope = Scope(only=check, quick=report.scope.quick)
    submission = _with_names_in_report(submission, report.submission.files)
    new_results = {result.id: result for result in grade(submission, assignment, sandbox, seed, scope).checks}
    return Replayed(old_results[check], new_results[check])


def _with_digest(digest: str, places: Iterable[Path], file: str) -> Submission:
    """Find the submission with this digest. Raise `BadCall` if it is not in any of the places."""
    for candidate in _candidates(places):
        try:
            submission = receive_path(candidate, file)
        except Refused:
            continue
        if submission.digest == digest:
            return submission
    raise BadCall("the submission of this report was not found: give its path with --submission PATH")


def _with_names_in_report(submission: Submission, files: Sequence[str]) -> Submission:
    """Return a copy of the submission for which messages use `files`, the file names in the old report."""
    own_files = [*submission.files, *(notebook.path for notebook in submission.notebooks)]
    names = {}
    for name, name_in_report in zip(own_files, files, strict=False):
        if name != name_in_report:
            names[name] = name_in_report
    return replace(submission, names=names)


def _candidates(places: Iterable[Path]) -> Iterator[Path]:
    """Yield the files and folders that may be submissions: the places, and what is in them down to two levels."""
    for place in places:
        for pattern in ("", "*", "*/*"):
            paths = sorted(place.glob(pattern)) if pattern else [place]
            yield from (p for p in paths if _may_be_one(p))


def _may_be_one(path: Path) -> bool:
    """Return whether a path may be a submission: a file of a known type, or a folder that contains one."""
    if path.is_dir():
        return any(inner.suffix in _KINDS for inner in path.iterdir())
    return path.suffix in _KINDS
