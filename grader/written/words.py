"""How a formula differs, in words and numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grader.written.evaluate import Array, same
from grader.written.question import World


def counter_example(found: Sequence[Array], wanted: Sequence[Array], worlds: Sequence[World]) -> str:
    """The smallest problem on which the two differ."""
    differing = [n for n in range(len(worlds)) if not same(found[n], wanted[n])]
    n = min(differing, key=lambda n: wanted[n].size)
    said = worlds[n].said
    return f"It gives {numbers(found[n])} where {numbers(wanted[n])} is true, {said[:1].lower()}{said[1:]}"


def numbers(a: Array) -> str:
    if not a.ndim:
        return f"{float(a):.4g}"
    if 1 in a.shape:
        sign = "ᵀ" if a.shape[1] == 1 and a.shape[0] > 1 else ""
        return f"({', '.join(f'{x:.4g}' for x in a.ravel()[:8])}){sign}"
    return "; ".join(", ".join(f"{x:.4g}" for x in row[:6]) for row in a[:6])


def unequal_shapes(found: Array, wanted: Array) -> str:
    return f"It is {_shape(found)} where {_shape(wanted)} is asked for."


def _shape(a: Array) -> str:
    if not a.ndim:
        return "a number"
    rows, columns = a.shape
    if columns == 1:
        return f"a column of {rows}"
    return f"a row of {columns}" if rows == 1 else f"a {rows} × {columns} matrix"


def factor_between(found: Sequence[Array], wanted: Sequence[Array]) -> str:
    """ "It is −1 times the true one." """
    with np.errstate(all="ignore"):
        ratios = np.concatenate([np.ravel(a / b) for a, b in zip(found, wanted, strict=True)])
    factor = float(ratios[0])
    if not np.isfinite(ratios).all() or not np.allclose(ratios, factor, rtol=1e-9):
        return ""
    if abs(factor + 1) < 1e-9:
        return "It is the true one with the opposite sign."
    return f"It is {factor:.4g} times the true one."
