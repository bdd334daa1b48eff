"""The statistics of a class for the class report."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from grader.batch.compare import why_lost
from grader.batch.outcome import Result, Standing
from grader.model import FULL_SCOPE, NOTHING_USED, UNWRITTEN, ZERO, CheckResult, Limit, Points, Report, Status
from grader.render.phrases import NOT_BEGUN, Fix, cause, fixes, reason_phrase

_NUMBERS = re.compile(r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?")
"""Numbers in the reasons for lost points."""


@dataclass
class ClassMistake:
    """A mistake that some students made."""

    sentence: str
    """The sentence about a known mistake, or the reason for the lost points if the mistake is unknown."""
    known: bool
    """True if the assignment defines this mistake."""
    checks: dict[str, None] = field(default_factory=dict)
    students: dict[str, str] = field(default_factory=dict)
    """Student's key → name, for each student who made the mistake."""
    lost: Points = ZERO
    """Points that all students together lost to the mistake."""
    example: str = ""
    """A line of one student's code with the mistake."""


@dataclass
class Rate:
    """The number of students with each status (passed, failed, …) of one check."""

    id: str
    title: str
    counts: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(Status, 0))


@dataclass
class QuestionSummary:
    """The students who answered a written question, and the students who did not."""

    id: str
    title: str
    possible: Points
    answered: list[str] = field(default_factory=list)
    not_found: list[str] = field(default_factory=list)


class StudentValue(NamedTuple):
    """A number that was measured for one student, such as the CPU seconds of the grading."""

    value: float
    student: str
    """The student's name."""


class Summary:
    """The statistics of a class. `add` adds one student at a time."""

    def __init__(self, sentences: Mapping[str, str]) -> None:
        """Create an empty summary.

        Args:
            sentences: Id of a mistake that the assignment defines → sentence about the mistake.
        """
        self.results: list[Result] = []
        self.rates: dict[str, Rate] = {}
        """By the check's id."""
        self.cpu_seconds: list[StudentValue] = []
        self.stopped: dict[str, str] = {}
        """Student's name → the student's first check that exceeded a limit on CPU or wall time."""
        self.accuracies: dict[str, list[StudentValue]] = {}
        """Name of a training run → accuracies of the students' networks."""
        self.questions: dict[str, QuestionSummary] = {}
        self.title = ""
        self.scope = FULL_SCOPE
        self.grader = ""
        self.losses: dict[str, str] = {}
        """Student's key → lost points with their reasons (see `why_lost`)."""
        self._sentences = sentences
        self._diagnoses: dict[object, ClassMistake] = {}
        """Key (see `_mistakes_behind`) → mistake."""

    @property
    def diagnoses(self) -> list[ClassMistake]:
        """The mistakes of the class, sorted by the number of students, then by lost points."""
        return sorted(self._diagnoses.values(), key=lambda mistake: (-len(mistake.students), -mistake.lost))

    def of(self, *standings: Standing) -> list[Result]:
        """Return the results of the students with one of these standings."""
        return [result for result in self.results if result.standing in standings]

    def add(self, result: Result, report: Report | None) -> None:
        """Add a student's result, and the statistics of the report if there is one."""
        self.results.append(result)
        if report is None:
            return
        who = result.student.shown
        self.title, self.scope, self.grader = report.assignment.title, report.scope, report.environment.grader
        usage = sum(report.usage.values(), NOTHING_USED)
        self.cpu_seconds.append(StudentValue(usage.cpu_seconds, who))
        for evidence in report.evidence:
            if evidence.accuracy is not None:
                networks = self.accuracies.setdefault(evidence.name, [])
                networks.append(StudentValue(evidence.accuracy, who))
        self.losses[result.student.key] = why_lost(report)
        self._add_checks(who, report)
        for fix in fixes(report):
            self._add_fix(result, fix, report)
        for written in report.written:
            if written.decided:
                continue
            new_question = QuestionSummary(written.id, written.title, written.possible)
            question = self.questions.setdefault(written.id, new_question)
            students = question.answered if written.found else question.not_found
            students.append(who)

    def _add_checks(self, who: str, report: Report) -> None:
        """Count the statuses of a report's checks. `who` is the student's name."""
        for check in report.checks:
            rate = self.rates.setdefault(check.id, Rate(check.id, check.title))
            rate.title = rate.title or check.title
            rate.counts[check.status] += 1
            if check.failed_call and check.failed_call.limit in (Limit.CPU, Limit.WALL):
                self.stopped.setdefault(who, f"{check.id}: {check.reason}")

    def _add_fix(self, result: Result, fix: Fix, report: Report) -> None:
        """Add the mistakes behind one fix of a report to the mistakes of the class. Leave out a fix of a mere
        consequence, such as a low accuracy, if the report has other fixes."""
        if fix.only_follows and len(fixes(report)) > 1:
            return
        for key, new_mistake in self._mistakes_behind(fix).items():
            mistake = self._diagnoses.setdefault(key, new_mistake)
            ids = [check.id for check in fix.checks]
            mistake.checks |= dict.fromkeys(ids)
            mistake.lost += fix.lost
            if fix.first.line and not mistake.example:
                mistake.example = fix.first.line.source
            student = result.student
            mistake.students[student.key] = student.shown

    def _mistakes_behind(self, fix: Fix) -> dict[object, ClassMistake]:
        """Return key → mistake for each mistake behind a fix. Mistakes with the same key are counted together."""
        if fix.first.is_unwritten:
            return {UNWRITTEN: ClassMistake(NOT_BEGUN, known=False)}
        mistakes: dict[object, ClassMistake] = {}
        for id in fix.first.mistakes:
            mistakes[id] = ClassMistake(self._sentences.get(id, id), known=True)
        return mistakes or {_unnamed(fix.first): ClassMistake(reason_phrase(fix.first), known=False)}


def _unnamed(check: CheckResult) -> object:
    """Return a key that is equal for failures that differ only in numbers."""
    failed = check.failed_call
    text = failed.error if failed else str(cause(check))
    text_without_numbers = _NUMBERS.sub("…", text.partition(" (")[0])
    return (None if failed else check.id, text_without_numbers)
