"""A cache for gradings under the public seed. All submissions get the same problems there, so the problems are drawn
once, and the answers of the reference and of its known mistakes are computed once."""

from __future__ import annotations

from typing import Any

from grader.kit.claim import Check, Draw
from grader.kit.diagnosis import Assumptions, Truths


class PublicProblemCache:
    """The problems of the public seed, and the truths: objects that compute their right answers."""

    def __init__(self, truths: Truths) -> None:
        self._truths = truths
        self._made: dict[tuple[str, Assumptions], Any] = {}
        self._problems: dict[str, list[Any]] = {}

    def truth(self, interpretation: str, assumed: Assumptions) -> Any:
        """Return the truth under an interpretation, as if the assumed mistakes were made."""
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
