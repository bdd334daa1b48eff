"""Whether a formula is as simple as was asked."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from grader.written.bounds import MAX_NODES
from grader.written.tree import Applied, Formula, Number, Quotient, Symbol, children

ROOM = 1.5
"""How many times as many names and numbers as the simplest form has still count as simple."""


def unsimplified(formula: Formula, leaves: int) -> str:
    """Why not, or "". The value of an activation is one thing, whatever it is of."""
    seen = list(islice(_visible(formula), MAX_NODES))
    if any(isinstance(node, Applied) and node.function in ("exp", "log", "sigmoid'") for node in seen):
        return "not simplified: it still has an exponential, a logarithm or f′ in it"
    if any(isinstance(node, Quotient) for node in seen):
        return "not simplified: a fraction is left that cancels"
    if sum(isinstance(node, Symbol | Number) or _is_activation(node) for node in seen) > ROOM * leaves:
        return "not simplified: it can be written shorter"
    return ""


def _is_activation(node: Formula) -> bool:
    return isinstance(node, Applied) and node.function == "sigmoid"


def _visible(formula: Formula) -> Iterator[Formula]:
    waiting = [formula]
    while waiting:
        node = waiting.pop()
        yield node
        if not _is_activation(node):
            waiting += children(node)
