"""The check author's vocabulary: `check`, `claim`, and the comparisons that a claim is made of.

A check asks the student's code something and yields claims. A claim is a name and a judgement, a function of
the truth: `lambda truth: near(answer, truth.loss(problem))`. Because the truth is an argument, the engine can
ask again under the truth of a known mistake, and so say what is wrong instead of only that something is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from grader.kit.answer import Answer, describe, failed_call
from grader.model import Evidence, FailedCall, Place, Raised

EXACT = 1e-6
"""Norm-wise relative tolerance. A right float64 solution stays below 1e-10."""
SINGLE = 1e-4
"""Tolerance for a student who computes in float32. Right ones stay under 7.2e-6 over 17,506 well-posed problems."""
ROUNDING = 1e-12
"""Rounding error left of float64 terms that cancel, relative to their size. It differs from kernel to kernel."""


@dataclass(frozen=True)
class Verdict:
    credit: Fraction
    """0 … 1."""
    reason: str = ""
    """Why it is not all; safe to show under a secret seed."""
    values: str = ""
    """Both numbers, for published and public problems only."""
    cause: str = ""
    """A sentence that says what is wrong, where more is known than the numbers in `reason`."""
    remarks: tuple[str, ...] = ()
    place: Place | None = None
    source: str = ""
    says_why: bool = field(default=False, compare=False)
    """The reason names the cause, so nothing is to be added to it."""
    inconclusive: bool = field(default=False, compare=False)
    """It holds, but shows no work of the student's code: both sides are zero or diverge, or nothing was compared. A
    check must not follow from a mistake by such a verdict alone."""
    waits: bool = field(default=False, compare=False)
    """A person must decide: what was measured lies between what passes and what fails."""

    call: FailedCall | None = field(default=None, compare=False)
    """The call that failed, which `reason` is about."""

    @property
    def holds(self) -> bool:
        return self.credit == 1

    def __and__(self, other: Verdict) -> Verdict:
        """Return the worse of the two, with the remarks of both. What waits is better than nothing and worse than a
        part of the points."""
        worse = self if (self.credit, self.waits) <= (other.credit, other.waits) else other
        return Verdict(
            worse.credit,
            worse.reason,
            worse.values,
            worse.cause,
            tuple(dict.fromkeys(self.remarks + other.remarks)),
            worse.place,
            worse.source,
            worse.says_why,
            self.inconclusive and other.inconclusive,
            worse.waits,
            worse.call,
        )


def passed(*remarks: str) -> Verdict:
    """Return a verdict that passes without a comparison; the neutral element of `&`."""
    return Verdict(Fraction(1), remarks=remarks, inconclusive=True)


def failed(reason: str, values: str = "") -> Verdict:
    return Verdict(Fraction(0), reason, values)


def waiting(reason: str) -> Verdict:
    """Return a verdict that leaves the decision to a person; its points are neither earned nor lost."""
    return Verdict(Fraction(0), reason, says_why=True, waits=True)


def because(verdict: Verdict, cause: str) -> Verdict:
    """Return a failed verdict with a sentence on the cause of its numbers."""
    return replace(verdict, cause=cause, says_why=True)


def call_failure(answer: Answer) -> Verdict | None:
    """Return the verdict on a call that failed; None if it returned a value."""
    if answer.failure is None:
        return None
    call = failed_call(answer.failure, answer.what)
    source = answer.failure.source if isinstance(answer.failure, Raised) and answer.failure.place else ""
    return Verdict(Fraction(0), call.reason, place=call.raised_at, source=source, says_why=True, call=call)


def numbers(answer: Answer, shape: Sequence[int]) -> np.ndarray[Any, Any] | Verdict:
    """Return an answer as finite float64 of a shape, or the verdict that says why it is not.

    Args:
        answer: The answer. (H,), (1, H) and (H, 1) are the same vector; a number may be a float or an array of one.
        shape: The wanted shape.

    Returns:
        The array (shape), or a verdict without credit.
    """
    if (wrong := call_failure(answer)) is not None:
        return wrong
    value = answer.value
    if type(value) in (int, float):
        value = np.asarray(value)
    if type(value) is not np.ndarray:
        return failed(f"{answer.what} is {describe(value)}, not {_wanted(shape)}")
    if value.dtype.kind not in "fiu":
        return failed(f"{answer.what} has dtype {value.dtype}; it must hold numbers")
    if squeezed(value.shape) != squeezed(shape):
        return failed(f"{answer.what} has shape {value.shape}; it must have {tuple(shape)}")
    array = value.astype(np.float64).reshape(shape)
    finite = np.isfinite(array)
    if not finite.all():
        first = np.argwhere(~finite)[0].tolist()
        where = f" (first at {first})" if first else ""
        return failed(f"{answer.what} is {'NaN' if np.isnan(array).any() else 'infinite'}{where}")
    return array


def is_rounding(norm: float, scale: float) -> bool:
    """Return whether a norm is zero up to rounding beside `scale`, the norm of what it might have been. False for NaN,
    and for a zero beside which there is nothing larger."""
    return norm <= ROUNDING * scale and scale > 0


def near(
    answer: Answer,
    want: float | np.ndarray[Any, Any],
    *,
    rtol: float = EXACT,
    atol: float = 0.0,
    least: float = 0.0,
    single: bool = False,
) -> Verdict:
    """Return whether ‖answer - want‖ ≤ atol + rtol·max(‖want‖, least), after shape, dtype and finiteness.

    Where `want` holds integers (labels, counts), every one of them must be equal, and the reason counts those that are
    not: they have no size to be off by.

    Args:
        least: The smallest norm that a right answer has. Where a known mistake's terms cancel, `want` is rounding only,
            and the answer is other rounding: both are zeros beside this size.
        single: The student's parameters are float32, in which case (as for a float32 answer) `SINGLE` takes `rtol`'s
            place.
    """
    if np.asarray(want).dtype.kind in "iub":
        return _equal(answer, np.asarray(want))
    wanted = np.asarray(want, np.float64)
    got = numbers(answer, wanted.shape)
    if isinstance(got, Verdict):
        is_transposed = wanted.ndim == 2 and getattr(answer.value, "shape", None) == wanted.T.shape != wanted.shape
        as_it_is = is_transposed and near(answer, wanted.T, rtol=rtol, atol=atol, least=least, single=single).holds
        return replace(got, reason=f"{got.reason}: transpose it") if as_it_is else got
    remarks: tuple[str, ...] = ()
    if single or _is_float32(answer):
        rtol = max(rtol, SINGLE)
        remarks = ("computed in float32, so compared at 1e-4",)
    norm = float(np.linalg.norm(wanted))
    difference = float(np.linalg.norm(got - wanted))
    if np.isfinite(norm) and difference <= atol + rtol * max(norm, least):
        nothing = wanted.size > 0 and (norm == 0 or is_rounding(norm, least))
        return Verdict(Fraction(1), remarks=remarks, inconclusive=nothing)
    return failed(_differs(answer.what, got, wanted, difference, norm, rtol, atol), _both(got, wanted))


def agree(answer: Answer, labels: np.ndarray[Any, Any], *, share: float = 1.0) -> Verdict:
    """Return whether class labels equal ours on at least this share of the rows.

    Labels are integers, but a known mistake's may be scores, which are compared as numbers are. Rows whose scores
    nearly tie are the caller's to leave out, through `share`.
    """
    got = numbers(answer, labels.shape)
    if isinstance(got, Verdict):
        return got
    tolerance = SINGLE if _is_float32(answer) else EXACT
    wrong = ~np.isclose(got, labels, rtol=0 if labels.dtype.kind in "iu" else tolerance, atol=tolerance)
    if float(np.mean(~wrong)) >= share:
        return Verdict(Fraction(1))
    return _unequal(answer, got, labels, wrong)


def _equal(answer: Answer, want: np.ndarray[Any, Any]) -> Verdict:
    got = numbers(answer, want.shape)
    if isinstance(got, Verdict):
        return got
    wrong = got != want
    return _unequal(answer, got, want, wrong) if wrong.any() else Verdict(Fraction(1))


def _unequal(
    answer: Answer, got: np.ndarray[Any, Any], want: np.ndarray[Any, Any], wrong: np.ndarray[Any, Any]
) -> Verdict:
    if not want.shape:
        return failed(f"{answer.what} is not the right number", f"got {float(got):g}, expected {want}")
    first = int(np.argmax(wrong))
    what, where = ("labels", f"row {first}") if want.ndim == 1 else ("entries", f"at {np.argwhere(wrong)[0].tolist()}")
    return failed(
        f"{answer.what}: {int(wrong.sum())} of {wrong.size} {what} differ",
        f"{where}: got {got.flat[first]:g}, expected {want.flat[first]}",
    )


def _is_float32(answer: Answer) -> bool:
    """Return whether the answer is an array of float32 or less."""
    value = answer.value
    return type(value) is np.ndarray and value.dtype.kind == "f" and value.dtype.itemsize < 8


def ladder(value: float, steps: Sequence[tuple[float, Fraction]], what: str) -> Verdict:
    """Return the credit of the highest step that a value reaches.

    Args:
        value: The value.
        steps: (least value, credit), the highest first.
        what: Name of the value, for the reason.

    Returns:
        The verdict.
    """
    top = steps[0][0]
    for least, credit in steps:
        if value >= least:
            if credit == 1:
                return Verdict(Fraction(1))
            return Verdict(credit, f"{what} is {value:.3f}; {top:g} earns all points")
    return failed(f"{what} is {value:.3f}; {steps[-1][0]:g} earns the first points and {top:g} all")


def _wanted(shape: Sequence[int]) -> str:
    return f"an array of shape {tuple(shape)}" if shape else "a number"


def squeezed(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the shape without axes of length 1; a matrix keeps both its lengths."""
    if len(shape) == 2 and 1 not in shape:
        return tuple(shape)
    return tuple(n for n in shape if n != 1)


