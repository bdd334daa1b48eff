"""Data for the plots in a report (`grader.model.Evidence`), computed from a student's answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from grader.kit.answer import Answer
from grader.model import Curve, Matrix
from grader.sandbox.contract import Array

MOST_POINTS = 500
"""Limit on the number of points of a curve. Longer histories are thinned."""
_ACCURACY = Curve("Accuracy", "accuracy", x_label="epoch", is_share=True)
CURVES = {
    "loss_history": Curve("Training loss", "loss"),
    "val_acc_history": replace(_ACCURACY, name="validation"),
    "train_acc_history": replace(_ACCURACY, name="training"),
}
"""Key of a history in the dict that `train` returns → the curve in reports, without its values."""


def curve(history: Answer, empty: Curve) -> Curve | None:
    """Return a curve with the values of a history, thinned to at most `MOST_POINTS` points; None if the history is not
    a numeric array."""
    value = history.value
    if type(value) is not np.ndarray or value.ndim != 1 or value.dtype.kind not in "fiu" or not value.size:
        return None
    every = -(-value.size // MOST_POINTS)
    values = tuple(float(f"{v:.5g}") for v in value[::every].astype(np.float64))
    return replace(empty, values=values, step=every)


def confusion(y: Array, labels: Array, classes: int) -> Matrix:
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
    return Matrix("Confusion matrix", tuple(map(tuple, counts.tolist())), "true", "predicted")


def grey(units: Array) -> Array:
    """Scale each row of a matrix to grey values 0 … 255. A row whose range overflows becomes black."""
    low, high = units.min(axis=1, keepdims=True), units.max(axis=1, keepdims=True)
    share = (units - low) / np.maximum(high - low, 1e-12)
    return np.asarray(np.nan_to_num(255 * share, posinf=0).round().astype(int))
