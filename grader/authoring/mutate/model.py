"""The class of a mutant, its expected losses, and the interface of an assignment's mutation.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Kind = Literal["same", "allowed", "wrong", "undecided"]


@dataclass(frozen=True)
class Classified:
    """The class of a mutant, found without the checks."""

    kind: Kind
    why: str
    """For a wrong mutant, what is wrong; for an allowed one, the sentence of the handout, or that there is none."""
    parts: tuple[str, ...] = ()
    """The parts that are wrong, as the oracle names them."""


@dataclass(frozen=True)
class Expected:
    """Expected losses of a wrong mutant, as ids of sections ("q2.1") or checks ("q2.2.W1")."""

    must: tuple[str, ...]
    """At least one check of these must lose points."""
    may: tuple[str, ...]
    """All others must keep theirs."""


class Oracle(Protocol):
    """Judges the mutants of one right solution."""

    def classify(self, mutant: Mapping[str, Any], note: Callable[[str], None]) -> Classified:
        """Classify the namespace of a mutant; call `note` with the part that is about to run."""
        ...


class Mutation(Protocol):
    """An assignment's mutation.py."""

    SUBJECTS: Sequence[str]
    """Right solutions, by their path in the assignment's folder."""
    KEPT_APART: int
    """The seed whose mutants no other seed draws."""
    Oracle: Callable[[Mapping[str, Any]], Oracle]

    def exercise(self, namespace: Mapping[str, Any]) -> None:
        """Call every function of a solution, so that the shapes of its variables are known."""
        ...

    def expected(self, parts: Sequence[str]) -> Expected:
        """Return what a fault in these parts should cost."""
        ...
