"""Terms and cases that random problems would hardly ever notice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

import numpy as np

from grader.written.bounds import MAX_NODES, Unread
from grader.written.evaluate import Array, Mismatch, value
from grader.written.question import World
from grader.written.tree import Cases, Condition, Formula, Number, Sum, Symbol, nodes

SMALLEST = 1e-4
"""How much a term of a sum must count for beside the others."""


def must_be_plain(formula: Formula, worlds: Sequence[World]) -> None:
    """Raises `Unread` where it has one."""
    for node in islice(nodes(formula), MAX_NODES):
        if isinstance(node, Cases):
            for _, condition in node.rows:
                _is_about_a_sign(condition, worlds)
        elif isinstance(node, Sum):
            _every_term_counts(node, worlds)


def _is_about_a_sign(condition: Condition | None, worlds: Sequence[World]) -> None:
    if condition is None:
        return
    sides = (condition.left, condition.right)
    name = next((s.name for s in sides if isinstance(s, Symbol)), "")
    if not any(isinstance(s, Number) and s.value == 0 for s in sides) or not _has_both_signs(name, worlds):
        raise Unread("a case distinction that is not about a sign")


def _has_both_signs(name: str, worlds: Sequence[World]) -> bool:
    found = [w.values[name] for w in worlds if name in w.values]
    return any((a > 0).any() for a in found) and any((a < 0).any() for a in found)


def _every_term_counts(total: Sum, worlds: Sequence[World]) -> None:
    sizes = [[_size(term, world.values) for _, term in total.terms] for world in worlds[::3]]
    for n in range(len(total.terms)):
        if all(0 < each[n] < SMALLEST * max(each) for each in sizes):
            raise Unread("a term that is too small to be noticed")


def _size(formula: Formula, values: Mapping[str, Array]) -> float:
    try:
        return float(np.abs(value(formula, values)).max())
    except (Mismatch, Unread):
        return 0.0
