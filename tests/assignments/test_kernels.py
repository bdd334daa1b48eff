"""No verdict depends on the BLAS kernel. `make proof` tries all specimens under three pairs of kernels."""

from __future__ import annotations

import pytest

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
