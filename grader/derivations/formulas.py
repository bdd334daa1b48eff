"""Formulas as trees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from grader.derivations.bounds import MAX_NODES, Unread

Kind = Literal[
    "number",  # data: its digits
    "symbol",  # data: name, then the indices of an element
    "sum",  # data: "+" or "-" for each part
    "product",  # data: the sign before each part: "" side by side, "·", "⊙" by element, "@", "⊗" outer
    "quotient",
    "power",
    "transposed",
    "applied",  # data: function
    "norm",  # data: "1", "2" or "F"
    "cases",  # parts: value, condition, value, condition, …
    "relation",  # data: the sign
    "otherwise",
    "total",  # data: index; parts: what is summed, and the upper limit if there is one
    "kronecker",  # data: two indices
    "derivative",  # parts: of, by
    "block",  # data: number of columns
    "spread",  # data: index, "row" or "column"; a vector whose elements follow one pattern
    "element",  # data: indices of an element of a formula
]


@dataclass(frozen=True, eq=False)
class Formula:
    """A node. Nodes are compared by identity, because substituted definitions are shared."""

    kind: Kind
    parts: tuple[Formula, ...] = ()
    data: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of a symbol; "" of anything else."""
        return self.data[0] if self.kind == "symbol" else ""


def number(value: str | float) -> Formula:
    return Formula("number", data=(str(value),))


def symbol(name: str, *elements: str) -> Formula:
    return Formula("symbol", data=(name, *elements))


def derivative(of: Formula, by: Formula) -> Formula:
    return Formula("derivative", (of, by))


def named(name: str) -> Formula:
    """Return the formula of a name: "h1", or "∂J/∂h1" for a derivative."""
    of, slash, by = name.partition("/")
    return derivative(symbol(of.removeprefix("∂")), symbol(by.removeprefix("∂"))) if slash else symbol(name)


def name_of(formula: Formula) -> str:
    """Return "h1" for a symbol, "∂J/∂h1" for a derivative of names, with or without indices; "" for other formulas."""
    if formula.kind == "derivative":
        of, by = (name_of(part) for part in formula.parts)
        return f"∂{of}/∂{by}" if of and by and "/" not in of + by else ""
    if formula.kind == "element":
        return name_of(formula.parts[0])
    return formula.name


def key_of(formula: Formula) -> str:
    """Return the name of a symbol or derivative; the structure of a derivative of a formula; "" for other formulas."""
    if name := name_of(formula):
        return name
    return f"/{structure(formula)}" if formula.kind == "derivative" else ""


def structure(formula: Formula) -> str:
    """Return the formula's tree as text."""
    return f"{formula.kind}({','.join((*formula.data, *map(structure, formula.parts)))})"


def nodes(formula: Formula) -> Iterator[Formula]:
    """Iterate over every node, shared ones as often as they occur. Raises `Unread` if there are too many."""
    waiting, count = [formula], 0
    while waiting:
        count += 1
        if count > MAX_NODES:
            raise Unread("a formula that is too long")
        one = waiting.pop()
        yield one
        waiting += reversed(one.parts)


def symbols(formula: Formula) -> set[str]:
    return {node.name for node in nodes(formula) if node.kind == "symbol"}


def rebuilt(formula: Formula, change: Callable[[Formula], Formula | None]) -> Formula:
    """Return the formula with every node replaced for which `change` returns another one, from the root down."""
    new = change(formula)
    if new is not None:
        return new
    parts = tuple(rebuilt(part, change) for part in formula.parts)
    return (
        formula
        if all(a is b for a, b in zip(parts, formula.parts, strict=True))
        else Formula(formula.kind, parts, formula.data)
    )


def leaves(formula: Formula) -> int:
    """Count names and numbers. An applied function counts as one, and a derivative of names too."""
    waiting, count = [formula], 0
    for _ in range(MAX_NODES):
        if not waiting:
            break
        node = waiting.pop()
        if node.kind in ("number", "symbol", "applied") or (node.kind == "derivative" and name_of(node)):
            count += 1
        else:
            waiting += node.parts
    return count
