"""Checks, claims, and the comparisons that claims are made of.

A check calls the student's code and yields claims. A claim has a name and a judgement, which is a function of the
truth: `lambda truth: near(answer, truth.loss(problem))`. If a claim fails, the engine calls its judgement again with
the truths of known mistakes, to find the cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from fractions import Fraction
from functools import reduce
from operator import and_
from typing import Any, Protocol

import numpy as np

from grader.kit.answer import Answer, describe, failed_call
from grader.model import Evidence, FailedCall, Place, Raised

EXACT = 1e-6
"""Relative tolerance of norms. The errors of right float64 solutions are below 1e-10."""
SINGLE = 1e-4
"""Relative tolerance for float32. The errors of right solutions were below 7.2e-6 on 17,506 well-posed problems."""
ROUNDING = 1e-12
"""Rounding error, relative to their size, of float64 terms that cancel. It depends on the BLAS kernel."""


@dataclass(frozen=True)
class Verdict:
    """The result of a judgement."""

    credit: Fraction
    """Share of the points, 0 … 1."""
    reason: str = ""
    """Why the credit is less than 1. It reveals no values, so it is also shown for secret problems."""
    values: str = ""
    """The student's number and the expected one, shown for published and public problems only."""
    cause: str = ""
    """A sentence on the cause of the numbers in `reason`, if it is known."""
    remarks: tuple[str, ...] = ()
    place: Place | None = None
    source: str = ""
    says_why: bool = field(default=False, compare=False)
    """True if the reason names the cause, so that nothing is added to it."""
    inconclusive: bool = field(default=False, compare=False)
    """True if it passes without evidence of the student's work: both sides are zero or diverge, or nothing was
    compared. Such a verdict alone does not show that a check follows from a mistake."""
    waits: bool = field(default=False, compare=False)
    """True if a person must decide, because the measurement is between passing and failing."""

    call: FailedCall | None = field(default=None, compare=False)
    """The failed call that `reason` describes, if a call failed."""

    @property
    def holds(self) -> bool:
        return self.credit == 1

    def __and__(self, other: Verdict) -> Verdict:
        """Return the worse of two verdicts, with the remarks of both. Waiting is between no credit and some credit."""
        worse = self if (self.credit, self.waits) <= (other.credit, other.waits) else other
        remarks = tuple(dict.fromkeys(self.remarks + other.remarks))
        return replace(worse, remarks=remarks, inconclusive=self.inconclusive and other.inconclusive)


def passed(*remarks: str) -> Verdict:
    """Return a verdict that passes without a comparison; the neutral element of `&`."""
    return Verdict(Fraction(1), remarks=remarks, inconclusive=True)


def failed(reason: str, values: str = "") -> Verdict:
    """Return a verdict without credit.

    Args:
        reason: What is wrong, without values.
        values: The student's number and the expected one.
    """
    return Verdict(Fraction(0), reason, values)


def waiting(reason: str) -> Verdict:
    """Return a verdict that leaves the decision to a person; its points are neither earned nor lost."""
    return Verdict(Fraction(0), reason, says_why=True, waits=True)


