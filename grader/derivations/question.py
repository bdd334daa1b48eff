"""The author's kit for questions whose answers are formulas.

An assignment's `written.py` defines `questions()`, which returns `Question`s. The author writes how the quantities
depend on each other, once; derivatives of any quantity by any other follow from that, so there is no table of truths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.model import ZERO, Points

Array = NDArray[Any]
"""Two axes, or none for a number; float64, or complex128 while a derivative is computed."""
Values = Mapping[str, Array]


def sigmoid(a: Array) -> Array:
    """Return 1 / (1 + e⁻ᵃ), for real or complex arguments."""
    return np.asarray(1 / (1 + np.exp(-a)))


@dataclass(frozen=True)
class Notation:
    """The signs of a course.

    Names are a letter and a layer or time: "h1", "θt+1". Derivatives are written "∂J/∂h1".
    """

    powers: frozenset[str]
    """Letters whose superscript number is a power. At other letters it is a layer."""
    loss: str
    """The name of the loss."""
    losses: frozenset[str]
    """Letters for the loss. A bracket behind them holds its arguments."""
    functions: Mapping[str, str] = field(default_factory=dict)
    """Letters that are functions: {"f": "sigmoid"}."""
    totals: frozenset[str] = frozenset()
    """Letters for the loss with a penalty; its name is "objective"."""
    same: Mapping[str, str] = field(default_factory=dict)
    """Other spellings of names: {"ŷ": "h2"}."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Names of programs and their LaTeX: {"yhat": r"\\hat y", "lr": r"\\eta"}. Greek letters need none."""
    meanings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names that the student need not define, and what they may stand for: {"g": ("∂J/∂a2", "∂J/∂h1")}. All are tried,
    and a remark says which was taken."""
    dialects: tuple[Mapping[str, str], ...] = ()
    """Other courses' notations: {"z1": "a1", "a1": "h1"}. All are tried if the first name is used."""
    variable: str = ""
    """The name that a bare ∇ differentiates by."""


@dataclass(frozen=True)
class SampleProblem:
    """Values of all quantities on one random problem."""

    values: Values
    description: str
    """The same for people, in one sentence without a full stop."""


@dataclass(frozen=True)
class Quantities:
    """Quantities, how they depend on each other, and random problems for them."""

    given: tuple[tuple[Values, str], ...]
    """Of each problem, the values that depend on nothing, and a sentence about it. Columns have shape (n, 1), rows
    (1, n), numbers ()."""
    definitions: Mapping[str, Callable[[Values], Array]]
    """The other quantities, each computed from those before it. They must allow complex numbers."""
    layouts: Mapping[str, Callable[[str], bool]] = field(default_factory=dict)
    """Other ways to lay out arrays, by the words of a remark: True for a name that is transposed in it."""
    others: Mapping[str, Callable[[Values], Array]] = field(default_factory=dict)
    """Values of well-known mistakes, each by the end of the sentence "It is …": {"the rule without the penalty": …}."""

    examples: str = "N"
    """The name of the number of examples."""

    @cached_property
    def problems(self) -> tuple[SampleProblem, ...]:
        return tuple(SampleProblem(self.complete(values), description) for values, description in self.given)

    @cached_property
    def sizes(self) -> frozenset[str]:
        """Given numbers that no quantity depends on, such as the number of examples. An answer may redefine them."""
        values = self.problems[0].values
        given = [name for name in self.given[0][0] if not values[name].ndim]
        moved = {name: self.complete(values, {name: values[name] + 1}) for name in given}
        same = {name: all(np.array_equal(moved[name][n], values[n]) for n in self.definitions) for name in given}
        return frozenset(name for name in given if same[name])

    def complete(self, values: Values, changed: Values | None = None) -> dict[str, Array]:
        """Return all values. `changed` ones replace the definitions.

        Args:
            values: At least those that depend on nothing.
            changed: Values of any quantities that are to be different.
        """
        found = dict(values) | dict(changed or {})
        for name, define in self.definitions.items():
            if name not in (changed or {}):
                found[name] = np.asarray(define(found))
        return found


@dataclass(frozen=True)
class Asked:
    """One formula that is asked for. A question may ask for two."""

    name: str
    """The quantity: "∂J/∂a2" or "θt+1"."""
    latex: str
    points: Points
    also: frozenset[str] = frozenset()
    """Left sides that may stand for it where its own name does not appear: {"g", "δ2"}."""
    leaves: int | None = None
    """Names and numbers in the simplest form; None if simplifying is not asked for."""


@dataclass(frozen=True)
class Question:
    """A written question of the assignment."""

    id: str
    """As in assignment.toml."""
    asked: tuple[Asked, ...]
    notation: Notation
    quantities: Quantities

    @property
    def worth(self) -> Points:
        return sum((asked.points for asked in self.asked), ZERO)