def _differs(
    what: str,
    got: np.ndarray[Any, Any],
    want: np.ndarray[Any, Any],
    difference: float,
    norm: float,
    rtol: float,
    atol: float,
) -> str:
    ratio = _one_ratio(got, want)
    if ratio is not None and abs(ratio - 1) > 1e-3 and (want.shape or _is_simple(ratio)):
        return f"{what} is {ratio:.4g} times the reference" if ratio else f"{what} is zero"
    relative = f"relative error {difference / norm:.3g}" if norm else f"absolute error {difference:.3g}"
    tolerance = f"tolerance {atol:g}" if atol and not want.shape else f"tolerance {rtol:g}"
    return f"{what}: {relative} ({tolerance}){_entries_that_differ(got, want, atol + rtol * norm)}"


def _is_simple(ratio: float) -> bool:
    """Return whether a single number's ratio is a whole number or one over it: others are no factor, only chance."""
    return any(abs(r) < 1e4 and abs(r - round(r)) < 1e-6 for r in (ratio, 1 / ratio if ratio else 0.0))


def _entries_that_differ(got: np.ndarray[Any, Any], want: np.ndarray[Any, Any], tolerance: float) -> str:
    """Say where an array differs: which rows or columns, or how many entries and the first of them."""
    if want.size < 2:
        return ""
    wrong = np.abs(got - want) > tolerance / want.size**0.5
    if wrong.all() or not wrong.any():
        return "; every entry differs" if wrong.all() else ""
    for axis, line in ((1, "row"), (0, "column")):
        if want.ndim == 2 and (whole := wrong.all(axis=axis)).sum() * want.shape[axis] == wrong.sum():
            numbers_of_lines = ", ".join(str(int(i)) for i in np.flatnonzero(whole)[:3])
            several = bool(whole.sum() > 1)
            more = ", …" if whole.sum() > 3 else ""
            return f"; only {line}{'s' * several} {numbers_of_lines}{more} differ{'' if several else 's'}"
    first = ", ".join(str(int(i)) for i in np.argwhere(wrong)[0])
    return f"; {int(wrong.sum())} of {want.size} entries differ, the first at [{first}]"


