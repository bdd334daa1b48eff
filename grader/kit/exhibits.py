"""Data for the plots in a report (`grader.model.Evidence`), computed from a student's answers."""

from __future__ import annotations

import numpy as np

from grader.kit.answer import Answer
from grader.kit.problems import Array
from grader.model import Series

MOST_POINTS = 500
"""Limit on the number of points of a curve. Longer histories are thinned."""
CURVES = {"loss": "loss_history", "train_accuracy": "train_acc_history", "val_accuracy": "val_acc_history"}
"""Name of a curve in reports ("loss", "gradient", "train_accuracy" or "val_accuracy") → key of the history in the dict
that `train` returns."""


def curve(history: Answer) -> Series | None:
    """Return a training history, thinned to at most `MOST_POINTS` points; None if it is not a numeric array."""
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
