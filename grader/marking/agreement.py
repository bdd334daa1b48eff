"""Statistics on how often two markers, or a marker and the grader's suggestions, give the same points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from grader.model import Points


@dataclass(frozen=True)
class Agreement:
    """How often two markers gave the same points to the same answer."""

    answers: int
    """Number of answers that both markers have marked."""
    same: int
    """Number of answers to which both markers gave the same points."""
    share: float | None = None
    """The share of answers to which both markers gave the same points; None without answers."""
    kappa: float | None = None
    """Cohen's kappa: 1 for full agreement, 0 for chance. None without answers, or if all points are equal."""


def agreement(pairs: Sequence[tuple[Points, Points]]) -> Agreement:
    """Return the agreement of two markers, or of a marker and the grader's suggestions.

    Args:
        pairs: For each answer, the first and the second marker's points.
    """
    if not pairs:
        return Agreement(0, 0)
    answers = len(pairs)
    equal = sum(first == second for first, second in pairs)
    share = equal / answers
    frequencies = Counter(first for first, _ in pairs)
    # the share of equal points by chance, if one marker's points were dealt to the answers at random
    expected = sum(frequencies[second] for _, second in pairs) / answers**2
    if expected < 1:
        return Agreement(answers, equal, share, (share - expected) / (1 - expected))
    return Agreement(answers, equal, share)