def all_hold(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of several verdicts, with the remarks of all."""
    return reduce(and_, verdicts, passed())


def because(verdict: Verdict, cause: str) -> Verdict:
    """Return a failed verdict with a sentence to the student on its cause."""
    return replace(verdict, cause=cause, says_why=True)


def call_failure(answer: Answer) -> Verdict | None:
    """Return the verdict on a call that failed; None if it returned a value."""
    if answer.failure is None:
        return None
    call = failed_call(answer.failure, answer.what)
    source = answer.failure.source if isinstance(answer.failure, Raised) and answer.failure.place else ""
    return Verdict(Fraction(0), call.reason, place=call.raised_at, source=source, says_why=True, call=call)


def numbers(answer: Answer, shape: Sequence[int]) -> np.ndarray[Any, Any] | Verdict:
    """Return an answer as a finite float64 array, or a verdict on why it is none.

    Args:
        answer: The answer. (H,), (1, H) and (H, 1) count as the same shape. A number may be an array of one entry.
        shape: The wanted shape.

    Returns:
        The array in the wanted shape, or a verdict without credit.
    """
    if (wrong := call_failure(answer)) is not None:
        return wrong
    value = answer.value
    if type(value) in (int, float) or (isinstance(value, list) and not value):
        value = np.array(value)
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
    """Return whether a norm is zero up to rounding.

    Args:
        norm: The norm. The result is False for NaN.
        scale: The norm that a nonzero value would have. If it is 0, the result is False.
    """
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
    """Judge whether ‖answer - want‖ ≤ atol + rtol·max(‖want‖, least), after shape, dtype and finiteness.

    Integers (labels, counts) must all be equal; the reason says how many differ.

    Args:
        answer: The answer.
        want: The expected number or array.
        rtol: Relative tolerance of the norm.
        atol: Absolute tolerance of the norm.
        least: The smallest norm of a right answer. If the terms of a mistaken truth cancel, `want` and the answer are
            different roundings of zero, which are equal relative to this norm.
        single: True if the student computes in float32. The tolerance is then at least `SINGLE`, as it is for an answer
            in float32.

    Returns:
        The verdict.
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
    """Judge whether labels are right on at least a share of the rows.

    Args:
        answer: The student's labels (N,).
        labels: The right labels (N,). A mistaken truth may have floats here, which are compared up to a tolerance.
        share: The share of rows that must be right. It is less than 1 if some rows have nearly equal scores.

    Returns:
        The verdict.
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
    """Grade a value by steps.

    Args:
        value: The value.
        steps: (least value, credit), the highest first.
        what: Name of the value, for the reason.

    Returns:
        The verdict with the credit of the highest step that the value reaches.
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
    """Return whether the ratio of two numbers is an integer or the reciprocal of one. Other ratios mean nothing."""
    return any(abs(r) < 1e4 and abs(r - round(r)) < 1e-6 for r in (ratio, 1 / ratio if ratio else 0.0))


def _entries_that_differ(got: np.ndarray[Any, Any], want: np.ndarray[Any, Any], tolerance: float) -> str:
    """Return a phrase on where an array differs: rows, columns, or the number of entries and the first of them."""
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
    """Return r if got = r·want to three digits, or None. The ratio often names the cause and reveals no value. It is 0
    if `got` is zero up to rounding."""
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
    differences = np.abs(got - want)  # show the first of the largest, which may be equal up to rounding
    worst = np.unravel_index(int(np.argmax(differences >= (1 - 1e-9) * differences.max())), want.shape)
    return f"at [{', '.join(str(int(i)) for i in worst)}] got {got[worst]:.6g}, expected {want[worst]:.6g}"


# ── checks and claims ────────────────────────────────────────────────────────────────────────────────


def covers(id: str, check: str) -> bool:
    """Return whether an id ("q1.loss", "q1") is that of a check, or of a section or part that contains it."""
    return f"{check}.".startswith(f"{id}.")


class NotRecorded(Exception):
    """The student's pack has no recorded answer to this question of a check. The check is graded after submission."""


Judgement = Callable[[Any], Verdict]
"""Truth → verdict. It must not call the student's code, because it is evaluated under many truths."""


OwnJudgement = Callable[[Any, Sequence[str]], Verdict]
"""(truth, ids of the earlier checks that have lost points) → verdict, with the student's own earlier answers as the
truth. It may call the student's code."""


class Holds(Protocol):
    """Return whether a check has kept its points.

    Args:
        id: Id of the check, or its name if it is in the same section.
        case: Consider only this kind of problem. Only names in the same section have cases.
    """

    def __call__(self, id: str, case: str = "") -> bool: ...


@dataclass(frozen=True, eq=False)
class Claim:
    """A claim about the student's code. All claims of one name share its points in assignment.toml.

    Args:
        name: Name of the check in its section.
        judge: Truth → verdict. It must not call the student's code, because it is evaluated under many truths.
        shows_values: True if the problem is published, so that values may be shown under any seed.
        aspect: A part of the task (for example "data"). Two mistakes at once are found if one of them alone explains
            the claims with an aspect.
        outcome: True for an end result, such as an accuracy. It is not diagnosed.
        given: Ids of earlier checks or sections whose answers this claim builds on.
        own: (truth, ids from `given` that have lost points) → verdict, with the student's own answers as the truth. It
            is called if the claim fails and there are such ids. It may call the student's code. If it passes, the claim
            keeps its points and the report says which checks it follows from.
        own_work: Used instead of `own` if one of these checks was lost to a mistake that leaves no work to build on
            (a net that ignores its activation). It must pass only if the answer shows work of its own.
        case: The kind of problem ("reg = 0"), for reasons of the form "right for …, wrong for …".
        hint: Which checks hold → a sentence on the cause of an undiagnosed failure, or "".
        diagnosable: False if no known mistake can explain a failure, because the call raised.
        evidence: Truth → plots for the report.
        check: Name of the check that yields it. The engine sets it.
        topics: Topics of that check. The engine sets them.
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
    case: str = ""
    hint: Callable[[Holds], str] | None = None
    diagnosable: bool = True
    evidence: Callable[[Any], Evidence] | None = None
    check: str = ""
    topics: tuple[str, ...] = ()


claim = Claim
"""Checks make claims by this name: `yield kit.claim("loss", judge)`."""


@dataclass(frozen=True)
class Draw:
    """The arguments of a grading for functions that draw problems."""

    random: np.random.Generator
    quick: bool
    """True to train on less data. The report then says that it is not the grade."""


Each = Callable[[Draw, Any], Iterable[Any]]
"""(draw, truth) → the problems on which a check runs."""


@dataclass(frozen=True)
class Check:
    """A check of an assignment, as the decorator `check` makes it."""

    section: str
    """The table in assignment.toml with its points."""
    run: Callable[..., Iterator[Claim]]
    each: Each | None
    handout: bool
    settles: bool
    topics: tuple[str, ...]
    title: str
    long: bool = False
    """True if the manifest lists it as long. It then runs in a separate session, beside the other checks."""

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
    """Turn a generator function with the parameters `(student)` or `(student, problem)` into a check.

    The first line of its docstring is the check's title in reports.

    Args:
        section: The table in assignment.toml with its points.
        each: (draw, truth) → problems. The function runs once for each problem; without `each` it gets no problem.
        handout: True for one of the handout's own checks, which `--only handout` runs.
        settles: True if it decides which interpretation of the assignment a submission follows.
        topics: Topics of the known mistakes to look for. If empty, all are tried.

    Returns:
        A decorator that returns a `Check`.
    """

    def wrap(run: Callable[..., Iterator[Claim]]) -> Check:
        title = (run.__doc__ or run.__name__).strip().partition("\n")[0]
        return Check(section, run, each, handout, settles, topics, title)

    return wrap
