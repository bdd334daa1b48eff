"""Texts for reports: reasons for lost points, things to fix, restricted scopes, and comparisons of written answers.

A fix is one thing for the student to fix: a cause, with all checks that fail because of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rich.cells import cell_len

from grader.model import (
    ZERO,
    CheckResult,
    Comparison,
    Environment,
    Judgement,
    LatePenalty,
    Points,
    Report,
    ReportScope,
    Status,
    Written,
    show_points,
)
from grader.model.grouping import grouped
from grader.render.text import LINE_LIMIT, clean

SYMBOLS = {
    Status.PASSED: "✓",
    Status.PARTIAL: "◐",
    Status.FAILED: "✗",
    Status.WAITING: "◌",
    Status.NOT_RUN: "◌",
    Status.NOT_SUBMITTED: "–",
}
"""Symbol shown next to each status, so that statuses also differ without color."""
NOT_BEGUN = "Not begun: the code still raises NotImplementedError."
"""The cause of all failures of code that was not written, on pages about a class."""
MAX_LISTED = 3
"""If a fix has more checks than this, only some of them are named."""
MAX_ERROR_LENGTH = 160
"""An error message of Python or numpy is cut after this number of characters."""


def reason_phrase(check: CheckResult, *, call: bool = True) -> str:
    """Return the reason why a check lost points. For a failed call, this is advice and Python's error message.

    Args:
        check: A check that lost points.
        call: True to include the call that failed, for example "loss(X, y)".
    """
    failed = check.failed_call
    if failed is None:
        return check.reason
    error = failed.error if len(failed.error) <= MAX_ERROR_LENGTH else f"{failed.error[:MAX_ERROR_LENGTH]}…"
    if failed.raised_at and failed.raised_at != check.place:
        error = f"{error}; raised at {failed.raised_at}"
    phrase = f"{failed.call}: {error}" if call else error
    return f"{failed.advice} ({phrase})" if failed.advice else phrase


@dataclass(frozen=True)
class Fix:
    """One thing for the student to fix: all checks that fail for the same cause."""

    checks: tuple[CheckResult, ...]

    @property
    def first(self) -> CheckResult:
        return self.checks[0]

    @property
    def reason(self) -> str:
        calls = {check.failed_call.call for check in self.checks if check.failed_call}
        is_one_call = len(calls) == 1
        return reason_phrase(self.first, call=is_one_call)

    @property
    def sentence(self) -> str:
        """The reason to show: for a known mistake or several checks, only the sentence that names the cause; otherwise
        the whole reason of the first check."""
        if self.first.mistake or len(self.checks) > 1:
            return self.first.cause or self.reason
        return self.reason

    @property
    def only_follows(self) -> bool:
        """True if all of these checks are end results, such as the accuracy after training, which depend on code that
        other checks test."""
        return all(check.outcome for check in self.checks)

    @property
    def lost(self) -> Points:
        lost = ZERO
        for check in self.checks:
            lost += check.possible - check.points
        return lost


def fixes(report: Report) -> tuple[Fix, ...]:
    """Return the things to fix, in the order in which to fix them: by part, then by lost points. End results such as an
    accuracy are last."""
    part_numbers = {check.id: number for number, part in enumerate(report.parts) for check in part.checks}
    failed_checks = [check for check in report.checks if check.status.loses_points]
    by_cause = grouped((cause(check), check) for check in failed_checks)

    def order(fix: Fix) -> tuple[bool, int, Points]:
        return fix.only_follows, part_numbers[fix.first.id], -fix.lost

    return tuple(sorted((Fix(tuple(checks)) for checks in by_cause.values()), key=order))


def cause(check: CheckResult) -> object:
    """Return a key that is equal for checks which failed for the same reason at the same line. The reason is a known
    mistake, a sentence about the cause, or an error message without its numbers."""
    if check.mistake:
        return check.mistake, check.place
    if check.cause:
        return check.cause, check.place
    failed = check.failed_call
    if failed is None:
        return check.reason, check.place
    # an error such as KeyError: 'W1' names the parameter that the check q2.2.W1 is about
    own_name = repr(check.id.rpartition(".")[2])
    return re.sub(r"\d+", "#", failed.error.replace(own_name, "…")), check.place


def stopper(report: Report) -> Fix | None:
    """Return the thing to fix first if every graded check failed because a call failed; None otherwise.

    An unwritten part comes before other failures, which may follow from it.
    """
    decided = [check for check in report.checks if check.status.is_decided]
    calls_failed = [check for check in decided if check.status is Status.FAILED and check.failed_call]
    if not decided or calls_failed != decided:
        return None
    to_fix = fixes(report)
    return next((fix for fix in to_fix if fix.first.is_unwritten), to_fix[0])


def caret(source: str, column: int) -> str:
    """Return the source line and, below it, a line with "^" under the column (from 1)."""
    one_spaced = re.sub(r"\s", " ", source.expandtabs(1))
    line = one_spaced.strip()
    indentation = len(one_spaced) - len(one_spaced.lstrip())
    index = max(0, min(column - 1 - indentation, len(line), LINE_LIMIT))
    spaces = " " * cell_len(clean(line[:index]))
    return f"{clean(line, LINE_LIMIT)}\n{spaces}^"


def scope(graded: ReportScope) -> str:
    """Return why a report is not the grade, for example "only q2 was graded"; empty for a full grading."""
    phrases = []
    if graded.only == "handout":
        phrases.append("only the handout's checks were graded")
    elif graded.only:
        phrases.append(f"only {graded.only} was graded")
    if graded.quick:
        phrases.append("long checks were shortened (--quick), with lower thresholds")
    phrases += [f"{name} was not run" for name in graded.without]
    if graded.precheck:
        phrases.append("a pre-check; the rest is graded after you submit")
    return "; ".join(phrases)


def late_penalty(penalty: LatePenalty) -> str:
    """Return a sentence about the lateness, and the score after the penalty if there is one."""
    if penalty.final is None:
        return penalty.sentence
    return f"{penalty.sentence} Score after the late penalty: {show_points(penalty.final)} points."


def kernels(environment: Environment) -> str:
    """Return the names of both BLAS kernels, or of one if they are the same: "Haswell kernel"."""
    name = f"{environment.kernel} kernel"
    if environment.grader_kernel == environment.kernel:
        return name
    return f"{name} ({environment.grader_kernel} for the reference)"


# ── written answers ──────────────────────────────────────────────────────────────────────────────────

COMPARED = {
    Comparison.EQUAL: "right value",
    Comparison.UNSIMPLIFIED: "right value, not simplified",
    Comparison.TRANSPOSED: "right but for a transpose",
    Comparison.DIFFERS: "differs",
    Comparison.UNREAD: "for a person to read",
}


def plain(maths: str) -> str:
    """Convert LaTeX to plain text, such as "∇_b^(1) J". LaTeX that cannot be converted is returned unchanged."""
    from pylatexenc.latex2text import LatexNodes2Text  # imported only if a report has formulas

    try:
        return str(LatexNodes2Text().latex_to_text(maths))
    except Exception:  # noqa: BLE001  the library raises anything on broken LaTeX, such as an empty matrix
        return maths


def judged(judgement: Judgement) -> str:
    """Return the result of comparing a formula as sentences: the result, a counter-example, and remarks."""
    sentences = [judgement.words] if judgement.words else []
    if judgement.evidence:
        sentences.append(f"{judgement.evidence}.")
    sentences += [f"Remark: {remark}." for remark in judgement.remarks]
    return " ".join(sentences)


def counted(points: Points) -> str:
    """Return points with their unit: "1 point" or "2.5 points"."""
    unit = "point" if points == 1 else "points"
    return f"{show_points(points)} {unit}"


def suggestion(written: Written) -> str:
    """Return the suggested points of an answer as text: "5 points suggested" or "no suggestion"."""
    if written.opinion is None or written.opinion.points is None:
        return "no suggestion"
    return f"{counted(written.opinion.points)} suggested"
