"""A cache for gradings with the public seed, which gives all submissions the same problems.

The problems are drawn once, and the results of the reference, with and without known mistakes, are computed once.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from grader.kit.claim import Check, Draw
from grader.kit.diagnosis import Truths


class PublicProblemCache:
    """The cached problems of the public seed, and the cached truths, which compute the right results."""

    def __init__(self, truths: Truths) -> None:
        self.truth = cache(truths)
        """Function (interpretation id, assumed mistakes) → truth."""
        self._problems: dict[str, list[Any]] = {}

    def problems(self, check: Check, draw: Draw, truth: Any) -> list[Any]:
        """Return the public problems of a check."""
        assert check.each is not None
        if check.name not in self._problems:
            self._problems[check.name] = list(check.each(draw, truth))
        return self._problems[check.name]
