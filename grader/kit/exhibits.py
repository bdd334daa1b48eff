"""Plots for the report, made from a student's answers. No verdict depends on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from grader.kit.answer import Answer
from grader.kit.claim import Verdict
from grader.kit.problems import Array, Params, Problem
from grader.model import Evidence, Series

MOST_POINTS = 500
"""Limit on the points of a curve. Longer histories are thinned."""
CURVES = {"loss": "loss_history", "train_accuracy": "train_acc_history", "val_accuracy": "val_acc_history"}
"""Curve ("loss", "gradient", "train_accuracy" or "val_accuracy") → key of its history in the answer of `train`."""


def evidence_of(
    name: str,
    stats: Answer,
    after: Params | Verdict,
    tested: Callable[[Params], Problem],
    truth: Any,
    shown: Mapping[str, str] = CURVES,
) -> Evidence:
    """Return the plots of a long training: its histories, the weights of the first layer as images, and a confusion
    matrix.

    Args:
        name: Name of the model.
        stats: The answer of the student's `train`, a dict of histories.
        after: The trained parameters, or a failed verdict if they cannot be used.
        tested: Function (parameters) → a problem with the test data and these parameters.
        truth: Object with the right results. Its method `best` is called.
        shown: Curve → key of its history in `stats`: {"loss": "loss_history"}.

    Returns:
        The plots, without any if `after` is a verdict. Histories that are not numeric arrays are left out.
    """
    if isinstance(after, Verdict):
        return Evidence(name)
    problem = tested(after)
    with np.errstate(all="ignore"):  # parameters may be finite and yet overflow on the data
        labels = truth.best(problem)
        units = grey(after[problem.weights[0]].T)
    return Evidence(
        name=name,
        series=curves(stats, shown),
        weights=tuple(tuple(int(v) for v in unit) for unit in units),
        confusion=confusion(problem.y, labels, problem.classes),
        accuracy=float(np.mean(labels == problem.y)),
    )


def curves(stats: Answer, shown: Mapping[str, str] = CURVES) -> Mapping[str, Series]:
    """Return the histories that train returned, as {"loss": series}. Histories that are not numeric arrays are left
    out."""
    found = {key: curve(stats.item(name, name)) for key, name in shown.items()}
    return {key: series for key, series in found.items() if series is not None}


def curve(history: Answer) -> Series | None:
    """Thin a training history to at most `MOST_POINTS` points; return None if it is not a numeric array."""
    value = history.value
    if type(value) is not np.ndarray or value.ndim != 1 or value.dtype.kind not in "fiu" or not value.size:
        return None
    every = -(-value.size // MOST_POINTS)
    return Series(tuple(float(f"{v:.5g}") for v in value[::every].astype(np.float64)), every)


def confusion(y: Array, labels: Array, classes: int) -> tuple[tuple[int, ...], ...]:
    """Return a confusion matrix.

    Args:
        y: Right classes (N,), integers 0 … classes - 1.
        labels: Predicted labels (N,), integers 0 … classes - 1.
        classes: Number of classes.

    Returns:
        The number of examples by right class (row) and predicted label (column).
    """
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (y, labels), 1)
    return tuple(tuple(int(v) for v in row) for row in counts)


def grey(units: Array) -> Array:
    """Scale each row of a matrix to grey values 0 … 255. A row whose range overflows becomes black."""
    low, high = units.min(axis=1, keepdims=True), units.max(axis=1, keepdims=True)
    share = (units - low) / np.maximum(high - low, 1e-12)
    return np.asarray(np.nan_to_num(255 * share, posinf=0).round().astype(int))
