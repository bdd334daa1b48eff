"""What an assignment says about a derivation: what is asked, in which signs, and what is true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from grader.model import ZERO, Points
from grader.written.evaluate import Array
from grader.written.notation import Notation


@dataclass(frozen=True)
class World:
    """One random network, say: everything that a formula may mention, with its value."""

    values: Mapping[str, Array]
    truths: Mapping[str, Array]
    """What may be asked for, by the name it has in chains ("∂J/∂a2")."""
    said: str
    """The same for people, with its sizes."""


@dataclass(frozen=True)
class Asked:
    """One formula that is asked for; a question may ask for two."""

    name: str
    """Its key among a world's truths."""
    shown: str
    """In LaTeX."""
    points: Points
    also: frozenset[str] = frozenset()
    """Left sides that may stand for it where its own name does not appear: {"g", "δ2"}."""
    leaves: int | None = None
    """How many names and numbers the simplest form has; None where simplifying is not asked for."""


@dataclass(frozen=True)
class InWords:
    """A question for people alone, and what in an answer they should not miss."""

    id: str
    worth: Points
    notices: tuple[tuple[str, str], ...]
    """(regular expression, what whoever reads it should know)."""


@dataclass(frozen=True)
class Question:
    id: str
    """As in assignment.toml."""
    asked: tuple[Asked, ...]
    notation: Notation
    worlds: tuple[World, ...]
    conventions: Mapping[str, tuple[World, ...]]
    """Other ways to lay out vectors, each with worlds of its own: an answer that fits one is right but for that."""
    meanings: Mapping[str, tuple[str, ...]]
    """Names that change what they stand for, and the truths that they may mean: a formula that is right under one of
    them is not called wrong."""
    usual: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The same of names that do not change, where a student does not say what they stand for."""

    @property
    def worth(self) -> Points:
        return sum((asked.points for asked in self.asked), ZERO)
