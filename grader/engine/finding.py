"""Results of checks, as the report shows them."""

from __future__ import annotations

from dataclasses import dataclass

from grader.kit.diagnosis import JudgedCheck
from grader.model import ZERO, CheckResult, Evidence, Points, Status, Usage


@dataclass(frozen=True)
class SectionResult:
    """The results of all checks of one section, such as the gradient checks of a part."""

    section: str
    checks: tuple[CheckResult, ...]
    used: Usage
    evidence: tuple[Evidence, ...] = ()


def check_result(
    id: str, title: str, possible: Points, judged: JudgedCheck, *, shows_values: bool, is_outcome: bool
) -> CheckResult:
    """Return the result of a check.

    Args:
        id: Id of the check, for example "q2.2.W1".
        title: Title of the check.
        possible: Points of the check.
        judged: The verdict, and the cause if the check failed.
        shows_values: True if the student may see the compared numbers, because the problem is public.
        is_outcome: True for an end result such as an accuracy, which depends on code that other checks test.
    """
    verdict = judged.verdict
    line = verdict.line
    if judged.open:
        status = Status.WAITING if verdict.waits else Status.NOT_RUN  # not recorded in a student's pack
        return CheckResult(
            id, title, ZERO, possible, status, reason=verdict.reason, failed_call=verdict.call, line=line
        )
    cause = reason = ""
    if not verdict.holds:
        cause = " ".join(mistake.sentence for mistake in judged.mistakes) or verdict.cause
        numbers = f"{verdict.reason}; {verdict.values}" if verdict.values and shows_values else verdict.reason
        reason = f"{cause} ({numbers})" if cause else numbers
    return CheckResult(
        id=id,
        title=title,
        points=possible * verdict.credit,
        possible=possible,
        status=Status.of_points(verdict.credit, Points(1)),
        reason=reason,
        cause=cause,
        failed_call=None if cause else verdict.call,
        mistake=" + ".join(mistake.id for mistake in judged.mistakes),
        follows_from=judged.follows_from,
        line=line,
        remarks=verdict.remarks,
        outcome=is_outcome,
    )
