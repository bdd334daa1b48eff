"""Reduce reports, gradings and marks to the information that the caller may see. Staff see everything.

For students, three settings of an offering hide information:

held: until staff release the assignment, all points, reasons and evidence are hidden. Staff may set a date for the
    release, and hold or release single students.
hidden: a list of parts and checks. Students see that they exist, but not their results.
precheck_detail: how much a pre-check tells until the due date (see `precheck_detail`).

Information from which a hidden result can be inferred is hidden too.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from grader.api.identity import Caller
from grader.course.scores import NOTHING_ANSWERED, AnsweredQuestions
from grader.model import ZERO, CheckResult, Evidence, Part, Report, Status, Written
from grader.store import adjustments
from grader.store.database import Tx, now
from grader.store.records import (
    CheckRecord,
    GradingPoints,
    LineComment,
    Mark,
    Offering,
    PrecheckDetail,
    RegradeRequest,
)
from grader.workers.events import CheckEvent, Event

HELD = "shown when your teachers release it"
HIDDEN = "not shown for this assignment"
NOT_TOLD = "pre-checks do not tell more at the moment"
"""The reason in a report that leaves out reasons because of `Offering.precheck_detail`."""


_LINE_IN_ERROR = re.compile(r" on line \d+| \(detected at line \d+\)")
"""The line that Python names in messages of syntax errors."""


@dataclass(frozen=True)
class Visibility:
    """The permission of one caller to see results of one offering. The methods return their argument without the
    information that the caller may not see."""

    offering: Offering
    caller: Caller

    @property
    def is_staff(self) -> bool:
        return self.caller.is_staff(self.offering.course)

    @property
    def is_complete(self) -> bool:
        """Return whether the caller may see the results of all checks."""
        return self.is_staff or not (self.offering.held or self.offering.hidden)

    def is_hidden(self, id: str) -> bool:
        """Return whether students may not see the result of this check or written answer."""
        return self.offering.held or self.offering.hides(id)

    def report(self, report: Report) -> Report:
        """Return a report in which hidden checks have no result. Everything from which their results could be inferred
        is left out too: remarks on the whole report while the assignment is held, evidence of trainings, and the time
        used by sections with hidden checks. Students never see comparisons of undecided written answers."""
        if self.is_staff:
            return report
        hidden = [check.id for check in report.checks if self.is_hidden(check.id)]
        parts = []
        for part in report.parts:
            written = tuple(self._written(answer) for answer in part.written)
            checks = tuple(self._check(check) for check in part.checks) if hidden else part.checks
            parts.append(replace(part, written=written, checks=checks))
        report = self._with_detail(replace(report, parts=tuple(parts)))
        if not hidden:
            return report
        sections = [section for section in report.usage if not _has_hidden(section, hidden)]
        return replace(
            report,
            remarks=() if self.offering.held else report.remarks,
            evidence=tuple(evidence for evidence in report.evidence if not _reveals(evidence, report, hidden)),
            usage={section: report.usage[section] for section in sections},
        )

    def results(self, results: Sequence[CheckRecord]) -> list[CheckRecord]:
        """Return the results of checks, those of hidden checks as waiting and without points."""
        if self.is_staff or self._detail is PrecheckDetail.LINES:
            return [self._result(result) for result in results]
        if self._detail is PrecheckDetail.POINTS:
            return []
        return [replace(self._result(result), mistake="", reason="") for result in results]

    def grading(self, grading: GradingPoints, results: Sequence[CheckRecord]) -> GradingPoints:
        """Return a grading whose points are the points of visible checks.

        Args:
            results: The grading's check results. May be empty if the caller may see all results.
        """
        if grading.points is None or self.is_complete:
            return grading
        if self.offering.held:
            return replace(grading, points=None, decided=None)
        points = possible = ZERO
        for result in map(self._result, results):
            if result.status.is_decided:
                points += result.points
                possible += result.possible
        return replace(grading, points=points, decided=possible)

    def marks(self, marks: Sequence[Mark]) -> tuple[Mark, ...]:
        """Return the visible marks. Students see none until the assignment is released."""
        return tuple(mark for mark in marks if self.is_staff or not self.is_hidden(mark.question))

    def line_comments(self, comments: Sequence[LineComment]) -> Sequence[LineComment]:
        """Return the visible comments on lines. Students see none until the assignment is released."""
        return comments if self.is_staff or not self.offering.held else ()

    def requests(self, requests: Sequence[RegradeRequest]) -> list[RegradeRequest]:
        """Return the visible requests for a regrade. Their answers would show students what is hidden."""
        return [request for request in requests if self.is_staff or not self.is_hidden(request.question)]

    def answered(self, answered: AnsweredQuestions) -> AnsweredQuestions:
        """Return the visible written answers. Students never see suggested points, and see no answers until the
        assignment is released."""
        if self.is_staff:
            return answered
        if self.offering.held:
            return NOTHING_ANSWERED
        answers = {}
        for id, answer in answered.answers.items():
            if not self.is_hidden(id):
                answers[id] = replace(answer, suggestion=None)
        return replace(answered, answers=answers)

    def event(self, event: Event) -> Event:
        """Return an event in which the results of hidden checks are waiting. The reasons in events name lines, so that
        pre-checks that tell no lines have none."""
        if self.is_staff:
            return event
        checks = []
        for check in event.checks if self._detail is not PrecheckDetail.POINTS else ():
            if self._detail is not PrecheckDetail.LINES:
                check = replace(check, reason="")
            if self.is_hidden(check.id):
                check = CheckEvent(check.id, Status.WAITING, 0.0, check.possible)
            checks.append(check)
        return replace(event, checks=tuple(checks))

    @property
    def _placeholder(self) -> str:
        """The sentence that students see in place of the reason of a hidden check."""
        return HELD if self.offering.held else HIDDEN

    def _written(self, answer: Written) -> Written:
        """Remove the automatic comparison of a written answer, unless the comparison gave points that students may
        see."""
        if answer.decided and not self.is_hidden(answer.id):
            return answer
        return replace(answer, opinion=None, decided=False)

    def _check(self, check: CheckResult) -> CheckResult:
        """Replace the result of a hidden check by "waiting". Remove remarks about hidden checks from other checks."""
        if self.is_hidden(check.id) and check.status is not Status.NOT_SUBMITTED:
            return CheckResult(check.id, check.title, ZERO, check.possible, Status.WAITING, reason=self._placeholder)
        # a remark may name a hidden check: "follows from the mistake that q2.2.W1 lost points for"
        remarks = [remark for remark in check.remarks if not any(id in remark for id in self.offering.hidden)]
        return replace(check, remarks=tuple(remarks))

    @property
    def _detail(self) -> PrecheckDetail:
        return self.offering.precheck_detail

    def _with_detail(self, report: Report) -> Report:
        """Return the report of a pre-check without the information that it does not tell."""
        if self._detail is PrecheckDetail.LINES or not report.submission.code_submitted:
            return report
        graded = report.submission.graded
        if self._detail is PrecheckDetail.REASONS:
            graded = graded and replace(graded, notes=())
        else:
            graded = None
            report = replace(report, evidence=(), usage={})
        report = replace(report, submission=replace(report.submission, graded=graded), remarks=())
        if self._detail is PrecheckDetail.POINTS:
            return replace(report, parts=_only_totals(report))
        without = _without_line if self._detail is PrecheckDetail.REASONS else _without_reason
        parts = [replace(part, checks=tuple(map(without, part.checks))) for part in report.parts]
        return replace(report, parts=tuple(parts))

    def _result(self, result: CheckRecord) -> CheckRecord:
        if self.is_staff or not self.is_hidden(result.check) or result.status is Status.NOT_SUBMITTED:
            return result
        return CheckRecord(result.check, ZERO, result.possible, Status.WAITING, "", self._placeholder)


def seen_by(tx: Tx, caller: Caller, offered: Iterable[Offering]) -> list[Offering]:
    """Return offerings of one course whose `held` is true if results are hidden: from the caller, or for staff from
    students.

    Results are released at the offering's `release_at`. A student's own hold or release overrides both.
    """
    own_holds: dict[str, bool] = {}
    seen: list[Offering] = []
    for offering in offered:
        if not seen and not caller.is_staff(offering.course):
            own_holds = adjustments.holds_of(tx, offering.course, caller.person.id)
        held = own_holds.get(offering.assignment, offering.is_held(now()))
        seen.append(replace(offering, held=held))
    return seen


def precheck_detail(offering: Offering, due_at: dt.datetime | None) -> PrecheckDetail:
    """Return what pre-checks tell a student now. `due_at` is the student's due date, with any extension."""
    is_over = due_at is not None and now() > due_at
    return PrecheckDetail.LINES if is_over else offering.precheck_detail


