"""What gradings under the public seed have in common: everybody gets the same problems there, so they are drawn once,
and what the reference and its known mistakes answer to them is computed once, for as many submissions as there are."""

from __future__ import annotations

from typing import Any

from grader.kit.claim import Check, Draw
from grader.kit.diagnosis import Assumptions, Truths


class Remembered:
    def __init__(self, truths: Truths) -> None:
        self._truths = truths
        self._made: dict[tuple[str, Assumptions], Any] = {}
        self._problems: dict[str, list[Any]] = {}

    def truth(self, reading: str, assumed: Assumptions) -> Any:
        key = (reading, assumed)
        if key not in self._made:
            self._made[key] = self._truths(reading, assumed)
        return self._made[key]

    def problems(self, check: Check, draw: Draw, truth: Any) -> list[Any]:
        assert check.each is not None
        if check.name not in self._problems:
            self._problems[check.name] = list(check.each(draw, truth))
        return self._problems[check.name]
