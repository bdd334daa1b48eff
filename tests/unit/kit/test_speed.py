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


@pytest.mark.parametrize(
    ("slow_seconds", "fast_seconds", "answer", "outcome"),
    [
        (1.0, 1 / 6.0, 1.0, ""),
        (1.0, 1 / 5.9, 1.0, "waits"),
        (1.0, 1 / 4.0, 1.0, "waits"),
        (1.0, 1 / 3.9, 1.0, "at least 6 times are needed"),
        (2.9, 0.1, 1.0, ""),
        (3.1, 0.1, 1.0, "takes 3.1 times as long as plain loops"),
        (1.0, 0.1, 1.5, "relative error"),
        (0.0, 0.0, Raised("ValueError", "no"), "ValueError"),
        (0.0, 0.0, 1.0, "waits"),  # no clock can be read
    ],
)
def test_a_ratio_passes_waits_or_fails(slow_seconds: float, fast_seconds: float, answer: Any, outcome: str) -> None:
    found = verdict(slow_seconds, fast_seconds, answer)
    assert (found.holds, found.waits) == (outcome == "", outcome == "waits")
    assert outcome in found.reason or found.waits
