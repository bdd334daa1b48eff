"""Drawing the problems on which a check runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from grader.errors import BadAssignment

T = TypeVar("T")

MOST_DRAWS = 10_000
"""Limit on draws until a problem is well-posed."""


@dataclass(frozen=True)
class Draw:
    """The random generator and the options for functions that draw problems (`Each`)."""

    random: np.random.Generator
    quick: bool
    """True to train on less data, for a quick test. The report then says that the points are not the grade."""


Each = Callable[[Draw, Any], Iterable[Any]]
"""Function (random draw, object with the right results) → the problems on which a check runs."""


def until(draw: Callable[[], T], good: Callable[[T], bool]) -> T:
    """Draw repeatedly, and return the first draw that `good` accepts.

    Args:
        draw: Function that draws, for example a problem.
        good: Function (what was drawn) → True to accept it.

    Raises:
        BadAssignment: If `good` rejects `MOST_DRAWS` draws.
    """
    for _ in range(MOST_DRAWS):
        drawn = draw()
        if good(drawn):
            return drawn
    raise BadAssignment(f"no well-posed problem in {MOST_DRAWS:,} draws: relax the condition or change the sizes")
