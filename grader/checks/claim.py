"""The check author's vocabulary: `check`, `claim`, and the comparisons that a claim is made of.

A check asks the student's code something and yields claims. A claim is a name and a judgement, a function of
the truth: `lambda truth: near(answer, truth.loss(problem))`. Because the truth is an argument, the engine can
ask again under the truth of a known mistake, and so say what is wrong instead of only that something is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from grader.checks.answer import Answer, describe, explain
from grader.model import Evidence, Place, Raised

EXACT = 1e-6
"""Norm-wise relative tolerance. A right float64 solution stays below 1e-10."""
SINGLE = 1e-4
"""Where the student computes in float32. Right ones stay under 7.2e-6 over 17,506 well-posed problems."""


@dataclass(frozen=True)
class Verdict:
    credit: Fraction
    """0 … 1."""
    reason: str = ""
    """Why it is not all; safe to show under a secret seed."""
    values: str = ""
    """Both numbers, for published and public problems only."""
    remarks: tuple[str, ...] = ()
    place: Place | None = None
    source: str = ""

    @property
    def holds(self) -> bool:
        return self.credit == 1

    def __and__(self, other: Verdict) -> Verdict:
        """The worse of the two, with the remarks of both."""
        worse = self if self.credit <= other.credit else other
        return Verdict(
            worse.credit,
            worse.reason,
            worse.values,
            tuple(dict.fromkeys(self.remarks + other.remarks)),
            worse.place,
            worse.source,
        )


def held(*remarks: str) -> Verdict:
    return Verdict(Fraction(1), remarks=remarks)


def lost(reason: str, values: str = "") -> Verdict:
    return Verdict(Fraction(0), reason, values)


def failed(answer: Answer) -> Verdict | None:
    """The verdict on a call that did not answer; None where it did."""
    if answer.failure is None:
        return None
    reason = f"{answer.what}: {explain(answer.failure)}"
    if isinstance(answer.failure, Raised) and answer.failure.place:
        return Verdict(Fraction(0), reason, place=answer.failure.place, source=answer.failure.source)
    return lost(reason)


def numbers(answer: Answer, shape: Sequence[int]) -> np.ndarray[Any, Any] | Verdict:
    """The answer as finite float64 of this shape, or why it is not. (H,), (1, H) and (H, 1) are the same vector,
    and a number may come as a float or as an array of one."""
    if (wrong := failed(answer)) is not None:
        return wrong
    value = answer.value
    if type(value) in (int, float):
        value = np.asarray(value)
    if type(value) is not np.ndarray:
        return lost(f"{answer.what} is {describe(value)}, not {_wanted(shape)}")
    if value.dtype.kind not in "fiu":
        return lost(f"{answer.what} has dtype {value.dtype}; it must hold numbers")
    if _squeezed(value.shape) != _squeezed(shape):
        return lost(f"{answer.what} has shape {value.shape}; it must have {tuple(shape)}{_transposed(value, shape)}")
    array = value.astype(np.float64).reshape(shape)
    finite = np.isfinite(array)
    if not finite.all():
        first = np.argwhere(~finite)[0].tolist()
        where = f" (first at {first})" if first else ""
        return lost(f"{answer.what} is {'NaN' if np.isnan(array).any() else 'infinite'}{where}")
    return array


def near(
    answer: Answer,
    want: float | np.ndarray[Any, Any],
    *,
    rtol: float = EXACT,
    atol: float = 0.0,
    single: bool = False,
) -> Verdict:
    """‖answer − want‖ ≤ atol + rtol·‖want‖, after shape, dtype and finiteness. `single` says that the student's
    parameters are float32, in which case (as for a float32 answer) `SINGLE` takes `rtol`'s place."""
    wanted = np.asarray(want, np.float64)
    got = numbers(answer, wanted.shape)
    if isinstance(got, Verdict):
        return got
    remarks: tuple[str, ...] = ()
    if single or (
        type(answer.value) is np.ndarray and answer.value.dtype.itemsize < 8 and answer.value.dtype.kind == "f"
    ):
        rtol = max(rtol, SINGLE)
        remarks = ("computed in float32, so compared at 1e-4",)
    norm = float(np.linalg.norm(wanted))
    difference = float(np.linalg.norm(got - wanted))
    if np.isfinite(norm) and difference <= atol + rtol * norm:
        return held(*remarks)
    return lost(_differs(answer.what, got, wanted, difference, norm, rtol, atol), _both(got, wanted))


def agree(answer: Answer, labels: np.ndarray[Any, Any], *, share: float = 1.0) -> Verdict:
    """Class labels equal ours on at least this share of the rows."""
    got = numbers(answer, labels.shape)
    if isinstance(got, Verdict):
        return got
    same = float(np.mean(got == labels))
    if same >= share:
        return held()
    row = int(np.argmax(got != labels))
    return lost(
        f"{answer.what} agrees with the forward pass at the net's own parameters on only {same:.1%} of the rows",
        f"row {row}: yours {got.flat[row]:g}, ours {labels.flat[row]}",
    )