def _one_ratio(got: np.ndarray[Any, Any], want: np.ndarray[Any, Any]) -> float | None:
    """Return r where got = r·want, to three digits: the most telling thing to say, and it gives no value away. What is
    zero up to rounding is 0 times."""
    square = float(np.sum(want * want))
    if is_rounding(float(np.linalg.norm(got)), square**0.5):
        return 0.0
    if not square or not want.shape:
        return float(got / want) if square and want.shape == () else None
    ratio = float(np.sum(got * want)) / square
    return ratio if float(np.linalg.norm(got - ratio * want)) <= 1e-3 * abs(ratio) * square**0.5 else None


def _both(got: np.ndarray[Any, Any], want: np.ndarray[Any, Any]) -> str:
    if not want.shape:
        return f"got {float(got):.9g}, expected {float(want):.9g}"
    differences = np.abs(got - want)  # of several that are equal up to rounding, the first
    worst = np.unravel_index(int(np.argmax(differences >= (1 - 1e-9) * differences.max())), want.shape)
    return f"at [{', '.join(str(int(i)) for i in worst)}] got {got[worst]:.6g}, expected {want[worst]:.6g}"


# ── checks and claims ────────────────────────────────────────────────────────────────────────────────


class NotRecorded(Exception):
    """A student's pre-check carries recorded answers instead of the reference, and this one is not among them. The
    check stays open there and is graded after submission."""


