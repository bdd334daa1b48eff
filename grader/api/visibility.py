"""Reduce reports, gradings and marks to the information that the caller may see. Staff see everything.

For students, two settings of an offering hide information:

held: until staff release the assignment, all points, reasons and evidence are hidden.
hidden: a list of parts and checks. Students see that they exist, but not their results.

Information from which a hidden result can be inferred is hidden too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from grader.api.identity import Caller
from grader.course.scores import NOTHING_ANSWERED, AnsweredQuestions
from grader.model import ZERO, CheckResult, Evidence, Report, Status, Written
from grader.store.records import CheckRecord, Grading, Mark, Offering
from grader.workers.events import CheckEvent, Event

HELD = "shown when your teachers release it"
HIDDEN = "not shown for this assignment"


def shown(report: Report, offering: Offering, caller: Caller) -> Report:
    """Return the report without the information that the caller may not see."""
    if not caller.is_staff(offering.course):
        parts = (replace(p, written=tuple(_without_opinion(w, offering) for w in p.written)) for p in report.parts)
        report = replace(report, parts=tuple(parts))
    if _sees_all(offering, caller):
        return report
    hidden = [check.id for check in report.checks if _is_hidden(check.id, offering)]
    if not hidden:
        return report
    parts = (replace(p, checks=tuple(_visible_check(check, offering) for check in p.checks)) for p in report.parts)
    return replace(
        report,
        parts=tuple(parts),
        remarks=() if offering.held else report.remarks,
        evidence=tuple(e for e in report.evidence if not _reveals(e, report, hidden)),
        usage={section: used for section, used in report.usage.items() if not _has_hidden(section, hidden)},
    )


def results(found: Sequence[CheckRecord], offering: Offering, caller: Caller) -> list[CheckRecord]:
    """Return a grading's check results without the information that the caller may not see."""
    if _sees_all(offering, caller):
        return list(found)
    return [_visible_result(result, offering) for result in found]


def grading(found: Grading, checks: Sequence[CheckRecord], offering: Offering, caller: Caller) -> Grading:
    """Return a grading without the information that the caller may not see.

    Args:
        checks: The grading's check results. For students, only the points of visible checks are added up.
        caller: The caller. Only staff see failures and workers.
    """
    if caller.is_staff(offering.course):
        return found
    public = replace(found, why="", worker=None, failures=0)
    if found.points is None or _sees_all(offering, caller):
        return public
    if offering.held:
        return replace(public, points=None, decided=None)
    decided = [r for r in results(checks, offering, caller) if r.status.is_decided]
    points, possible = sum((r.points for r in decided), ZERO), sum((r.possible for r in decided), ZERO)
    return replace(public, points=points, decided=possible)


def marks(given: Sequence[Mark], offering: Offering, caller: Caller) -> list[Mark]:
    """Return the marks that the caller may see. Students see none until the assignment is released."""
    if caller.is_staff(offering.course):
        return list(given)
    return [mark for mark in given if not _is_hidden(mark.question, offering)]


def answered(found: AnsweredQuestions, offering: Offering, caller: Caller) -> AnsweredQuestions:
    """Return the written answers without the information that the caller may not see. Students never see suggested
    points, and see no answers until the assignment is released."""
    if caller.is_staff(offering.course):
        return found
    if offering.held:
        return NOTHING_ANSWERED
    visible = {id: replace(a, suggestion=None) for id, a in found.answers.items() if not _is_hidden(id, offering)}
    return replace(found, answers=visible)


def event(happened: Event, offering: Offering, caller: Caller) -> Event:
    """Return an event without the results of checks that are hidden from the caller."""
    if _sees_all(offering, caller):
        return happened
    return replace(happened, checks=tuple(_check_event(check, offering) for check in happened.checks))


def _sees_all(offering: Offering, caller: Caller) -> bool:
    return caller.is_staff(offering.course) or not (offering.held or offering.hidden)


def _is_hidden(check: str, offering: Offering) -> bool:
    return offering.held or any(check == id or check.startswith(f"{id}.") for id in offering.hidden)


def _placeholder(offering: Offering) -> str:
    return HELD if offering.held else HIDDEN


def _without_opinion(written: Written, offering: Offering) -> Written:
    """Remove the automatic comparison of a written answer, unless the comparison gave points that students may see."""
    if written.decided and not _is_hidden(written.id, offering):
        return written
    return replace(written, opinion=None, decided=False)


def _visible_check(check: CheckResult, offering: Offering) -> CheckResult:
    if _is_hidden(check.id, offering) and check.status is not Status.NOT_SUBMITTED:
        return CheckResult(check.id, check.title, ZERO, check.possible, Status.WAITING, reason=_placeholder(offering))
    # a remark may name a hidden check: "follows from the mistake that q2.2.W1 lost points for"
    remarks = tuple(r for r in check.remarks if not any(id in r for id in offering.hidden))
    return replace(check, remarks=remarks)


def _visible_result(result: CheckRecord, offering: Offering) -> CheckRecord:
    if not _is_hidden(result.check, offering) or result.status is Status.NOT_SUBMITTED:
        return result
    return CheckRecord(result.check, ZERO, result.possible, Status.WAITING, "", _placeholder(offering))


def _check_event(check: CheckEvent, offering: Offering) -> CheckEvent:
    if not _is_hidden(check.id, offering):
        return check
    return CheckEvent(check.id, Status.WAITING, 0.0, check.possible)


def _reveals(evidence: Evidence, report: Report, hidden: Sequence[str]) -> bool:
    """Return whether the data of a training run could reveal the result of a hidden check in the run's section. A run
    with the name "large" belongs to the section "q1.1.large"."""
    sections = {check.id.rpartition(".")[0] for check in report.checks}
    own = {section for section in sections if section.rpartition(".")[2] == evidence.name}
    return not own or any(_has_hidden(section, hidden) for section in own)


def _has_hidden(section: str, hidden: Sequence[str]) -> bool:
    return any(id.startswith(f"{section}.") for id in hidden)
