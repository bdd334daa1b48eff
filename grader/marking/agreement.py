"""Statistics on how often two markers, or a marker and the grader's suggestions, give the same points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from grader.model import Points

Pair = tuple[Points, Points]
"""The points of the same answer from two markers, or from a marker and the grader's suggestion."""


@dataclass(frozen=True)
class Agreement:
    """How often two markers gave the same points to the same answer."""

    answers: int
    """Number of answers that both markers have marked."""
    same: int
    """Number of answers to which both markers gave the same points."""
    kappa: float | None
    """Cohen's kappa: 1 for full agreement, 0 for chance. None without answers, or if all points are equal."""

    @property
    def share(self) -> float | None:
        """The share of answers to which both markers gave the same points; None without answers."""
        return self.same / self.answers if self.answers else None


def agreement(pairs: Sequence[Pair]) -> Agreement:
    """Return the agreement over these pairs of points, one pair for each answer."""
    same = sum(a == b for a, b in pairs)
    return Agreement(len(pairs), same, _kappa(pairs, same))


def _kappa(pairs: Sequence[Pair], same: int) -> float | None:
    if not pairs:
        return None
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    by_chance = sum(first[points] * second[points] for points in first) / len(pairs) ** 2
    return (same / len(pairs) - by_chance) / (1 - by_chance) if by_chance < 1 else None
