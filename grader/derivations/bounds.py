"""Limits on the text that is read, and the exception for what cannot be read."""

from __future__ import annotations

MAX_CHARACTERS = 20_000
"""Of one answer; a longer one waits for a person unread."""
MAX_TOKENS = 6_000
"""Of one answer."""
MAX_DEPTH = 60
"""Of nested brackets, fractions and scripts."""
MAX_NODES = 1_500
"""Of one formula with the student's definitions put in."""
MAX_STATEMENTS = 150
MAX_INTERPRETATIONS = 48
"""Meanings of ambiguous names that are tried for one formula."""
MAX_ELEMENTS = 200
"""Elements of an array that are evaluated one by one."""


MAX_STEPS = 60_000
"""Nodes that are evaluated for the equalities of an answer, and as many again for each formula that is asked for."""


class Unread(Exception):
    """A formula that cannot be read or has no certain value. It never leaves `grader.derivations`."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why[:200]


class Mismatch(Unread):
    """Shapes that do not fit together."""


class TooMuch(Exception):
    """The budget is used up. It never leaves `grader.derivations`."""


class WorkBudget:
    """Work that may still be done."""

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Count work. Raises `TooMuch` if there was too much."""
        self.left -= steps
        if self.left < 0:
            raise TooMuch
