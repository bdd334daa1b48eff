"""How far two markers agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from grader.model import Points

Pair = tuple[Points, Points]
"""What two have given the same answer."""


@dataclass(frozen=True)
class Agreement:
    answers: int
    """That two have marked."""
    same: int
    """Of them, with the same points."""
    kappa: float | None
    """Cohen's: 1 always agrees, 0 agrees as often as chance. None where chance alone would always agree."""

    @property
    def share(self) -> float | None:
        return self.same / self.answers if self.answers else None


def agreement(pairs: Sequence[Pair]) -> Agreement:
    same = sum(a == b for a, b in pairs)
    return Agreement(len(pairs), same, _kappa(pairs, same))


def _kappa(pairs: Sequence[Pair], same: int) -> float | None:
    if not pairs:
        return None
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    by_chance = sum(first[points] * second[points] for points in first) / len(pairs) ** 2
    return (same / len(pairs) - by_chance) / (1 - by_chance) if by_chance < 1 else None
