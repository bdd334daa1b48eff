"""The result of a batch for each student: submission and score, or the reason why there is no score.

Results are computed from stored reports, so a change of the due date or late policy needs no new grading.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from grader.batch.export import ExportedSubmission
from grader.batch.folder import REPORT
from grader.batch.matching import Matching
from grader.batch.people import ClassStudent
from grader.batch.queue import Received
from grader.batch.run import Receipt, Run, Unreadable
from grader.batch.scores import OtherScore
from grader.course.late import Lateness, after_penalty, lateness
from grader.model import Points, Report, show_points


class Standing(StrEnum):
    """The state of a student's result: graded, or the reason why there is no score."""

    GRADED = "graded"
    PARTLY_GRADED = "partly graded"
    """Some points await marking. The score does not contain them."""
    NO_CODE = "code not submitted"
    """Only written answers were submitted. The student has no score, rather than a score of zero."""
    MISSING = "missing"
    UNCLEAR = "unclear"
    UNREADABLE = "unreadable"
    FAILED = "internal error"
    NOT_YET = "not graded yet"


@dataclass(frozen=True)
class OutputOptions:
    """Options of the output files."""

    column: str
    """Title of the score column in the gradebook for Canvas."""
    gradescope: bool = False
    """True to write a results.json for Gradescope beside each report."""
    compare_with: tuple[OtherScore, ...] | None = None
    """Scores of another gradebook to compare with; None for no comparison."""


@dataclass(frozen=True)
class Result:
    """The result of one student."""

    student: ClassStudent
    standing: Standing
    why: str = ""
    """Reason for the standing, for example why a submission cannot be read."""
    submission: ExportedSubmission | None = None
    digest: str = ""
    """Hash of the names and contents of the submitted files."""
    shares_with: tuple[str, ...] = ()
    """Names of the students whose separate submissions consist of the same files."""
    late: Lateness | None = None
    """How late the submission is; None without a submission, or if time and due date are both unknown."""
    points: Points | None = None
    """Decided points before the late penalty; None if there is no score."""
    final: Points | None = None
    """Decided points after the late penalty; None if there is no score."""
    decided: Points | None = None
    waiting: Points | None = None
    possible: Points | None = None
    feedback: str = ""
    """Path of the report in the zip of feedback files; empty if there is no report."""

    @property
    def status(self) -> str:
        """The text of the gradebook's status column."""
        words = [self.standing.value + (f": {self.why}" if self.why else "")]
        if self.late is not None and (self.late.is_late or self.late is _UNKNOWN):
            words.append(self.late.sentence)
        if self.shares_with:
            words.append(f"the same files as {', '.join(self.shares_with)}")
        if not self.student.enrolled:
            words.append("not in the roster")
        return "; ".join(words)


_UNKNOWN = Lateness(Points(1), "No timestamp: no late penalty applied.")


class Outcomes:
    """The results of a class. Iteration computes one student's result at a time, to save memory."""

    def __init__(
        self, matching: Matching, run: Run, due: dt.datetime | None, late_policy: Mapping[str, object]
    ) -> None:
        self._matching = matching
        self._run = run
        self._due, self._late_policy = due, late_policy
        self._unclear = {key: doubt.why for doubt in matching.unclear for key in doubt.candidates}
        self._sharing: Mapping[str, Sequence[tuple[str, str]]] = {}

    def __iter__(self) -> Iterator[tuple[Result, Report | None]]:
        """Yield (result, report) of each student in the order of the roster. The report is None if there is none."""
        self._sharing = _sharing(self._matching, self._run.receipts)
        for student in self._matching.students:
            yield self._result(student)

    def _result(self, student: ClassStudent) -> tuple[Result, Report | None]:
        matches = self._matching.matches.get(student.key)
        if matches is None:
            why = self._unclear.get(student.key, "")
            return Result(student, Standing.UNCLEAR if why else Standing.MISSING, why), None
        submission = matches.submission
        base = Result(student, Standing.NOT_YET, submission=submission, late=self._late(student, submission))
        match self._run.receipts.get(submission.place):
            case None:
                return base, None
            case Unreadable(why):
                return replace(base, standing=Standing.UNREADABLE, why=why), None
            case Received() as receipt:
                return self._graded(base, receipt)

    def _graded(self, base: Result, receipt: Received) -> tuple[Result, Report | None]:
        place = base.submission.place if base.submission else ""
        others = tuple(name for other, name in self._sharing[receipt.digest] if other != place)
        report = self._run.report(receipt.content)
        if report is None:
            failed = self._run.failed.get(receipt.content, "")
            standing = Standing.NO_CODE if receipt.missing else Standing.NOT_YET
            standing = Standing.FAILED if failed else standing
            return replace(base, standing=standing, why=failed or receipt.missing, shares_with=others), None
        if not report.submission.code_submitted:
            base = replace(base, standing=Standing.NO_CODE, why=receipt.missing)
        else:
            standing = Standing.PARTLY_GRADED if report.waiting > report.absent else Standing.GRADED
            base = replace(base, standing=standing, why=_waits(report))
            final = after_penalty(report.points, base.late) if base.late else report.points
            base = replace(base, points=report.points, final=final)
        result = replace(
            base,
            digest=receipt.digest,
            shares_with=others,
            decided=report.decided,
            waiting=report.waiting - report.absent,
            possible=report.possible,
            feedback=base.submission.feedback_path(REPORT) if base.submission and base.submission.files else "",
        )
        return result, report

    def _late(self, student: ClassStudent, submission: ExportedSubmission) -> Lateness | None:
        """Return how late a submission is. Without a time of submission: no penalty, or None if there is no due
        date."""
        submitted = student.submitted_at or submission.submitted_at
        if submitted is not None:
            return lateness(submitted, self._due, student.extension, self._late_policy)
        if submission.marked_late:
            return Lateness(Points(1), "Late, no timestamp: no penalty applied.", True)
        return None if self._due is None else _UNKNOWN


def for_students(report: Report, result: Result) -> Report:
    """Return the report for the student: with the late penalty, and without suggestions for markers."""
    parts = (replace(p, written=tuple(replace(w, opinion=None) for w in p.written)) for p in report.parts)
    late = result.late.penalty(result.final, report.decided) if result.late else None
    return replace(report, parts=tuple(parts), late=late)


def _waits(report: Report) -> str:
    """Return the reasons why the score is not final, such as "12 points await marking"; "" if it is final."""
    waiting = report.waiting - report.absent
    not_run = [c.id for c in report.checks if not c.status.is_decided]
    phrases = []
    if waiting and not_run:
        phrases.append(f"{show_points(waiting)} points are not graded yet, of which {', '.join(not_run)} were not run")
    elif waiting:
        phrases.append(f"{show_points(waiting)} points await marking")
    if report.absent:
        phrases.append(f"no answers found to questions worth {show_points(report.absent)} points")
    if not report.scope.is_full:
        phrases.append(f"{report.scope.label}: not the grade")
    return "; ".join(phrases)


def _sharing(matching: Matching, receipts: Mapping[str, Receipt]) -> Mapping[str, Sequence[tuple[str, str]]]:
    """Return digest of files → (path of the submission in the export, name) of each student who submitted them."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for student in matching.students:
        match = matching.matches.get(student.key)
        receipt = receipts.get(match.submission.place) if match else None
        if match and isinstance(receipt, Received):
            found[receipt.digest].append((match.submission.place, student.shown))
    return found
