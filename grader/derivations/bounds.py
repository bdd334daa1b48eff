"""Limits on the parsing and evaluation of answers, and the exceptions for unreadable formulas."""

from __future__ import annotations

MAX_CHARACTERS = 20_000
"""Largest number of characters of an answer. Longer answers are not parsed."""
MAX_TOKENS = 6_000
"""Largest number of tokens of an answer."""
MAX_DEPTH = 60
"""Largest depth of nested brackets, fractions and scripts in a formula."""
MAX_NODES = 1_500
"""Largest number of nodes in a formula's tree, after the student's definitions are substituted."""
MAX_STATEMENTS = 150
MAX_INTERPRETATIONS = 48
"""Largest number of combinations of meanings that are tried for the undefined names in a formula."""
MAX_ELEMENTS = 200
"""Largest number of elements of an array that is evaluated element by element, as for δ_j = e w_j."""


MAX_STEPS = 60_000
"""Steps in a `WorkBudget`. The equalities of an answer share one budget, and so do its definitions of functions; each
judged formula has its own."""


class Unread(Exception):
    """A formula cannot be parsed or evaluated. Caught within `grader.derivations`."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why[:200]


class Mismatch(Unread):
    """The shapes of two arrays do not fit together."""


class TooMuch(Exception):
    """A `WorkBudget` is used up. Caught within `grader.derivations`."""


class WorkBudget:
    """A limited number of evaluation steps."""

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Subtract steps from the budget. Raise `TooMuch` if none are left."""
        self.left -= steps
        if self.left < 0:
            raise TooMuch
