"""Checks, claims, and functions that compare answers with right results.

A check calls the student's code and yields claims. A claim has a name and a judgement, such as `lambda truth:
near(answer, truth.loss(problem))`. This function gets the truth, an object with the right results, and returns a
verdict. If a claim fails, the engine calls its judgement again with truths that contain known mistakes, to find the
cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from fractions import Fraction
from functools import partial, reduce
from operator import and_
from typing import Any, Protocol

import numpy as np

from grader.kit.answer import Answer, describe, failed_call
from grader.kit.draws import Each
from grader.model import Evidence, FailedCall, Place, Raised
from grader.sandbox.contract import Array

EXACT = 1e-6
"""Tolerance of float64 results: norm of the error divided by the norm of the right result. Right solutions have errors
below 1e-10."""
SINGLE = 1e-4
"""Tolerance of float32 results: norm of the error divided by the norm of the right result. Right solutions had errors
below 7.2e-6 on 17,506 well-posed problems."""
ROUNDING = 1e-12
"""A float64 sum counts as zero if it is smaller than this fraction of its terms. (If terms cancel, the rounding error
that remains depends on the BLAS kernel.)"""


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
    place: Place | None = None
    source: str = ""
    says_why: bool = field(default=False, compare=False)
    """True if the verdict already names the cause, so that no hint is added."""
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

    def __and__(self, other: Verdict) -> Verdict:
        """Return the worse of two verdicts, with the `remarks` of both. From worst to best: no credit, waiting for a
        person, partial credit, full credit."""
        worse = self if (self.credit, self.waits) <= (other.credit, other.waits) else other
        remarks = tuple(dict.fromkeys(self.remarks + other.remarks))
        return replace(worse, remarks=remarks, inconclusive=self.inconclusive and other.inconclusive)


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
    return Verdict(Fraction(0), reason, says_why=True, waits=True)


def all_hold(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of several verdicts, with the `remarks` of all."""
    return reduce(and_, verdicts, passed())


def because(verdict: Verdict, cause: str) -> Verdict:
    """Return a copy of the verdict with a sentence that tells the student the cause of the failure. A verdict that
    passes is returned unchanged."""
    return verdict if verdict.holds else replace(verdict, cause=cause, says_why=True)


def call_failure(answer: Answer) -> Verdict | None:
    """Return a failed verdict if the call failed; None if it returned a value."""
    if answer.failure is None:
        return None
    call = failed_call(answer.failure, answer.what)
    source = answer.failure.source if isinstance(answer.failure, Raised) and answer.failure.place else ""
    return Verdict(Fraction(0), call.reason, place=call.raised_at, source=source, says_why=True, call=call)


def numbers(answer: Answer, shape: Sequence[int]) -> Array | Verdict:
    """Return an answer as a finite float64 array, or a failed verdict if this is impossible.

    Args:
        answer: The student's answer. (H,), (1, H) and (H, 1) count as the same shape. An array with one entry counts as
            a number.
        shape: The expected shape.

    Returns:
        The array in the expected shape, or a verdict without credit.
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
        norm: Norm of an array. NaN does not count as zero.
        scale: Norm of a typical nonzero array. If this is 0, the result is False.
    """
    return norm <= ROUNDING * scale and scale > 0


def near(
    answer: Answer,
    want: float | Array,
    *,
    rtol: float = EXACT,
    atol: float = 0.0,
    least: float = 0.0,
    single: bool = False,
) -> Verdict:
    """Judge an answer's shape, dtype and finiteness, and then whether ‖answer - want‖ ≤ atol + rtol·max(‖want‖, least).

    If `want` is an integer or an integer array (labels, counts), all entries must be equal.

    Args:
        answer: The student's answer.
        want: The expected number or array.
        rtol: Relative tolerance of the norm.
        atol: Absolute tolerance of the norm.
        least: Replaces ‖want‖ in the formula above if ‖want‖ is smaller, so that rounding errors pass if `want` is 0.
            Use the smallest norm that nonzero results normally have.
        single: True if the student's code computes in float32. The relative tolerance is then at least `SINGLE`, as it
            always is for float32 arrays.

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


def agree(answer: Answer, labels: Array, *, share: float = 1.0) -> Verdict:
    """Judge whether at least the given share of labels is right.

    Args:
        answer: The student's labels (N,).
        labels: The right labels (N,), as integers. The reference with a known mistake put into it may return floats
            instead; floats are compared up to a tolerance.
        share: The share of rows that must be right. Use less than 1 if some rows have nearly equal scores.

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


