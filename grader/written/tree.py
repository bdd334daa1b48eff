"""A formula, read. Nodes are compared by identity: what is put in for a name is shared, not copied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from grader.written.bounds import MAX_NODES


@dataclass(frozen=True, eq=False)
class Number:
    value: float


@dataclass(frozen=True, eq=False)
class Symbol:
    """A name: "x", "h1", "θt+1", "δ2", or a derivative, "∂J/∂a2"."""

    name: str


@dataclass(frozen=True, eq=False)
class Sum:
    terms: tuple[tuple[int, Formula], ...]
    """(+1 or -1, term)."""


Sign = Literal["", "·", "⊙", "@", "⊗"]
"""How two factors are multiplied: side by side, any sign that leaves it to the shapes, by element, matrices, outer."""


@dataclass(frozen=True, eq=False)
class Product:
    first: Formula
    rest: tuple[tuple[Sign, Formula], ...]


@dataclass(frozen=True, eq=False)
class Quotient:
    over: Formula
    under: Formula


@dataclass(frozen=True, eq=False)
class Power:
    base: Formula
    exponent: float


@dataclass(frozen=True, eq=False)
class Transposed:
    of: Formula


@dataclass(frozen=True, eq=False)
class Applied:
    """One of the functions of `evaluate.FUNCTIONS`."""

    function: str
    to: Formula


@dataclass(frozen=True, eq=False)
class Norm:
    of: Formula
    order: int


@dataclass(frozen=True, eq=False)
class Cases:
    rows: tuple[tuple[Formula, Condition | None], ...]
    """None is "otherwise"."""


Relation = Literal[">", "<", ">=", "<=", "=", "!="]


@dataclass(frozen=True, eq=False)
class Condition:
    left: Formula
    relation: Relation
    right: Formula


SUMMED = "_Σ"
"""Behind the names of elements that a Total is over: "h1_Σ"."""


@dataclass(frozen=True, eq=False)
class Total:
    """Σⱼ of something that has elements in it."""

    of: Formula
    to: str = ""
    """A vector that has as many elements, where the sum says how many."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """`\\underbrace{of}_{label}`: said to be the same, where both are formulas."""

    of: Formula
    label: Formula


Formula = Number | Symbol | Sum | Product | Quotient | Power | Transposed | Applied | Norm | Cases | Total | Labelled


def children(formula: Formula) -> tuple[Formula, ...]:
    match formula:
        case Number() | Symbol():
            return ()
        case Sum(terms):
            return tuple(term for _, term in terms)
        case Product(first, rest):
            return (first, *(factor for _, factor in rest))
        case Quotient(one, other) | Labelled(one, other):
            return one, other
        case Power(of, _) | Transposed(of) | Applied(_, of) | Norm(of, _) | Total(of, _):
            return (of,)
        case Cases(rows):
            return tuple(row for row, _ in rows) + tuple(
                side for _, condition in rows if condition for side in (condition.left, condition.right)
            )


def nodes(formula: Formula) -> Iterator[Formula]:
    """Every node, those that are shared as often as they stand there."""
    waiting = [formula]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += reversed(children(one))


def names(formula: Formula) -> set[str]:
    return {node.name for node in islice(nodes(formula), MAX_NODES) if isinstance(node, Symbol)}
