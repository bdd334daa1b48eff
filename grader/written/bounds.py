"""How much of a stranger's LaTeX is looked at, and what cannot be read."""

from __future__ import annotations

MAX_CHARACTERS = 20_000
"""Of one answer; what is longer waits for a person unread."""
MAX_TOKENS = 6_000
"""Of one answer."""
MAX_DEPTH = 40
"""Of brackets, fractions and scripts inside each other."""
MAX_NODES = 3_000
"""Of one formula with everything put in that it refers to."""
MAX_CHAINS = 200
MAX_PIECES = 400
"""Formulas, and words between them."""


class Unread(Exception):
    """Something in the student's formula that we cannot read with certainty. A value of the judge in the end: it never
    leaves `grader.written`."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what[:300]


class Unfinished(Unread):
    """Only not worked out or not written out: a derivative, elements with dots, a matrix. A step on the way may be
    that."""
