"""No verdict depends on the BLAS kernel. `make proof` tries all specimens under three pairs of kernels."""

from __future__ import annotations

import numpy as np
import pytest

from grader import nets
from grader.assignments.catalogue import Assignment
from tests.kernels import Kernels, Rows, differences, pairs, rows_under

pytestmark = pytest.mark.long

SOME = (
    "reference",
    "variants/float32",
    "faults/db2_summed_over_classes",  # a gradient that is zero up to rounding
    "faults/predict_maximum",  # labels that are floats
    "faults/predict_softmax_over_samples",  # ties between classes
    "faults/predict_over_everything",  # ties between rows
)


@pytest.fixture(scope="module")
def runs() -> dict[Kernels, Rows]:
    """Of a pair of equal kernels and of a pair of others."""
    return {kernels: rows_under(kernels, SOME) for kernels in pairs()[:2]}


def test_equal_and_unequal_kernels_give_the_same_rows(runs: dict[Kernels, Rows]) -> None:
    assert all(set(rows) == set(SOME) for rows in runs.values())
    assert differences(runs) == []


@pytest.mark.parametrize(
    ("mistakes", "decides"),
    [
        ((), False),
        (("predict_clips",), False),
        (("predict_maximum",), False),
        (("predict_softmax_along_batch",), True),
        (("predict_over_everything",), True),
    ],
)
def test_rounding_decides_about_equal_rows_only_where_predict_looks_along_the_batch(
    ps4: Assignment, mistakes: tuple[str, ...], decides: bool
) -> None:
    random = np.random.default_rng(0)
    shapes = {"W1": (5, 7), "b1": (7,), "W2": (7, 3), "b2": (3,)}
    params = {name: random.normal(size=shape) for name, shape in shapes.items()}
    X = np.tile(random.normal(size=5), (12, 1))
    problem = nets.Problem(params, X, np.full(12, 2), 0.0, (5, 7, 3), {"activation": "sigmoid"})
    recipe = {"num_epochs": 2, "batch_size": 12, "learning_rate": 0.5, "learning_rate_decay": 0.8}
    truth = ps4.truths("definition", frozenset(mistakes))
    assert truth.decided_by_rounding(nets.Training(problem, X, np.full(12, 2), recipe)).tolist() == [decides] * 2
