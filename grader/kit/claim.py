"""Checks and claims.

A check calls the student's code and yields claims. A claim has a name and a judgement, such as `lambda truth:
near(answer, truth.loss(problem))`. This function gets the truth, an object with the right results, and returns a
verdict. If a claim fails, the engine calls its judgement again with truths that contain known mistakes, to find the
cause.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Protocol

from grader.kit.verdict import Verdict
from grader.model import Evidence


def covers(id: str, check: str) -> bool:
    """Return whether `id` is the id of the check, or of a section that contains the check: "q1" and "q1.loss" cover
    "q1.loss"."""
    return f"{check}.".startswith(f"{id}.")


class NotRecorded(Exception):
    """Raised on a student's computer if a check needs a right result that is not among the recorded results that
    students get. The check is then graded after submission."""


Judgement = Callable[[Any], Verdict]
"""Function (object with the right results) → verdict. Must not call the student's code, because it is called again for
every known mistake."""


OwnJudgement = Callable[[Any, Sequence[str]], Verdict]
"""Function (object with the right results, ids of earlier checks that lost points) → verdict. Compares
with what follows from the student's own, possibly wrong, answers to these checks. May call the student's code."""


class Holds(Protocol):
    """Function (id of a check) → True if the check has passed. Hints call this function to narrow down the cause of a
    failure.

    Args:
        id: Name of a check in the same section ("loss"), or id of an earlier check or section ("q1.loss").
        case: Consider only claims with this `case` (see `Claim`). Allowed only if `id` is the name of a check in the
            same section.
    """

    def __call__(self, id: str, case: str = "") -> bool: ...


@dataclass(frozen=True, eq=False)
class Claim:
    """A claim about the student's code. Claims of one name share the points that assignment.toml gives to the name.

    Args:
        name: Name of the check in the report, without its section: "loss".
        judge: Function (truth) → verdict. A truth is an object with the right results. Must not call the student's
            code, because it is called again for every known mistake.
        shows_values: True if the handout prints the problem, so that reports may always show the numbers.
        aspect: The part of the result that the claim covers, for example "data" for the gradient of the data term. If
            no single known mistake explains a failed check, pairs are tried: one mistake for the claims with an aspect,
            and another for those without.
        outcome: True for an end result, such as an accuracy. Known mistakes are not tried as the cause of its failure.
        given: Ids of earlier checks or sections whose results this claim builds on.
        own: Function (truth, ids from `given` that have lost points) → verdict. It compares with results that are
            computed from the student's own answers to these checks, and may call the student's code. It is called only
            if the claim fails and there are such ids. If the verdict passes, the claim keeps its points, and the report
            names the checks from which the failure follows.
        own_work: Set by the checks of `grader.nets`. Used instead of `own` if a check in `given` lost points to a
            mistake with `carries=False` (see `mistake`), such as a net that ignores its activation. Must pass only if
            the answer shows work beyond that mistake.
        needs_evidence: True if `own` marks verdicts without evidence as inconclusive. The check then keeps its points
            only if at least one of its claims passes with evidence.
        case: The kind of problem ("reg = 0"), for reasons of the form "wrong for … and right for …".
        hint: Function that returns a sentence about the likely cause, or "". It is called with a `Holds` function if no
            known mistake explains a failure.
        diagnosable: False if the call raised. Known mistakes are then not tried as the cause of a failure.
        evidence: Function (truth) → plots for the report.
        check: Name of the check that yields the claim. Set by the check.
        topics: Topics of the check that yields the claim. Set by the check.
    """

    name: str
    judge: Judgement
    _: KW_ONLY
    shows_values: bool = False
    aspect: str = ""
    outcome: bool = False
    given: Sequence[str] = ()
    own: OwnJudgement | None = None
    own_work: OwnJudgement | None = None
    needs_evidence: bool = False
    case: str = ""
    hint: Callable[[Holds], str] | None = None
    diagnosable: bool = True
    evidence: Callable[[Any], Evidence] | None = None
    check: str = ""
    topics: tuple[str, ...] = ()


claim = Claim
"""Create a claim in a check: `yield kit.claim("loss", judge)`."""
