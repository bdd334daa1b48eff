"""The kinds of mutants (same, allowed, wrong), the points that each should lose, and the interface of mutation.py."""

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
    """The fault of a wrong mutant, or the reason why a mutant has another class."""
    parts: tuple[str, ...] = ()
    """Names of the wrong parts of the solution. The oracle defines what a part is."""


@dataclass(frozen=True)
class Expected:
    """The checks that a wrong mutant should fail, as ids of sections ("q2.1") or checks ("q2.2.W1")."""

    must: tuple[str, ...]
    """At least one of these checks must lose points."""
    may: tuple[str, ...]
    """Only these checks may lose points."""


class Oracle(Protocol):
    """Judges the mutants of one right solution."""

    def classify(self, mutant: Mapping[str, Any], note: Callable[[str], None]) -> Classified:
        """Classify a mutant.

        Args:
            mutant: The variables of the mutant's module, by name.
            note: Function that the oracle calls with the name of each part before running the part.
        """
        ...


class Mutation(Protocol):
    """The interface of an assignment's mutation.py."""

    SUBJECTS: Sequence[str]
    """Paths of right solutions in the assignment's folder."""
    KEPT_APART: int
    """The seed whose mutants are reserved for measurement (see `measure.draw`)."""
    Oracle: Callable[[Mapping[str, Any]], Oracle]

    def exercise(self, namespace: Mapping[str, Any]) -> None:
        """Call every function of a solution, to record the shapes of its variables."""
        ...

    def expected(self, parts: Sequence[str]) -> Expected:
        """Return the checks that a fault in these parts should fail."""
        ...
