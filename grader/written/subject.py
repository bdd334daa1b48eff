"""One formula of an answer that may be proven, with all that stands around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from grader.written.chains import Chain, Reading
from grader.written.hypotheses import Case
from grader.written.places import Place, Placed, placed
from grader.written.question import Asked, Question
from grader.written.tree import Formula

Put = Callable[[Formula, int], Formula]
"""A formula of a chain, and the chain's number → the formula with the names put in that the student has defined."""


@dataclass(frozen=True)
class Subject:
    question: Question
    asked: Asked
    reading: Reading
    cases: Sequence[Case]
    number: int
    """Of the chain that it ends."""
    put: Put

    @property
    def chain(self) -> Chain:
        return self.reading.chains[self.number]

    @property
    def formula(self) -> Formula | None:
        return self.chain.members[-1].formula

    @property
    def is_named(self) -> bool:
        """It says itself what it is of: `∇J = …`."""
        return len(self.chain.members) > 1

    @cached_property
    def where(self) -> Placed:
        return placed(self.reading, self.number)

    def place(self, number: int) -> Place | None:
        """Of another chain; None of its own."""
        return self.where.chains.get(number)

    def around(self, chain: Chain) -> tuple[str, str]:
        """What stands right before and behind, words or not."""
        pieces = self.reading.source.pieces
        before = pieces[chain.begins - 1].text if chain.begins else ""
        behind = pieces[chain.piece + 1].text if chain.piece + 1 < len(pieces) else ""
        return before, behind
