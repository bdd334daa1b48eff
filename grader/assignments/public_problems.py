"""A cache for gradings with the public seed. With this seed, all submissions get the same problems.

So the problems, the right results, and the results with each known mistake are computed only once.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from grader.kit.check import Check
from grader.kit.diagnosis import Truths
from grader.kit.draws import Draw


class PublicProblemCache:
    """A cache of the public seed's problems, and of the truths: objects that compute the right results."""

    def __init__(self, truths: Truths) -> None:
        self.truth = cache(truths)
        """Cached function: (interpretation id, assumed mistakes) → truth."""
        self._problems: dict[str, list[Any]] = {}

    def problems(self, check: Check, draw: Draw, truth: Any) -> list[Any]:
        """Return the problems of a check. Draw them at the first call."""
        assert check.each is not None
        if check.name not in self._problems:
            self._problems[check.name] = list(check.each(draw, truth))
        return self._problems[check.name]
