"""A cache for gradings with the public seed, which gives all submissions the same problems.

The problems are drawn once, and the results of the reference, with and without known mistakes, are computed once.
"""

from __future__ import annotations

from typing import Any

from grader.kit.claim import Check, Draw
from grader.kit.diagnosis import Assumptions, Truths


class PublicProblemCache:
    """The cached problems of the public seed, and the cached truths, which compute the right results."""

    def __init__(self, truths: Truths) -> None:
        self._truths = truths
        self._made: dict[tuple[str, Assumptions], Any] = {}
        self._problems: dict[str, list[Any]] = {}

    def truth(self, interpretation: str, assumed: Assumptions) -> Any:
        """Return the truth under an interpretation, with the assumed mistakes in it."""
        key = (interpretation, assumed)
        if key not in self._made:
            self._made[key] = self._truths(interpretation, assumed)
        return self._made[key]

    def problems(self, check: Check, draw: Draw, truth: Any) -> list[Any]:
        """Return the public problems of a check."""
        assert check.each is not None
        if check.name not in self._problems:
            self._problems[check.name] = list(check.each(draw, truth))
        return self._problems[check.name]
