"""Formulas as trees of nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from grader.derivations.bounds import MAX_DEPTH, MAX_NODES, Unread

Kind = Literal[
    "number",  # data: its digits
    "symbol",  # data: name, then element indices, if any: ("w", "i", "j") for w_ij
    "sum",  # data: "+" or "-" for each part
    "product",  # data: the sign before each part: "" for none, "·", "⊙" element-wise, "@" matrix, "⊗" outer product
    "quotient",
    "power",
    "transposed",
    "applied",  # data: name of the function, with a ' for its derivative; parts: its arguments
    "norm",  # data: "1", "2" or "F"
    "cases",  # parts: value, condition, value, condition, …
    "relation",  # data: the sign, such as "<"
    "otherwise",  # the condition of a last case
    "total",  # a sum over an index; data: the index; parts: the summand, and the upper limit if there is one
    "derivative",  # parts: the differentiated formula, and the variable
    "block",  # several formulas that are compared with each other
    "element",  # an element of a formula; data: its indices
    "unread",  # text that could not be parsed; data: the reason
]


@dataclass(frozen=True, eq=False)
class Formula:
    """A node of a formula's tree. `==` compares nodes by identity."""

    kind: Kind
    parts: tuple[Formula, ...] = ()
    """The operands, such as the terms of a sum."""
    data: tuple[str, ...] = ()
    """All that a node says besides its operands, such as a symbol's name. `Kind` says what each kind of node has."""

    @property
    def name(self) -> str:
        """The name of a symbol; "" for a node of another kind."""
        return self.data[0] if self.kind == "symbol" else ""


def number(value: str | float) -> Formula:
    return Formula("number", data=(str(value),))


def symbol(name: str, *elements: str) -> Formula:
    return Formula("symbol", data=(name, *elements))


def derivative(function: Formula, variable: Formula) -> Formula:
    return Formula("derivative", (function, variable))


def named(name: str) -> Formula:
    """Return the formula for a name: a symbol for "h1", a derivative for "∂J/∂h1"."""
    if "/" not in name:
        return symbol(name)
    function, _, variable = name.replace("∂", "").partition("/")
    return derivative(symbol(function), symbol(variable))


def name_of(formula: Formula) -> str:
    """Return the name of a formula, without indices: "h1" for a symbol, "∂J/∂h1" for a derivative; "" for others."""
    if formula.kind == "derivative":
        function, variable = map(name_of, formula.parts)
        if not function or not variable or "/" in function + variable:
            return ""
        return f"∂{function}/∂{variable}"
    if formula.kind == "element":
        return name_of(formula.parts[0])
    return formula.name


def is_example(formula: Formula) -> bool:
    """Return whether a formula consists of numbers, some of them with decimals, as in 0.6 − 1."""
    has_decimals = False
    for node in nodes(formula):
        if node.kind == "symbol":
            return False
        if node.kind == "number" and "." in node.data[0]:
            has_decimals = True
    return has_decimals


def key_of(formula: Formula) -> str:
    """Return the key of the left side of a definition: its name, or the `structure` of a derivative without a name,
    such as ∂(a + b)/∂x; "" for other formulas."""
    name = name_of(formula)
    if formula.kind == "derivative" and not name:
        return f"/{structure(formula)}"
    return name


def structure(formula: Formula) -> str:
    """Return the tree of a formula as text, such as "sum(+,-,symbol(a),symbol(b))"."""
    texts = [*formula.data]
    for part in formula.parts:
        texts.append(structure(part))
    return f"{formula.kind}({','.join(texts)})"


def nodes(formula: Formula) -> Iterator[Formula]:
    """Yield every node of a formula, once for each occurrence. Raise `Unread` if there are too many nodes or levels."""
    waiting, count = [(formula, 0)], 0
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if count > MAX_NODES or depth > MAX_DEPTH:
            raise Unread("the formula is too long")
        yield node
        waiting += ((part, depth + 1) for part in reversed(node.parts))


def symbols(formula: Formula) -> set[str]:
    """Return the names of all symbols in a formula, without their element indices."""
    names = {node.name for node in nodes(formula)}
    names.discard("")
    return names


def occurs_outside_derivatives(name: str, formula: Formula) -> bool:
    """Return whether a name occurs in a formula, and not only within derivatives."""
    if formula.kind == "derivative":
        return False
    if formula.name == name:
        return True
    return any(occurs_outside_derivatives(name, part) for part in formula.parts)


def rebuilt(formula: Formula, change: Callable[[Formula], Formula | None]) -> Formula:
    """Replace each node by `change(node)`. If `change` returns None, keep the node and continue with its parts."""
    new = change(formula)
    if new is not None:
        return new
    parts = tuple(rebuilt(part, change) for part in formula.parts)
    if parts == formula.parts:
        return formula
    return Formula(formula.kind, parts, formula.data)


def leaves(formula: Formula) -> int:
    """Return the number of names and numbers in a formula. A function with its arguments counts as one, and so does a
    derivative."""
    if formula.kind in ("number", "symbol", "applied"):
        return 1
    if formula.kind == "derivative" and name_of(formula):
        return 1
    return sum(map(leaves, formula.parts))
