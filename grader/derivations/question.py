"""The author's kit for questions whose answers are formulas.

An assignment's `written.py` defines `questions()`, which returns `Question`s. The author defines once how the
quantities depend on each other. The grader computes all derivatives from these definitions.
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
"""A matrix with two axes, or a number with none: float64, or complex128 while a derivative is computed."""
Values = Mapping[str, Array]


def sigmoid(a: Array) -> Array:
    """Return 1 / (1 + e⁻ᵃ), for real or complex arguments."""
    return np.asarray(1 / (1 + np.exp(-a)))


@dataclass(frozen=True)
class Dialect:
    """The notation of another course for the same quantities."""

    names: Mapping[str, str]
    """Name in the other course → name in this one: {"z1": "a1", "a1": "h1"}."""
    signs: frozenset[str]
    """Names that show the dialect, such as {"z1"}. It is tried only if the answer uses one of them."""


@dataclass(frozen=True)
class Notation:
    """The notation of a course.

    The name of a quantity is a letter with a layer or time: "h1", "θt+1". The name of a derivative is "∂J/∂h1".
    """

    power_letters: frozenset[str]
    """Letters whose numeric superscripts are powers, as in θ². For other letters, they are layers, as in h¹."""
    loss: str
    """Name of the loss, such as "J"."""
    loss_letters: frozenset[str]
    """Letters for the loss, such as {"J", "L"}. A bracket after such a letter is an argument, as in J(W)."""
    functions: Mapping[str, str] = field(default_factory=dict)
    """Letter of a function → its name: {"f": "sigmoid"}."""
    totals: frozenset[str] = frozenset()
    """Letters that may denote the loss with a penalty. Name this loss "objective", and add each letter to `meanings`:
    {"J": ("objective", "L")}."""
    other_names: Mapping[str, str] = field(default_factory=dict)
    """Other name of a quantity or derivative → its name here: {"ŷ": "h2", "∂J/∂H": "∂J/∂h1"}."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Name in programs → its LaTeX: {"yhat": r"\\hat y", "lr": r"\\eta"}. Names of Greek letters, such as "eta", need
    no entry."""
    meanings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name that students use without a definition → its possible meanings: {"g": ("∂J/∂a2", "∂J/∂h1")}. All meanings
    are tried, and a remark names the one that was used."""
    dialects: tuple[Dialect, ...] = ()
    """Notations of other courses."""
    variable: str = ""
    """Variable of the gradient ∇ when ∇ has no index, such as "θt"; "" if ∇ needs an index. With a variable, θt and
    θ(t+1) are names with a time step."""


@dataclass(frozen=True)
class SampleProblem:
    """Values of all quantities on one random problem."""

    values: Values
    description: str
    """The values in one sentence without a full stop, for the counter-example in a report."""


@dataclass(frozen=True, eq=False)
class Quantities:
    """The quantities of a question, their definitions, and random problems."""

    given: tuple[tuple[Values, str], ...]
    """(values of the independent quantities, description) of each random problem. Columns have shape (n, 1), rows
    (1, n), numbers ()."""
    definitions: Mapping[str, Callable[[Values], Array]]
    """Name of a dependent quantity → function that computes it from the given quantities and earlier entries. The
    functions must accept complex arrays."""
    layouts: Mapping[str, Callable[[str], bool]] = field(default_factory=dict)
    """Accepted conventions for the shapes of arrays besides the handout's: description for markers → predicate. The
    predicate takes the name of a quantity, and returns True if this quantity is transposed."""
    others: Mapping[str, Callable[[Values], Array]] = field(default_factory=dict)
    """Well-known mistakes: description that completes the sentence "It is …", such as "the rule without the penalty" →
    function that computes the mistaken value."""

    examples: str = "N"
    """Name of the quantity that holds the number of examples."""

    @cached_property
    def problems(self) -> tuple[SampleProblem, ...]:
        problems = [SampleProblem(self.complete(values), description) for values, description in self.given]
        return tuple(problems)

    @cached_property
    def sizes(self) -> frozenset[str]:
        """Names of given numbers on which no other quantity depends, such as the number of examples N. An answer may
        use these names for other things, as in N = a + b."""
        values = self.problems[0].values
        sizes = set[str]()
        for name in self.given[0][0]:
            if values[name].ndim:
                continue
            changed = self.complete(values, {name: values[name] + 1})
            if all(np.array_equal(changed[dependent], values[dependent]) for dependent in self.definitions):
                sizes.add(name)
        return frozenset(sizes)

    def complete(self, values: Values, changed: Values | None = None) -> dict[str, Array]:
        """Compute the dependent quantities, and return the values of all quantities by name.

        Args:
            values: Values of at least all independent quantities.
            changed: Values that override `values` and the definitions.
        """
        changed = changed or {}
        complete = {**values, **changed}
        for name, define in self.definitions.items():
            if name not in changed:
                complete[name] = np.asarray(define(complete))
        return complete


@dataclass(frozen=True)
class Asked:
    """A quantity that a question asks for. A question may ask for several."""

    name: str
    """Name of the quantity: "∂J/∂a2" or "θt+1"."""
    latex: str
    points: Points
    also: frozenset[str] = frozenset()
    """Other names of the quantity on the left side of an equality: {"g", "δ2"}. Used if an answer has no equality for
    `name`."""
    leaves: int | None = None
    """Number of names and numbers in the simplest form; None if the answer need not be simplified."""


@dataclass(frozen=True)
class Question:
    """A written question of the assignment."""

    id: str
    """Id of the question in assignment.toml."""
    asked: tuple[Asked, ...]
    notation: Notation
    quantities: Quantities

    @property
    def worth(self) -> Points:
        return sum((quantity.points for quantity in self.asked), ZERO)