def ladder(value: float, steps: Sequence[tuple[float, Fraction]], what: str) -> Verdict:
    """Credit by the highest step reached; steps are (at least, credit), the highest first."""
    top = steps[0][0]
    for least, credit in steps:
        if value >= least:
            if credit == 1:
                return held()
            return Verdict(credit, f"{what} is {value:.3f}; {top:g} earns all points")
    return lost(f"{what} is {value:.3f}; {steps[-1][0]:g} earns the first points and {top:g} all")


def _wanted(shape: Sequence[int]) -> str:
    return f"an array of shape {tuple(shape)}" if shape else "a number"


def _squeezed(shape: Sequence[int]) -> tuple[int, ...]:
    """A vector is a vector however it lies; a matrix keeps both its lengths."""
    if len(shape) == 2 and 1 not in shape:
        return tuple(shape)
    return tuple(n for n in shape if n != 1)


def _transposed(value: np.ndarray[Any, Any], shape: Sequence[int]) -> str:
    if len(shape) == 2 and value.shape == tuple(reversed(shape)):
        return ": transpose it"
    return ""


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
    tolerance = f"{atol:g}" if atol else f"{rtol:g} of its size"
    if ratio is not None and abs(ratio - 1) > 1e-3:
        return f"{what} is {ratio:.4g} times the reference"
    if not want.shape:
        return f"{what} is off by {difference:.3g} (tolerance {tolerance})"
    worst = np.unravel_index(int(np.argmax(np.abs(got - want))), want.shape)
    place = ", ".join(str(int(i)) for i in worst)
    relative = difference / norm if norm else difference
    return f"{what} is off by {relative:.3g} of its size (tolerance {rtol:g}; worst at [{place}])"


def _one_ratio(got: np.ndarray[Any, Any], want: np.ndarray[Any, Any]) -> float | None:
    """r where got = r·want, to three digits; the most telling thing to say, and it gives no value away."""
    square = float(np.sum(want * want))
    if not square or not want.shape:
        return float(got / want) if square and want.shape == () else None
    ratio = float(np.sum(got * want)) / square
    return ratio if float(np.linalg.norm(got - ratio * want)) <= 1e-3 * abs(ratio) * square**0.5 else None


def _both(got: np.ndarray[Any, Any], want: np.ndarray[Any, Any]) -> str:
    if not want.shape:
        return f"yours {float(got):.9g}, ours {float(want):.9g}"
    worst = np.unravel_index(int(np.argmax(np.abs(got - want))), want.shape)
    return f"at [{', '.join(str(int(i)) for i in worst)}] yours {got[worst]:.6g}, ours {want[worst]:.6g}"


# ── checks and claims ────────────────────────────────────────────────────────────────────────────────


class NotRecorded(Exception):
    """A student's pre-check carries recorded answers instead of the reference, and this one is not among them. The
    check stays open there, and is decided at hand-in."""


Judgement = Callable[[Any], Verdict]
"""Truth → Verdict. It must not ask the student anything: it may be called under many truths."""


@dataclass(frozen=True)
class Claim:
    name: str
    judge: Judgement
    shows_values: bool
    aspect: str
    outcome: bool
    rests_on: str
    evidence: Callable[[Any], Evidence] | None
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
    rests_on: str = "",
    evidence: Callable[[Any], Evidence] | None = None,
) -> Claim:
    """A thing that must hold, and is worth the points that assignment.toml gives its name.

    shows_values: the problem is published, so both numbers may be shown whatever the seed.
    aspect: claims of one aspect can be explained by one mistake of their own (data term, regularisation).
    outcome: an outcome such as an accuracy; no mistake is looked for in it.
    rests_on: where that check is lost for a reason we could not name, this claim is not held against the student.
    evidence: truth → what people may want to look at.
    """
    return Claim(name, judge, shows_values, aspect, outcome, rests_on, evidence)


@dataclass(frozen=True)
class Draw:
    """What problems are drawn with."""

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
    long: bool
    settles: bool
    topics: tuple[str, ...]
    title: str

    @property
    def name(self) -> str:
        return f"{self.section}:{self.run.__name__}"


def check(
    section: str,
    *,
    each: Each | None = None,
    handout: bool = False,
    long: bool = False,
    settles: bool = False,
    topics: tuple[str, ...] = (),
) -> Callable[[Callable[..., Iterator[Claim]]], Check]:
    """Makes a generator function `(student)` or `(student, problem)` a check.

    each: draws the problems.
    handout: one of the handout's own checks, run by `--only handout`.
    long: takes seconds; gets a session of its own and runs beside the others.
    settles: decides which of the accepted readings of the assignment this submission follows.
    topics: of the known mistakes to look for; without any, all are tried.
    """

    def wrap(run: Callable[..., Iterator[Claim]]) -> Check:
        title = (run.__doc__ or run.__name__).strip().partition("\n")[0]
        return Check(section, run, each, handout, long, settles, topics, title)

    return wrap
