"""The verdict on a ratio of CPU times, at times that are given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grader.kit.answer import Answer
from grader.kit.calls import Episode
from grader.kit.verdict import Verdict
from grader.model import Raised
from reference.softmax.speed import Speed


class Truth:
    """A reference whose loops take a second and whose answer is 1."""

    def seconds(self, episode: Episode) -> float:
        assert episode.calls[-1].name == "naive"
        return 1.0

    def fast(self, *_arguments: Any) -> float:
        return 1.0


def verdict(slow_seconds: float, fast_seconds: float, answer: Any = 1.0) -> Verdict:
    def draw(_random: np.random.Generator, size: int) -> tuple[int]:
        return (size,)

    answered = Answer("fast(…)", answer)
    return Speed("naive", "fast", slow_seconds, fast_seconds, 64, draw, 0, (64,), answered, 6.0, 4.0).against(Truth())


@pytest.mark.parametrize(("ratio", "holds", "waits"), [(6.0, True, False), (5.9, False, True), (4.0, False, True),
                                                       (3.9, False, False)])  # fmt: skip
def test_a_ratio_passes_waits_or_fails(ratio: float, holds: bool, waits: bool) -> None:
    found = verdict(1.0, 1.0 / ratio)
    assert (found.holds, found.waits) == (holds, waits)


def test_a_slow_function_that_costs_more_than_three_times_the_references_is_padded() -> None:
    assert verdict(2.9, 0.1).holds
    assert "takes 3.1 times as long as plain loops" in verdict(3.1, 0.1).reason


def test_a_wrong_answer_is_not_fast() -> None:
    assert "relative error" in verdict(1.0, 0.1, answer=1.5).reason


def test_a_call_that_failed_is_told() -> None:
    assert "ValueError" in verdict(0.0, 0.0, answer=Raised("ValueError", "no")).reason


def test_where_no_clock_can_be_read_it_waits() -> None:
    assert verdict(0.0, 0.0).waits
