"""The result of a batch for each student: submission and score, or the reason why there is no score.

Results are computed from stored reports, so a change of the due date or late policy needs no new grading.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from grader.assignments.catalogue import Assignment
from grader.batch.export import ExportedSubmission
from grader.batch.folder import REPORT
from grader.batch.marks import as_stored
from grader.batch.matching import Matching
from grader.batch.people import ClassStudent
from grader.batch.queue import Received
from grader.batch.run import Run
from grader.batch.scores import OtherScore
from grader.course.late import Lateness, lateness, read_policy
from grader.course.scores import AnsweredQuestions, CodePoints, QuestionScore, Score, score
from grader.model import ZERO, Points, Report, show_points
from grader.model.answers import of_report
from grader.store.answer_marks import Key, NewMark


class Standing(StrEnum):
    """The state of a student's result: graded, or the reason why there is no score."""

    GRADED = "graded"
    PARTLY_GRADED = "partly graded"
    """Some points await marking. The score does not contain them."""
    NO_CODE = "code not submitted"
    """Only written answers were submitted. Until they are marked, the student has no score, rather than a score of
    zero."""
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
    possible: Points
    """Possible points of the assignment."""
    gradescope: bool
    """True to write a results.json for Gradescope beside each report."""
    compare_with: tuple[OtherScore, ...] | None
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
    """Decided points of code and written answers before the late penalty; None if there is no score."""
    final: Points | None = None
    """Decided points after the late penalty and adjustments; None if there is no score."""
    penalty: Points = ZERO
    """The late penalty."""
    adjustment: Points = ZERO
    """Points that staff added to the score, or subtracted."""
    decided: Points | None = None
    waiting: Points | None = None
    possible: Points | None = None
    written: Mapping[str, QuestionScore] = field(default_factory=dict)
    """The written questions that are decided, by id."""
    feedback: str = ""
    """Path of the report in the zip of feedback files; empty if there is no report."""

    @property
    def settled(self) -> Points | None:
        """The points after the late penalty; None while any points are undecided. Exports to learning platforms use
        these, since a platform would count undecided points as zero."""
        return None if self.waiting else self.final

    def with_score(self, own_score: Score) -> Result:
        """Return the result with the points of a score."""
        return replace(
            self,
            points=own_score.earned,
            final=own_score.final,
            penalty=own_score.penalty,
            adjustment=own_score.adjustment,
            decided=own_score.decided,
            waiting=own_score.waiting,
            possible=own_score.possible,
            written=own_score.decided_questions,
        )

    @property
    def submitted_at(self) -> dt.datetime | None:
        """The time of submission in the roster, otherwise the time in the export; None if both are missing."""
        return self.student.submitted_at or (self.submission.submitted_at if self.submission else None)

    @property
    def remarks(self) -> list[str]:
        """Remarks for the instructor, such as "not in the roster"."""
        remarks = []
        if self.late is not None and (self.late.is_late or self.late is _UNKNOWN):
            remarks.append(self.late.sentence)
        if self.shares_with:
            remarks.append(f"the same files as {', '.join(self.shares_with)}")
        if not self.student.enrolled:
            remarks.append("not in the roster")
        return remarks

    @property
    def status(self) -> str:
        """The text of the gradebook's status column."""
        standing = f"{self.standing}: {self.why}" if self.why else self.standing.value
        return "; ".join((standing, *self.remarks))


_UNKNOWN = Lateness(Points(1), "No timestamp: no late penalty applied.")
"""The lateness if there is a due date, but no time of submission."""


