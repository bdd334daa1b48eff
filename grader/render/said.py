"""What a report says about lost points: a failure's sentence taken apart, and the checks that one thing has cost; and
what the machine makes of written answers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pylatexenc.latex2text import LatexNodes2Text
from rich.cells import cell_len

from grader.model import (
    ZERO,
    CheckResult,
    Comparison,
    Judgement,
    Place,
    Points,
    Report,
    Status,
    Written,
    show_points,
)
from grader.render.text import LINE_LIMIT, clean

FEW = 3
"""Checks that one thing to fix names one by one."""
THEIRS = 160
"""Characters of a message of Python's or numpy's; ours stands before it and must not be pushed out of sight."""

_CALL = r"(?P<call>.*? cannot be (?:loaded|made)|[\w.]+(?:\[[^\]]*\]|\([^()]*\))?(?:, called a second time,)?)"
"""The request, as `checks.answer.Answer.what` names it: "grads['W1']", "train(…)", "params"; or the step that failed
before it (`model.Raised.before`)."""


@dataclass(frozen=True)
class Failure:
    """A reason that tells of a call without an answer, in the parts that `checks.answer.explain` joins."""

    call: str
    error: str
    advice: str = ""
    column: int | None = None
    """Of a syntax error, from 1."""
    raised_at: str = ""


def failure(check: CheckResult) -> Failure | None:
    """None where the call was answered, and the answer is wrong."""
    if check.mistake or not check.reason:
        return None
    # the line that raised, which is not always the line that is shown
    where = r" \((?P<at>[^()\n]{1,300}:\d+)(?:, column (?P<column>\d+))?\)" if check.place else "(?P<at>)(?P<column>)"
    call = "(?P<call>.*?)" if check.place else _CALL
    for told in (rf"{call}: (?P<advice>.*?){where}\. Python says: (?P<error>.*)", rf"{call}: (?P<error>.*){where}"):
        if found := re.fullmatch(told, check.reason, re.DOTALL):
            parts = found.groupdict()
            column = int(parts["column"]) if parts["column"] else None
            return Failure(parts["call"], parts["error"], parts.get("advice", ""), column, parts["at"])
    other = re.fullmatch(rf"{_CALL}: (?P<error>.*)", check.reason, re.DOTALL)
    return Failure(other["call"], other["error"]) if other else None


def words(check: CheckResult, *, call: bool = True) -> str:
    """Return the reason as people read it: our advice first, then what Python said, and where it was raised unless that
    is the line shown beside it."""
    failed = failure(check)
    if failed is None:
        return check.reason
    error = failed.error if len(failed.error) <= THEIRS else f"{failed.error[:THEIRS]}…"
    if failed.raised_at and failed.raised_at != str(check.place):
        error = f"{error}; raised at {failed.raised_at}"
    said = f"{failed.call}: {error}" if call else error
    return f"{failed.advice} ({said})" if failed.advice else said


@dataclass(frozen=True)
class Fix:
    """One thing to mend, with all the checks that it costs points at."""

    checks: tuple[CheckResult, ...]

    @property
    def first(self) -> CheckResult:
        return self.checks[0]

    @property
    def reason(self) -> str:
        calls = {failed.call for c in self.checks if (failed := failure(c))}
        return words(self.first, call=len(calls) == 1)

    @property
    def sentence(self) -> str:
        """The reason without the numbers, where the mistake is known or several checks have numbers of their own."""
        if self.first.mistake or len(self.checks) > 1:
            return named_cause(self.first) or self.reason
        return self.reason

    @property
    def only_follows(self) -> bool:
        """An outcome, such as an accuracy, of code that has mistakes of its own."""
        return all(c.outcome for c in self.checks)

    @property
    def place(self) -> Place | None:
        return self.first.place

    @property
    def source(self) -> str:
        return self.first.source

    @property
    def column(self) -> int | None:
        failed = failure(self.first)
        return failed.column if failed else None

    @property
    def lost(self) -> Points:
        return sum((c.possible - c.points for c in self.checks), ZERO)


def fixes(report: Report) -> tuple[Fix, ...]:
    """Return what to fix: part by part, since later parts build on earlier ones, within a part by points lost, and
    outcomes last. What stops several checks is one thing to fix, however they met it."""
    groups: dict[object, list[CheckResult]] = {}
    first_in: dict[object, int] = {}
    for number, part in enumerate(report.parts):
        for check in part.checks:
            if check.status in (Status.LOST, Status.PARTLY):
                groups.setdefault(cause(check), []).append(check)
                first_in.setdefault(cause(check), number)
    found = [(first_in[key], Fix(tuple(checks))) for key, checks in groups.items()]
    return tuple(fix for _, fix in sorted(found, key=lambda one: (one[1].only_follows, one[0], -one[1].lost)))


def named_cause(check: CheckResult) -> str:
    """Return the sentences that say what is wrong, without the numbers; "" where only numbers are known."""
    if failure(check) is not None:
        return ""
    said, known, _ = check.reason.partition(". (")
    return f"{said}." if known else ""


def cause(check: CheckResult) -> object:
    """Return a key that is equal for checks that lost their points to one thing: a known mistake, the same sentence, or
    the same failure in the same place, whatever was asked and however large its arrays were."""
    if check.mistake:
        return check.mistake, check.place
    if said := named_cause(check):
        return said, check.place
    failed = failure(check)
    if failed is None:
        return check.reason, check.place
    own_name = repr(check.id.rpartition(".")[2])
    return re.sub(r"\d+", "#", failed.error.replace(own_name, "…")), check.place


def stopper(report: Report) -> Fix | None:
    """What keeps everything from running, where nothing has run."""
    decided = [c for c in report.checks if c.status is not Status.WAITING]
    if not decided or any(c.status is not Status.LOST or failure(c) is None for c in decided):
        return None
    return fixes(report)[0]


def caret(source: str, column: int) -> str:
    """The line with a caret under the column, in two lines."""
    flat = re.sub(r"\s", " ", source.expandtabs(1))
    line = flat.strip()
    before = max(0, min(column - 1 - (len(flat) - len(flat.lstrip())), len(line), LINE_LIMIT))
    return f"{clean(line, LINE_LIMIT)}\n{' ' * cell_len(clean(line[:before]))}^"


_SCOPES = {
    "quick": "long checks did less (--quick), and were held to lower thresholds",
    "only handout": "nothing was graded but the handout's own checks",
    "pre-check": "a student's own check; the rest is graded after you submit",
}


def scope(label: str) -> str:
    """What was graded, and so why it is not the grade, for someone who does not know the options."""
    return "; ".join(map(_scope_phrase, label.split(", ")))


def _scope_phrase(word: str) -> str:
    if word in _SCOPES:
        return _SCOPES[word]
    if word.startswith("without "):
        return f"{word.removeprefix('without ')} was not run"
    return word.replace("only ", "nothing was graded but ")


# ── written answers ──────────────────────────────────────────────────────────────────────────────────

COMPARED = {
    Comparison.EQUAL: "proven right",
    Comparison.UNSIMPLIFIED: "proven right, not simplified",
    Comparison.TRANSPOSED: "right but for a transpose",
    Comparison.DIFFERS: "differs",
    Comparison.UNREAD: "for a person to read",
}


def plain(maths: str) -> str:
    """LaTeX as people read it where nothing sets it: "∇_b^(1) J"."""
    return str(LatexNodes2Text().latex_to_text(maths))


def judged(judgement: Judgement) -> str:
    """One sentence or two: how it compares, and what shows it."""
    said = [judgement.words, f"{judgement.evidence}." if judgement.evidence else ""]
    return " ".join([*filter(None, said), *(f"Remark: {remark}." for remark in judgement.remarks)])


def suggestion(written: Written) -> str:
    """ "5 points suggested", or what is not so sure."""
    if written.opinion is None or written.opinion.points is None:
        return "no suggestion"
    points = written.opinion.points
    return f"{show_points(points)} {'point' if points == 1 else 'points'} suggested"
