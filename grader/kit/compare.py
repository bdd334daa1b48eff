"""Comparisons of a student's answers with right results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from grader.kit.answer import Answer, describe
from grader.kit.verdict import Verdict, call_failure, failed
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


def numbers(answer: Answer, shape: Sequence[int]) -> Array | Verdict:
    """Return an answer as a finite float64 array, or a failed verdict if this is impossible.

    Args:
        answer: The student's answer. (H,), (1, H) and (H, 1) count as the same shape. An array with one entry counts as
            a number.
        shape: The expected shape.

    Returns:
        The array in the expected shape, or a verdict without credit.
    """
    failure = call_failure(answer)
    if failure is not None:
        return failure
    value = answer.value
    if type(value) in (int, float) or (isinstance(value, list) and not value):
        value = np.array(value)
    if type(value) is not np.ndarray:
        expected = f"an array of shape {tuple(shape)}" if shape else "a number"
        return failed(f"{answer.what} is {describe(value)}, not {expected}")
    if value.dtype.kind not in "fiu":
        return failed(f"{answer.what} has dtype {value.dtype}; it must hold numbers")
    if squeezed(value.shape) != squeezed(shape):
        return failed(f"{answer.what} has shape {value.shape}; it must have {tuple(shape)}")
    array = value.astype(np.float64).reshape(shape)
    finite = np.isfinite(array)
    if not finite.all():
        first = np.argwhere(~finite)[0].tolist()
        place = f" (first at {first})" if first else ""
        kind = "NaN" if np.isnan(array).any() else "infinite"
        return failed(f"{answer.what} is {kind}{place}")
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

    If `want` is an integer or an integer array (labels, counts), all entries must be equal up to rounding (see
    `agree`). NaN in `want` requires NaN at the same entries of the answer.

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
        return agree(answer, np.asarray(want))
    want = np.asarray(want, np.float64)
    is_missing = np.isnan(want)
    value = answer.value
    if is_missing.any() and isinstance(value, float | np.ndarray) and np.shape(value) == want.shape:
        if not np.array_equal(value != value, is_missing):
            return failed(f"{answer.what} must be NaN at {is_missing.sum()} of {want.size} entries, and at no other")
        answer, want = replace(answer, value=np.where(is_missing, 0, value)), np.where(is_missing, 0, want)
    got = numbers(answer, want.shape)
    if isinstance(got, Verdict):
        is_transposed = want.ndim == 2 and getattr(answer.value, "shape", None) == want.T.shape != want.shape
        if is_transposed and near(answer, want.T, rtol=rtol, atol=atol, least=least, single=single).holds:
            return replace(got, reason=f"{got.reason}: transpose it")
        return got
    remarks: tuple[str, ...] = ()
    if single or _is_float32(answer):
        rtol = max(rtol, SINGLE)
        remarks = ("computed in float32, so compared at 1e-4",)
    norm = float(np.linalg.norm(want))
    difference = float(np.linalg.norm(got - want))
    if np.isfinite(norm) and difference <= atol + rtol * max(norm, least):
        is_zero = want.size > 0 and (norm == 0 or is_rounding(norm, least))
        return Verdict(Fraction(1), remarks=remarks, inconclusive=is_zero)
    return failed(_differs(answer.what, got, want, difference, norm, rtol, atol), _both(got, want))


def near_up_to(answer: Answer, want: Array, up_to: str, **tolerance: float) -> Verdict:
    """Judge an answer as `near` does, with a choice that the task leaves open.

    Args:
        answer: The student's answer.
        want: One of the right results.
        up_to: The choice. "sign": the sign of a vector, and of each row of a matrix, or of each column if these are
            longer. "order": the order of the entries, or of a matrix's rows. "permutation": the numbers that stand for
            the groups, such as labels.
        tolerance: `rtol` and `atol` of `near`.

    Raises:
        ValueError: If `up_to` is something else.
    """
    if up_to not in ALIGNED:
        raise ValueError(f"up_to={up_to!r} must be one of {', '.join(ALIGNED)}")
    got = numbers(answer, want.shape)
    if isinstance(got, Verdict):
        return got
    if want.shape:  # `up_to` has no effect on a single number
        got, want = ALIGNED[up_to](got, want)
    return near(replace(answer, value=got), want, single=_is_float32(answer), **tolerance)


def _with_signs(got: Array, want: Array) -> tuple[Array, Array]:
    """Give each vector in `got` the sign with which it is nearest to `want`. A matrix has its vectors along its longer
    axis; a square one along either."""
    candidates = []
    for axis in [axis for axis in range(want.ndim) if want.shape[axis] == max(want.shape)] or (None,):
        is_opposite = np.sum(got * want, axis=axis, keepdims=True) < 0
        candidates.append(np.where(is_opposite, -got, got))
    return min(candidates, key=lambda candidate: float(np.linalg.norm(candidate - want))), want


def _in_order(got: Array, want: Array) -> tuple[Array, Array]:
    """Put the entries of `got`, or its rows, into the order of `want`: each row of `want` gets the nearest one."""
    if want.ndim < 2:
        return np.sort(got), np.sort(want)
    rows = list(got)
    ordered = []
    for row in want:
        distances = [float(np.linalg.norm(candidate - row)) for candidate in rows]
        ordered.append(rows.pop(int(np.argmin(distances))))
    return np.array(ordered).reshape(want.shape), want


def _renumbered(got: Array, want: Array) -> tuple[Array, Array]:
    """Number the groups of both arrays by their first places. Arrays of floats do not number groups: return them
    unchanged."""
    if want.dtype.kind == "f":
        return got, want

    def by_first_places(labels: Array) -> Array:
        _, first_places, groups = np.unique(labels, return_index=True, return_inverse=True)
        return np.argsort(np.argsort(first_places))[groups.reshape(labels.shape)]

    return by_first_places(got), by_first_places(want)


ALIGNED: Mapping[str, Callable[[Array, Array], tuple[Array, Array]]] = {
    "sign": _with_signs,
    "order": _in_order,
    "permutation": _renumbered,
}
"""Value of `up_to` → function that brings an answer and the right result into the same form."""


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
    if not wrong.any() or float(np.mean(~wrong)) >= share:  # the mean of no entries is NaN
        return Verdict(Fraction(1))
    if not labels.shape:
        return failed(f"{answer.what} is not the right number", f"got {float(got):g}, expected {labels}")
    first = int(np.argmax(wrong))
    entries, place = "labels", f"row {first}"
    if labels.ndim > 1:
        entries, place = "entries", f"at {np.argwhere(wrong)[0].tolist()}"
    reason = f"{answer.what}: {int(wrong.sum())} of {wrong.size} {entries} differ"
    return failed(reason, f"{place}: got {got.flat[first]:g}, expected {labels.flat[first]}")


def _is_float32(answer: Answer) -> bool:
    """Return whether the answer is a float32 or float16 array."""
    value = answer.value
    return type(value) is np.ndarray and value.dtype.kind == "f" and value.dtype.itemsize < 8


def ladder(value: float, steps: Sequence[tuple[float, Fraction]], name: str) -> Verdict:
    """Return a verdict whose credit depends on the thresholds that a value reaches.

    Args:
        value: The measured value, for example an accuracy.
        steps: Pairs (threshold, credit), the highest threshold first.
        name: Name of the value in messages: "the accuracy".

    Returns:
        The verdict with the credit of the highest threshold that the value reaches.
    """
    top = steps[0][0]
    for least, credit in steps:
        if value >= least:
            if credit == 1:
                return Verdict(Fraction(1))
            return Verdict(credit, f"{name} is {value:.3f}; {top:g} earns all points")
    return failed(f"{name} is {value:.3f}; {steps[-1][0]:g} earns some points, and {top:g} all")


def squeezed(shape: Sequence[int]) -> tuple[int, ...]:
    """Return a shape without its axes of length 1."""
    if len(shape) == 2 and 1 not in shape:
        return tuple(shape)
    return tuple(n for n in shape if n != 1)


def _differs(name: str, got: Array, want: Array, difference: float, norm: float, rtol: float, atol: float) -> str:
    """Return the reason of a failed verdict: the answer is a multiple of the right result, or its error is too large.

    Args:
        name: Name of the value in messages.
        got, want: The student's and the right result.
        difference: ‖got - want‖.
        norm: ‖want‖.
        rtol, atol: The tolerances of `near`.
    """
    ratio = _one_ratio(got, want)
    if ratio is not None and abs(ratio - 1) > 1e-3 and (want.shape or _is_simple(ratio)):
        return f"{name} is {ratio:.4g} times the reference" if ratio else f"{name} is zero"
    error = f"relative error {difference / norm:.3g}" if norm else f"absolute error {difference:.3g}"
    tolerance = rtol if want.shape else max(rtol, atol)
    return f"{name}: {error} (tolerance {tolerance:g}){_entries_that_differ(got, want, atol + rtol * norm)}"


def _is_simple(ratio: float) -> bool:
    """Return whether a ratio is an integer or its reciprocal, such as 2 or 1/3. Other ratios of an answer to the right
    number tell nothing about the cause of an error."""
    for candidate in (ratio, 1 / ratio if ratio else 0.0):
        if abs(candidate) < 1e4 and abs(candidate - round(candidate)) < 1e-6:
            return True
    return False


def _entries_that_differ(got: Array, want: Array, tolerance: float) -> str:
    """Return a phrase for a message such as "; only rows 0, 2 differ" or "; 3 of 12 entries differ, the first at
    [0]"."""
    if want.size < 2:
        return ""
    wrong = np.abs(got - want) > tolerance / want.size**0.5
    if wrong.all():
        return "; every entry differs"
    if not wrong.any():
        return ""
    for axis, line in ((1, "row"), (0, "column")) if want.ndim == 2 else ():
        is_wrong_line = wrong.all(axis=axis)
        count = int(is_wrong_line.sum())
        if count * want.shape[axis] == wrong.sum():
            listed = ", ".join(map(str, np.flatnonzero(is_wrong_line)[:3]))
            more = ", …" if count > 3 else ""
            return f"; only {line}s {listed}{more} differ" if count > 1 else f"; only {line} {listed} differs"
    first = ", ".join(map(str, np.argwhere(wrong)[0]))
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
    """Return a phrase with the student's and the right number, for the entry that differs most."""
    if not want.shape:
        return f"got {float(got):.9g}, expected {float(want):.9g}"
    differences = np.abs(got - want)  # if several entries are equally far off up to rounding, show the first
    is_worst = differences >= (1 - 1e-9) * differences.max()
    worst = np.unravel_index(int(np.argmax(is_worst)), want.shape)
    return f"at [{', '.join(map(str, worst))}] got {got[worst]:.6g}, expected {want[worst]:.6g}"


def array_of(answer: Answer, shape: Sequence[int]) -> Array | None:
    """Return an answer as a finite array of this shape; None if it is something else."""
    value = numbers(answer, shape)
    return None if isinstance(value, Verdict) else value