def _equal(answer: Answer, want: Array) -> Verdict:
    got = numbers(answer, want.shape)
    if isinstance(got, Verdict):
        return got
    wrong = got != want
    return _unequal(answer, got, want, wrong) if wrong.any() else Verdict(Fraction(1))


def _unequal(answer: Answer, got: Array, want: Array, wrong: Array) -> Verdict:
    if not want.shape:
        return failed(f"{answer.what} is not the right number", f"got {float(got):g}, expected {want}")
    first = int(np.argmax(wrong))
    what, where = ("labels", f"row {first}") if want.ndim == 1 else ("entries", f"at {np.argwhere(wrong)[0].tolist()}")
    return failed(
        f"{answer.what}: {int(wrong.sum())} of {wrong.size} {what} differ",
        f"{where}: got {got.flat[first]:g}, expected {want.flat[first]}",
    )


def _is_float32(answer: Answer) -> bool:
    """Return whether the answer is a float32 or float16 array."""
    value = answer.value
    return type(value) is np.ndarray and value.dtype.kind == "f" and value.dtype.itemsize < 8


def ladder(value: float, steps: Sequence[tuple[float, Fraction]], what: str) -> Verdict:
    """Return a verdict whose credit depends on the thresholds that a value reaches.

    Args:
        value: The measured value, for example an accuracy.
        steps: Pairs (threshold, credit), the highest threshold first.
        what: Name of the value in messages: "the accuracy".

    Returns:
        The verdict with the credit of the highest threshold that the value reaches.
    """
    top = steps[0][0]
    for least, credit in steps:
        if value >= least:
            if credit == 1:
                return Verdict(Fraction(1))
            return Verdict(credit, f"{what} is {value:.3f}; {top:g} earns all points")
    return failed(f"{what} is {value:.3f}; {steps[-1][0]:g} earns some points, and {top:g} all")


def _wanted(shape: Sequence[int]) -> str:
    return f"an array of shape {tuple(shape)}" if shape else "a number"


def squeezed(shape: Sequence[int]) -> tuple[int, ...]:
    """Return a shape without its axes of length 1."""
    if len(shape) == 2 and 1 not in shape:
        return tuple(shape)
    return tuple(n for n in shape if n != 1)


def _differs(what: str, got: Array, want: Array, difference: float, norm: float, rtol: float, atol: float) -> str:
    ratio = _one_ratio(got, want)
    if ratio is not None and abs(ratio - 1) > 1e-3 and (want.shape or _is_simple(ratio)):
        return f"{what} is {ratio:.4g} times the reference" if ratio else f"{what} is zero"
    relative = f"relative error {difference / norm:.3g}" if norm else f"absolute error {difference:.3g}"
    tolerance = f"tolerance {atol:g}" if atol and not want.shape else f"tolerance {rtol:g}"
    return f"{what}: {relative} ({tolerance}){_entries_that_differ(got, want, atol + rtol * norm)}"


def _is_simple(ratio: float) -> bool:
    """Return whether a ratio is an integer or its reciprocal, such as 2 or 1/3. Other ratios of an answer to the right
    number tell nothing about the cause of an error."""
    return any(abs(r) < 1e4 and abs(r - round(r)) < 1e-6 for r in (ratio, 1 / ratio if ratio else 0.0))


def _entries_that_differ(got: Array, want: Array, tolerance: float) -> str:
    """Return a phrase for a message such as "; only rows 0, 2 differ" or "; 3 of 12 entries differ, the first at
    [0]"."""
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


