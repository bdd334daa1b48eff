"""The classes of mutants, the checks that a wrong mutant should fail, and the interface of mutation.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from grader.kit.reference_truth import Namespace

Kind = Literal["same", "allowed", "wrong", "undecided"]


@dataclass(frozen=True)
class Classified:
    """The verdict whether a mutant (a right solution with one small change) is wrong."""

    kind: Kind
    why: str
    """The fault of a wrong mutant; for other kinds, why the mutant has this kind."""
    parts: tuple[str, ...] = ()
    """Names of the wrong parts of the solution. The oracle defines the parts, for example as functions."""


@dataclass(frozen=True)
class Expected:
    """The checks that a wrong mutant should fail, as ids of sections ("q2.1") or checks ("q2.2.W1")."""

    must: tuple[str, ...]
    """At least one of these checks must lose points."""
    may: tuple[str, ...]
    """Only these checks may lose points."""


class Oracle(Protocol):
    """Finds out whether a mutant of a right solution is wrong."""

    def classify(self, mutant: Namespace, note: Callable[[str], None]) -> Classified:
        """Classify a mutant.

        Args:
            mutant: The variables of the mutant's module, by name.
            note: Function that the oracle calls with the name of each part before running the part.
        """
        ...


class Mutation(Protocol):
    """The interface of an assignment's mutation.py."""

    SUBJECTS: Sequence[str]
    """Paths of the right solutions from which mutants are made, relative to the assignment's folder."""
    KEPT_APART: int
    """Seed that draws from a reserved half of the mutants (see `measure.draw`)."""
    Oracle: Callable[[Namespace], Oracle]

    def expected(self, parts: Sequence[str]) -> Expected:
        """Return the checks that a fault in these parts should fail."""
        ...
