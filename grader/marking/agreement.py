"""Agreement between two markers, or between the markers and the grader's suggestions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from grader.model import Points

Pair = tuple[Points, Points]
"""Points that two markers gave to the same answer."""


@dataclass(frozen=True)
class Agreement:
    """The agreement of two markers."""

    answers: int
    """Number of answers that both have marked."""
    same: int
    """Number of answers to which both gave the same points."""
    kappa: float | None
    """Cohen's kappa: 1 is full agreement, 0 is chance. None if chance alone would always agree."""

    @property
    def share(self) -> float | None:
        """The share of answers to which both gave the same points; None without answers."""
        return self.same / self.answers if self.answers else None


def agreement(pairs: Sequence[Pair]) -> Agreement:
    """Return the agreement of two markers on the answers that both have marked."""
    same = sum(a == b for a, b in pairs)
    return Agreement(len(pairs), same, _kappa(pairs, same))


def _kappa(pairs: Sequence[Pair], same: int) -> float | None:
    if not pairs:
        return None
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    by_chance = sum(first[points] * second[points] for points in first) / len(pairs) ** 2
    return (same / len(pairs) - by_chance) / (1 - by_chance) if by_chance < 1 else None
