"""The result of judging a claim."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import reduce
from operator import and_

from grader.kit.answer import Answer, failed_call
from grader.model import FailedCall, Raised, SourceLine


@dataclass(frozen=True)
class Verdict:
    """The result of judging a claim."""

    credit: Fraction
    """Share of the points, 0 … 1."""
    reason: str = ""
    """The reason for a credit below 1, without numbers, so that it can be shown for problems that students must not
    see."""
    values: str = ""
    """The student's number and the expected one: "got 1.83, expected 0.305". Reports leave it out for problems that
    students must not see."""
    cause: str = ""
    """A sentence that explains the cause of the failure, if the cause is known."""
    remarks: tuple[str, ...] = ()
    line: SourceLine | None = None
    """The line that raised, if the student's code raised."""
    inconclusive: bool = field(default=False, compare=False)
    """True if the claim passes without evidence: the answer and the expected value are both zero or both diverge, or
    nothing was compared. If a claim passes like this by the reference with a known mistake put into it, this does not
    show that the student made the mistake."""
    waits: bool = field(default=False, compare=False)
    """True if a person must decide, because a measurement is between the limits for passing and failing."""

    call: FailedCall | None = field(default=None, compare=False)
    """The failed call that `reason` describes; None if no call failed."""

    @property
    def holds(self) -> bool:
        return self.credit == 1

    @property
    def says_why(self) -> bool:
        """True if the verdict already names the cause, so that no hint is added."""
        return bool(self.cause) or self.call is not None or self.waits

    def __and__(self, second: Verdict) -> Verdict:
        """Return the worse of two verdicts, with the `remarks` of both. From worst to best: no credit, waiting for a
        person, partial credit, full credit."""
        worse = self if (self.credit, self.waits) <= (second.credit, second.waits) else second
        remarks = tuple(dict.fromkeys(self.remarks + second.remarks))
        return replace(worse, remarks=remarks, inconclusive=self.inconclusive and second.inconclusive)


def passed(*remarks: str) -> Verdict:
    """Return a passing verdict for which nothing was compared. `passed() & verdict` equals `verdict`.

    Args:
        remarks: Remarks for the report.
    """
    return Verdict(Fraction(1), remarks=remarks, inconclusive=True)


def failed(reason: str, values: str = "") -> Verdict:
    """Return a verdict without credit.

    Args:
        reason: What is wrong, without numbers.
        values: The student's number and the expected one: "got 1.83, expected 0.305".
    """
    return Verdict(Fraction(0), reason, values)


def waiting(reason: str) -> Verdict:
    """Return a verdict that leaves the decision to a person. Until then, its points are neither earned nor lost."""
    return Verdict(Fraction(0), reason, waits=True)


def all_hold(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of several verdicts, with the `remarks` of all."""
    return reduce(and_, verdicts, passed())


def because(verdict: Verdict, cause: str) -> Verdict:
    """Return a copy of the verdict with a sentence that tells the student the cause of the failure. A verdict that
    passes is returned unchanged."""
    return verdict if verdict.holds else replace(verdict, cause=cause)


def call_failure(answer: Answer) -> Verdict | None:
    """Return a failed verdict if the call failed; None if it returned a value."""
    failure = answer.failure
    if failure is None:
        return None
    call = failed_call(failure, answer.what)
    line = None
    if isinstance(failure, Raised) and failure.place is not None:
        line = SourceLine(failure.place.file, failure.place.line, failure.source)
    return Verdict(Fraction(0), call.reason, line=line, call=call)
