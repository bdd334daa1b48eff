"""A cache for gradings with the public seed, with which all submissions get the same problems.

The problems are drawn once, and the right results are computed once, as are the results with each known mistake.
"""

from __future__ import annotations

from typing import Any

from grader.kit.claim import Check, Draw
from grader.kit.diagnosis import Assumptions, Truths


class PublicProblemCache:
    """A cache of the public seed's problems, and of the truths: objects that compute the right results."""

    def __init__(self, truths: Truths) -> None:
        self._truths = truths
        self._made: dict[tuple[str, Assumptions], Any] = {}
        self._problems: dict[str, list[Any]] = {}

    def truth(self, interpretation: str, assumed: Assumptions) -> Any:
        """Return the object that computes the right results.

        Args:
            interpretation: Id of the accepted interpretation of the task that it follows.
            assumed: Ids of known mistakes that it makes, to find out whether a student has made them.
        """
        key = (interpretation, assumed)
        if key not in self._made:
            self._made[key] = self._truths(interpretation, assumed)
        return self._made[key]

    def problems(self, check: Check, draw: Draw, truth: Any) -> list[Any]:
        """Return the problems of a check, which are drawn at the first call."""
        assert check.each is not None
        if check.name not in self._problems:
            self._problems[check.name] = list(check.each(draw, truth))
        return self._problems[check.name]
