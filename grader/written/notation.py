"""What an assignment's signs mean: the part of the grammar that is the course's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

TOTAL = "objective"


@dataclass(frozen=True)
class Notation:
    powers: frozenset[str]
    """Names whose bare superscript number is a power; at all others it is a layer."""
    functions: Mapping[str, str]
    """Letters that are functions, and which: {"f": "sigmoid"}."""
    losses: frozenset[str]
    """Letters that stand for the loss, whatever is in brackets behind them."""
    loss: str
    """The one name they all get."""
    totals: frozenset[str] = frozenset()
    """Letters that stand for the loss with something added to it: they are one name, "objective"; so is the loss itself
    with an accent or an index, where there are any."""
    same: Mapping[str, str] = field(default_factory=dict)
    """Other spellings of a name: {"ŷ": "h2"}."""
    presumed: Mapping[str, str] = field(default_factory=dict)
    """What a name that nobody has defined is taken for, with a remark."""

    variable: str = ""
    """What ∇ is by where it does not say so."""
    spoken: Mapping[str, str] = field(default_factory=dict)
    """Regular expressions for words that stand for a derivative and =, and it in LaTeX: {"slope of f is": "f'"}."""
    unlike: Mapping[str, str] = field(default_factory=dict)
    """Names of the handout, and regular expressions for words that nobody may call them by."""
    foreign: str = ""
    """A regular expression for words of other models: what they say before an answer is not said of this one."""
    layers: tuple[int, ...] = ()
    """What a layer k may be."""
    asides: frozenset[str] = frozenset()
    """Maths that is no formula, and true: {"[-1,1]"}."""
    sizes: Mapping[str, str] = field(default_factory=dict)
    """The handout's letters for sizes, and for each a vector with so many elements: {"H": "h1"}."""

    @property
    def of_arguments(self) -> frozenset[str]:
        """Names that swallow the bracket behind them."""
        return frozenset({self.loss, TOTAL}) if self.totals else frozenset({self.loss})

    def name(self, base: str, index: str = "") -> str:
        return self._of_a_whole(f"{base}{index}")

    def derivative(self, of: str, by: str) -> str:
        return self._of_a_whole(f"∂{of}/∂{by}")

    def _of_a_whole(self, name: str) -> str:
        """An element is one of the other spelling: "θ_i" of "θt"."""
        whole, mark, element = name.partition("_") if re.search("_[a-z]$", name) else (name, "", "")
        return f"{self.same.get(whole, whole)}{mark}{element}"