def _without_line(check: CheckResult) -> CheckResult:
    """Return a check's result without the line of the failure. Texts of failed calls name the line, too."""
    call = check.failed_call
    if call:
        call = replace(call, error=_LINE_IN_ERROR.sub("", call.error), raised_at=None, column=None)
    reason = check.cause or (call.reason if call else check.reason)
    return replace(check, reason=reason, failed_call=call, line=None)


def _without_reason(check: CheckResult) -> CheckResult:
    """Return a check's result with its points and status alone."""
    reason = NOT_TOLD if check.status.loses_points else ""
    if not check.status.is_decided:
        reason = check.reason
    return CheckResult(check.id, check.title, check.points, check.possible, check.status, reason, outcome=check.outcome)


def _only_totals(report: Report) -> tuple[Part, ...]:
    """Return parts in which one check has the points of all decided checks, and one those of all other checks."""
    totals = []
    for id, title, is_decided in (("code.graded", "Graded checks", True), ("code.other", "Other checks", False)):
        checks = [check for check in report.checks if check.status.is_decided is is_decided]
        if checks:
            points = sum((check.points for check in checks), ZERO)
            possible = sum((check.possible for check in checks), ZERO)
            status = Status.of_points(points, possible) if is_decided else Status.WAITING
            totals.append(CheckResult(id, title, points, possible, status, NOT_TOLD))
    answered = [replace(part, checks=()) for part in report.parts if part.written]
    return (Part("code", "Code", tuple(totals)), *answered)


def _reveals(evidence: Evidence, report: Report, hidden: Sequence[str]) -> bool:
    """Return whether the data of a training run could reveal the result of a hidden check in the run's section. A run
    with the name "large" belongs to the section "q1.1.large"."""
    sections = {check.id.rpartition(".")[0] for check in report.checks}
    sections_of_run = [section for section in sections if section.rpartition(".")[2] == evidence.name]
    return not sections_of_run or any(_has_hidden(section, hidden) for section in sections_of_run)


def _has_hidden(section: str, hidden: Sequence[str]) -> bool:
    """Return whether a section, such as "q1.1.large", contains one of the checks with the ids `hidden`."""
    return any(id.startswith(f"{section}.") for id in hidden)