Judgement = Callable[[Any], Verdict]
"""Truth → Verdict. It must not ask the student anything: it may be called under many truths."""


OwnJudgement = Callable[[Any, Sequence[str]], Verdict]
"""(truth, ids of the checks that it builds on and that have lost points) → Verdict. It may ask the student."""


class Holds(Protocol):
    """Return whether a check, by id or by its name in the same section, has kept its points.

    `case` restricts it to one kind of problem; only names of the same section have cases.
    """

    def __call__(self, id: str, case: str = "") -> bool: ...


@dataclass(frozen=True)
class Claim:
    name: str
    judge: Judgement
    shows_values: bool = False
    aspect: str = ""
    outcome: bool = False
    given: tuple[str, ...] = ()
    own: OwnJudgement | None = None
    own_work: OwnJudgement | None = None
    case: str = ""
    hint: Callable[[Holds], str] | None = None
    diagnosable: bool = True
    evidence: Callable[[Any], Evidence] | None = None
    check: str = ""
    """The check that yields it, and its topics."""
    topics: tuple[str, ...] = ()


def claim(
    name: str,
    judge: Judgement,
    *,
    shows_values: bool = False,
    aspect: str = "",
    outcome: bool = False,
    given: Sequence[str] = (),
    own: OwnJudgement | None = None,
    own_work: OwnJudgement | None = None,
    case: str = "",
    hint: Callable[[Holds], str] | None = None,
    diagnosable: bool = True,
    evidence: Callable[[Any], Evidence] | None = None,
) -> Claim:
    """Return a claim: something that must hold, worth the points that assignment.toml gives its name.

    Args:
        judge: truth → verdict. It must ask the student nothing: it is called under many truths.
        shows_values: The problem is published, so both numbers may be shown whatever the seed.
        aspect: Claims of one aspect can be explained by one mistake of their own (data term, regularisation).
        outcome: An end result such as an accuracy; no mistake is looked for in it.
        given: Ids of earlier checks, or of sections, whose answers this claim builds on.
        own: (truth, those of `given` that have lost points) → verdict, with the student's own answers as the truth. It
            is called only where the claim fails and one of them has lost points, and it may ask the student. A claim
            that holds by it keeps its points and follows from the checks that were charged.
        own_work: As `own`, where one of the checks was lost to a mistake that leaves no work to build on (a net that
            ignores its activation). It must hold only if this answer shows work independent of that check.
        case: The kind of problem ("reg = 0"), for reasons of the form "right for …, wrong for …".
        hint: which checks hold → a sentence that narrows an undiagnosed loss down, or "".
        diagnosable: False where no known mistake can explain a loss, because the call raised.
        evidence: truth → plots for people.
    """
    return Claim(
        name, judge, shows_values, aspect, outcome, tuple(given), own, own_work, case, hint, diagnosable, evidence
    )


@dataclass(frozen=True)
class Draw:
    """The source of randomness and the size of a run, for functions that draw problems."""

    random: np.random.Generator
    quick: bool
    """Train on less: a pre-check that says that it is not the grade."""


Each = Callable[[Draw, Any], Iterable[Any]]
"""(draw, truth) → the problems that a check is run on."""


@dataclass(frozen=True)
class Check:
    section: str
    """The table in assignment.toml that holds its claims' points."""
    run: Callable[..., Iterator[Claim]]
    each: Each | None
    handout: bool
    settles: bool
    topics: tuple[str, ...]
    title: str
    long: bool = False
    """It takes long: it gets a session of its own and runs beside the others. The manifest says which do."""

    @property
    def name(self) -> str:
        return f"{self.section}:{self.run.__name__}"


def check(
    section: str,
    *,
    each: Each | None = None,
    handout: bool = False,
    settles: bool = False,
    topics: tuple[str, ...] = (),
) -> Callable[[Callable[..., Iterator[Claim]]], Check]:
    """Make a generator function `(student)` or `(student, problem)` a check.

    Args:
        section: The table of the manifest that has its claims' points.
        each: Draws the problems: (draw, truth) → problems. Without it the function gets no problem.
        handout: It is one of the handout's own checks, which `--only handout` runs.
        settles: It decides which of the accepted interpretations of the assignment this submission follows.
        topics: Topics of the known mistakes to look for. Without any, all are tried.
    """

    def wrap(run: Callable[..., Iterator[Claim]]) -> Check:
        title = (run.__doc__ or run.__name__).strip().partition("\n")[0]
        return Check(section, run, each, handout, settles, topics, title)

    return wrap
