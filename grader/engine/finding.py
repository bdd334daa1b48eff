"""Findings: the results of a grading's checks, from which the report is made."""

from __future__ import annotations

from dataclasses import dataclass

from grader.kit.diagnosis import JudgedCheck
from grader.kit.lines import FoundLine
from grader.model import ZERO, CheckResult, Evidence, Points, Status, Usage


@dataclass(frozen=True)
class Finding:
    """The result of one check in a grading."""

    id: str
    """Id of the check, for example "q2.2.W1"."""
    title: str
    possible: Points
    judged: JudgedCheck
    shows_values: bool
    """True if the student may see the compared numbers, because the problem is public."""
    is_result: bool
    """True for an end result such as an accuracy, which depends on code that other checks test."""
    line: FoundLine | None = None
    """The line of the student's code that caused the failure, if it was found."""

    @property
    def needs_line(self) -> bool:
        """True if the check loses points and the line of the student's code that causes this is not known. If the
        student's code fails at a `raise`, that line is known."""
        verdict = self.judged.verdict
        says_where = verdict.source.startswith("raise ")  # a `raise` in the student's code, or a gap of the handout
        return not (self.judged.open or verdict.holds or says_where or self.line)

    def result(self) -> CheckResult:
        """Return the finding as an entry of a report."""
        judged, verdict = self.judged, self.judged.verdict
        if judged.open:
            status = Status.WAITING if verdict.waits else Status.NOT_RUN  # not recorded in a student's pack
            return CheckResult(
                id=self.id,
                title=self.title,
                points=ZERO,
                possible=self.possible,
                status=status,
                reason=verdict.reason,
                place=verdict.place,
                source=verdict.source,
                failed_call=verdict.call,
            )
        place, source = self.line or (verdict.place, verdict.source)
        return CheckResult(
            id=self.id,
            title=self.title,
            points=self.possible * verdict.credit,
            possible=self.possible,
            status=Status.of_points(verdict.credit, Points(1)),
            reason="" if verdict.holds else self._reason(),
            mistake=" + ".join(m.id for m in judged.mistakes),
            follows_from=judged.follows_from,
            place=place,
            source=source,
            cause="" if verdict.holds else self._cause,
            failed_call=None if self._cause else verdict.call,
            remarks=verdict.remarks,
            outcome=self.is_result,
        )

    @property
    def _cause(self) -> str:
        return " ".join(m.sentence for m in self.judged.mistakes) or self.judged.verdict.cause

    def _reason(self) -> str:
        verdict, cause = self.judged.verdict, self._cause
        numbers = verdict.reason + (f"; {verdict.values}" if verdict.values and self.shows_values else "")
        return f"{cause} ({numbers})" if cause else numbers


@dataclass(frozen=True)
class SectionResult:
    """The results of all checks of one section, such as the gradient checks of a part."""

    section: str
    findings: tuple[Finding, ...]
    used: Usage
    evidence: tuple[Evidence, ...] = ()
