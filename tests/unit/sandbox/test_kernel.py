"""A sandbox is given the BLAS kernel of the grader's own process, and nothing else of its environment."""

from __future__ import annotations

import pytest

from grader.sandbox.kernel import variables

OPENBLAS = {"blas": "openblas 0.3.31", "kernel": "Haswell"}


def test_the_kernel_that_runs_here_is_chosen_inside() -> None:
    assert variables(OPENBLAS, {"OPENBLAS_CORETYPE": "Zen"}) == {"OPENBLAS_CORETYPE": "Haswell"}


def test_what_else_decides_about_last_bits_is_passed_on_and_nothing_more() -> None:
    outside = {"OPENBLAS_L2_SIZE": "512", "NPY_DISABLE_CPU_FEATURES": "AVX512F", "GRADER_SECRET": "s", "PATH": "/"}
    assert variables(OPENBLAS, outside) == {
        "OPENBLAS_CORETYPE": "Haswell",
        "OPENBLAS_L2_SIZE": "512",
        "NPY_DISABLE_CPU_FEATURES": "AVX512F",
    }


@pytest.mark.parametrize(
    "here",
    [
        {"blas": "mkl 2024.2", "kernel": "Intel(R) Advanced Vector Extensions 2"},
        {"blas": "unknown", "kernel": "unknown"},
        {"blas": "openblas 0.3.31", "kernel": "unknown"},
        {"blas": "openblas 0.3.31", "kernel": "a b"},
    ],
)
def test_what_is_no_kernel_of_openblas_chooses_none(here: dict[str, str]) -> None:
    assert variables(here, {}) == {}