def _one_ratio(got: Array, want: Array) -> float | None:
    """Return the number r with got = r·want to three digits, for example 2.0; None if there is no such number. If `got`
    is zero up to rounding, return 0.0."""
    square = float(np.sum(want * want))
    if is_rounding(float(np.linalg.norm(got)), square**0.5):
        return 0.0
    if not square or not want.shape:
        return float(got / want) if square and want.shape == () else None
    ratio = float(np.sum(got * want)) / square
    return ratio if float(np.linalg.norm(got - ratio * want)) <= 1e-3 * abs(ratio) * square**0.5 else None


def _both(got: Array, want: Array) -> str:
    if not want.shape:
        return f"got {float(got):.9g}, expected {float(want):.9g}"
    differences = np.abs(got - want)  # if several entries are equally far off up to rounding, show the first
    worst = np.unravel_index(int(np.argmax(differences >= (1 - 1e-9) * differences.max())), want.shape)
    return f"at [{', '.join(str(int(i)) for i in worst)}] got {got[worst]:.6g}, expected {want[worst]:.6g}"


def array_of(answer: Answer, shape: Sequence[int]) -> Array | None:
    """Return an answer as a finite array of this shape; None if it is something else."""
    value = numbers(answer, shape)
    return None if isinstance(value, Verdict) else value


# ── checks and claims ────────────────────────────────────────────────────────────────────────────────


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
        case: The kind of problem ("reg = 0"), for reasons of the form "wrong for … and right for …".
        hint: Function that returns a sentence about the likely cause, or "". It is called with a `Holds` function if no
            known mistake explains a failure.
        diagnosable: False if the call raised. Known mistakes are then not tried as the cause of a failure.
        evidence: Function (truth) → plots for the report.
        check: Name of the check that yields the claim. Set by the engine.
        topics: Topics of the check that yields the claim. Set by the engine.
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
"""Create a claim in a check: `yield kit.claim("loss", judge)`."""


def either(*ways: Iterable[Claim]) -> Iterator[Claim]:
    """Yield claims that pass if any alternative passes, for choices that the handout leaves open.

    Args:
        ways: The claims of each alternative. All alternatives have the same claims in the same order.

    Returns:
        The claims. If no alternative passes, the verdict of the first alternative counts.

    Raises:
        ValueError: If the alternatives have different numbers of claims.
    """
    for first, *others in zip(*ways, strict=True):
        claims = [first, *others]
        own, work = ([c.own for c in claims if c.own], [c.own_work for c in claims if c.own_work])
        yield replace(
            first,
            judge=partial(_first_that_holds, [c.judge for c in claims]),
            own=partial(_first_that_holds, own) if own else None,
            own_work=partial(_first_that_holds, work) if work else None,
        )


def _first_that_holds(judges: Sequence[Callable[..., Verdict]], *arguments: Any) -> Verdict:
    first = judges[0](*arguments)
    if first.holds:
        return first
    others = (judge(*arguments) for judge in judges[1:])
    return next((verdict for verdict in others if verdict.holds), first)


@dataclass(frozen=True)
class Check:
    """A check of an assignment, created by the decorator `check`."""

    section: str
    """Id of the section in assignment.toml that gives the points of this check's claims."""
    run: Callable[..., Iterator[Claim]]
    each: Each | None
    handout: bool
    settles: bool
    topics: tuple[str, ...]
    title: str
    """Title in reports. {name} in it stands for the name of the claims."""
    long: bool = False
    """True if the manifest lists the check as long. It then runs in a separate session, in parallel with other
    sections."""

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

    The first line of its docstring is the title in reports: the thing that is judged, such as "Gradient of {name},
    fresh problems". {name} stands for the name of the claims.

    Args:
        section: Id of the section in assignment.toml that gives the check's points, for example "q1".
        each: Function (draw, truth) → problems. The check runs once for each problem. Without `each` it runs once, and
            its only parameter is `student`.
        handout: True for a check that the handout itself describes. `grader check --only handout` runs only these.
        settles: True if the check decides which interpretation of the assignment a submission follows.
        topics: Topics of the known mistakes to try as the cause of a failure. If empty, all mistakes are tried.

    Returns:
        A decorator that returns a `Check`.
    """

    def wrap(run: Callable[..., Iterator[Claim]]) -> Check:
        title = (run.__doc__ or run.__name__).strip().partition("\n")[0]
        return Check(section, run, each, handout, settles, topics, title)

    return wrap
