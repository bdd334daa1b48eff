"""Limits on the parsing and evaluation of answers, and the exceptions for unreadable formulas."""

from __future__ import annotations

MAX_CHARACTERS = 20_000
"""Length of an answer. Longer answers are left to a person."""
MAX_TOKENS = 6_000
"""Tokens of an answer."""
MAX_DEPTH = 60
"""Depth of nested brackets, fractions and scripts."""
MAX_NODES = 1_500
"""Nodes of one formula after the student's definitions are substituted."""
MAX_STATEMENTS = 150
MAX_INTERPRETATIONS = 48
"""Combinations of meanings of ambiguous names that are tried for one formula."""
MAX_ELEMENTS = 200
"""Elements of an array that are evaluated one by one."""


MAX_STEPS = 60_000
"""Nodes that are evaluated for all equalities of an answer, and again for each asked quantity."""


class Unread(Exception):
    """A formula cannot be parsed, or has no certain value. Never raised to callers of `grader.derivations`."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why[:200]


class Mismatch(Unread):
    """The shapes of two arrays do not fit together."""


class TooMuch(Exception):
    """The work budget is used up. Never raised to callers of `grader.derivations`."""


class WorkBudget:
    """A limited number of evaluation steps."""

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Subtract steps from the budget. Raise `TooMuch` if none are left."""
        self.left -= steps
        if self.left < 0:
            raise TooMuch