class Outcomes:
    """The results of a class. Iteration computes one student's result at a time, to save memory."""

    def __init__(
        self,
        assignment: Assignment,
        matching: Matching,
        run: Run,
        due: dt.datetime | None,
        late_policy: Mapping[str, object],
        marks: Mapping[Key, NewMark],
    ) -> None:
        self._assignment = assignment
        self._marks = as_stored(marks)
        self._matching = matching
        self._run = run
        self._due = due
        self._late_policy = read_policy(late_policy)
        self._unclear = {key: unclear.why for unclear in matching.unclear for key in unclear.candidates}
        """Student's key → reason why a submission that may be the student's is unclear."""

    def __iter__(self) -> Iterator[tuple[Result, Report | None]]:
        """Yield (result, report) of each student in the order of the roster. The report is None if there is none."""
        submitters: dict[str, list[ClassStudent]] = defaultdict(list)
        for student in self._matching.students:
            match = self._matching.matches.get(student.key)
            if match is None:
                continue
            receipt = self._run.receipts.get(match.submission.place)
            if isinstance(receipt, Received):
                submitters[receipt.digest].append(student)
        for student in self._matching.students:
            yield self._result(student, submitters)

    def _result(
        self, student: ClassStudent, submitters: Mapping[str, Sequence[ClassStudent]]
    ) -> tuple[Result, Report | None]:
        """Return a student's result and report.

        Args:
            student: The student.
            submitters: Digest of files → students who submitted these files.
        """
        match = self._matching.matches.get(student.key)
        if match is None:
            why = self._unclear.get(student.key, "")
            return Result(student, Standing.UNCLEAR if why else Standing.MISSING, why), None
        submission = match.submission
        result = Result(student, Standing.NOT_YET, submission=submission, late=self._late(student, submission))
        receipt = self._run.receipts.get(submission.place)
        if receipt is None:
            return result, None
        if isinstance(receipt, str):
            return replace(result, standing=Standing.UNREADABLE, why=receipt), None
        shares_with = [
            submitter.shown
            for submitter in submitters[receipt.digest]
            if self._matching.matches[submitter.key].submission.place != submission.place
        ]
        result = replace(result, digest=receipt.digest, shares_with=tuple(shares_with))
        report = self._run.queue.report(receipt.content)
        if report is not None:
            prefix = submission.feedback_prefix or f"{submission.place}/"
            feedback = f"{prefix}{REPORT}" if submission.files else ""
            return self._with_score(replace(result, feedback=feedback), report, receipt.missing), report
        failure = self._run.failed.get(receipt.content)
        if failure:
            return replace(result, standing=Standing.FAILED, why=failure), None
        if receipt.missing:
            return replace(result, standing=Standing.NO_CODE, why=receipt.missing), None
        return result, None

    def _late(self, student: ClassStudent, submission: ExportedSubmission) -> Lateness | None:
        """Return how late a submission is. Without a time of submission: no penalty, or None if there is no due
        date."""
        submitted = student.submitted_at or submission.submitted_at
        if submitted is not None:
            return lateness(submitted, self._due, student.extension, self._late_policy)
        if submission.marked_late:
            return Lateness(Points(1), "Late, no timestamp: no penalty applied.", True)
        return None if self._due is None else _UNKNOWN

    def _with_score(self, result: Result, report: Report, missing: str) -> Result:
        """Return a result with its score: the points of the report and of the marks. `missing` is the message if no
        code was submitted."""
        answers = {answer.question: answer for answer in of_report(report, result.student.key)}
        decided_checks = [check for check in report.checks if check.status.is_decided]
        code = CodePoints(
            sum((check.points for check in decided_checks), ZERO),
            sum((check.possible for check in decided_checks), ZERO),
            report.possible,
        )
        own_score = score(
            self._assignment,
            code,
            (),
            result.late or _UNKNOWN,
            AnsweredQuestions(answers, self._marks),
            code_submitted=report.submission.code_submitted,
        )
        result = result.with_score(own_score)
        if not report.submission.code_submitted:
            return replace(result, standing=Standing.NO_CODE, why=missing)
        standing = Standing.PARTLY_GRADED if own_score.waiting else Standing.GRADED
        return replace(result, standing=standing, why=_why(own_score, report))


def for_students(report: Report, result: Result) -> Report:
    """Return the report for the student: with the late penalty, and without suggestions for markers."""
    parts = []
    for part in report.parts:
        written = tuple(replace(answer, opinion=None) for answer in part.written)
        parts.append(replace(part, written=written))
    late = result.late.penalty(result.final, result.decided or ZERO) if result.late else None
    return replace(report, parts=tuple(parts), late=late)


def _why(own_score: Score, report: Report) -> str:
    """Return the reasons why a score is not final, such as "12 points await marking"; "" if it is final."""
    waiting = show_points(own_score.waiting)
    not_run = [check.id for check in report.checks if not check.status.is_decided]
    phrases = []
    if own_score.waiting and not_run:
        phrases.append(f"{waiting} points are not graded yet (not run: {', '.join(not_run)})")
    elif own_score.waiting:
        phrases.append(f"{waiting} points await marking")
    if own_score.absent:
        phrases.append(f"no answers found to questions worth {show_points(own_score.absent)} points")
    if not report.scope.is_full:
        phrases.append(f"{report.scope.label}: not the grade")
    return "; ".join(phrases)
