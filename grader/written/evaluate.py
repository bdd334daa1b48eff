"""A formula and the values of its names → its value, with shapes as on paper: columns, rows, matrices and numbers.

Signs say little on paper, so a product is what the shapes allow: a number times anything, rows by columns, and where
that is not defined, element by element. Where several signs meet, every usual way to group them is tried; if two of
them give different values, the formula has no certain meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from grader.written.bounds import MAX_DEPTH, MAX_NODES, Unread
from grader.written.tree import (
    SUMMED,
    Applied,
    Cases,
    Condition,
    Formula,
    Labelled,
    Norm,
    Number,
    Power,
    Product,
    Quotient,
    Relation,
    Sign,
    Sum,
    Symbol,
    Total,
    Transposed,
    names,
    nodes,
)

Array = NDArray[np.float64]
"""Two axes, or none for a number."""
RTOL = 1e-9


class Mismatch(Exception):
    """Shapes that do not go together; like `Unread`, never leaves `grader.written`."""


def sigmoid(a: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-a)))


def _slope(a: Array) -> Array:
    return np.asarray(sigmoid(a) * (1 - sigmoid(a)))


def _diagonal(a: Array) -> Array:
    if a.ndim and 1 in a.shape:
        return np.asarray(np.diag(a.ravel()))
    return a if not a.ndim else np.asarray(np.diag(a))[:, None]


DERIVED = "derived"
"""What a derivative comes to that a student has only written down."""
FUNCTIONS: Mapping[str, Callable[[Array], Array]] = {
    "exp": np.exp,
    "log": np.log,
    "sign": np.sign,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "sigmoid": sigmoid,
    "sigmoid'": _slope,
    "diag": _diagonal,
    DERIVED: lambda a: a,
}


COMPARE: Mapping[Relation, np.ufunc] = {
    ">": np.greater, "<": np.less, ">=": np.greater_equal, "<=": np.less_equal, "=": np.equal, "!=": np.not_equal,
}  # fmt: skip


def value(formula: Formula, values: Mapping[str, Array]) -> Array:
    """Raises `Mismatch` where shapes do not fit, `Unread` where the meaning is not certain."""
    with np.errstate(all="ignore"):
        return _Evaluation(values).of(formula, 0)


def same(one: Array, other: Array) -> bool:
    if one.shape != other.shape or not (np.isfinite(one).all() and np.isfinite(other).all()):
        return False
    return bool(np.linalg.norm(one - other) <= RTOL * max(float(np.linalg.norm(other)), 1e-12))


@dataclass
class _Evaluation:
    values: Mapping[str, Array]
    seen: dict[int, Array] = field(default_factory=dict)
    """What is put in for a name is worked out once."""

    def of(self, formula: Formula, depth: int) -> Array:
        if depth > 4 * MAX_DEPTH or len(self.seen) > MAX_NODES:
            raise Unread("a formula that is too deep")
        if id(formula) not in self.seen:
            self.seen[id(formula)] = _shaped(self._one(formula, depth + 1))
        return self.seen[id(formula)]

    def _one(self, formula: Formula, depth: int) -> Array:
        match formula:
            case Number(number):
                return np.asarray(number, dtype=np.float64)
            case Symbol(name):
                return self._known(name)
            case Sum(terms):
                return self._sum([(sign, self.of(term, depth)) for sign, term in terms])
            case Product(first, rest):
                return _product(self.of(first, depth), [(sign, self.of(f, depth)) for sign, f in rest])
            case Quotient(over, under):
                return _quotient(self.of(over, depth), self.of(under, depth))
            case Cases(rows):
                return self._cases(rows, depth)
            case Total(of, to):
                return self._total(of, to, depth)
            case Labelled(of, label):
                return self._labelled(of, label, depth)
            case _:
                return self._of_one(formula, depth)

    def _of_one(self, formula: Power | Transposed | Applied | Norm, depth: int) -> Array:
        match formula:
            case Power(base, exponent):
                return _power(self.of(base, depth), exponent)
            case Transposed(of):
                return self.of(of, depth).T
            case Applied(function, to):
                return np.asarray(FUNCTIONS[function](self.of(to, depth)), dtype=np.float64)
            case Norm(of, order):
                return _norm(self.of(of, depth), order)

    def _known(self, name: str) -> Array:
        if name not in self.values:
            raise Unread(f"{name}, which is not defined")
        return self.values[name]

    def _sum(self, terms: Sequence[tuple[int, Array]]) -> Array:
        total = terms[0][0] * terms[0][1]
        for sign, term in terms[1:]:
            if total.ndim and term.ndim and total.shape != term.shape:
                raise Mismatch(f"{_shape(total)} {'+' if sign > 0 else '−'} {_shape(term)}")
            total = total + sign * term
        return np.asarray(total)

    def _cases(self, rows: Sequence[tuple[Formula, Condition | None]], depth: int) -> Array:
        found = [(self.of(row, depth), self._holds(condition, depth)) for row, condition in rows]
        shapes = {a.shape for pair in found for a in pair if a.ndim}
        if len(shapes) > 1:
            raise Mismatch("cases of several shapes")
        shape = shapes.pop() if shapes else ()
        total = np.full(shape, np.nan)
        for made, holds in reversed(found):
            total = np.where(holds, made, total)
        return total

    def _labelled(self, of: Formula, label: Formula, depth: int) -> Array:
        """A label that says something else is a wrong step; one without a value, or of another size, says nothing."""
        made = self.of(of, depth)
        try:
            said = self.of(label, depth)
        except (Mismatch, Unread):
            return made
        if said.size == made.size and not (same(made, said) or same(made, said.T)):
            raise Mismatch("a label that says something else")
        return made

    def _total(self, of: Formula, to: str, depth: int) -> Array:
        if any(isinstance(node, Total) for node in islice(nodes(of), MAX_NODES)):
            raise Unread("a sum within a sum")
        summed = {name: self._known(name.removesuffix(SUMMED)) for name in names(of) if name.endswith(SUMMED)}
        if not summed or any(not a.ndim or 1 not in a.shape for a in summed.values()):
            raise Unread("a sum over the elements of no vector")
        sizes = {a.size for a in summed.values()} | ({self._known(to).size} if to else set())
        if len(sizes) > 1:
            raise Mismatch("a sum over vectors of several sizes")
        each = ({name: np.asarray(a.ravel()[n]) for name, a in summed.items()} for n in range(sizes.pop()))
        found = [_Evaluation({**self.values, **elements}).of(of, depth) for elements in each]
        return np.asarray(sum(found[1:], found[0]))

    def _holds(self, condition: Condition | None, depth: int) -> NDArray[np.bool_]:
        if condition is None:
            return np.asarray(True)
        left, right = self.of(condition.left, depth), self.of(condition.right, depth)
        if left.ndim and right.ndim and left.shape != right.shape:
            raise Mismatch("a condition on two shapes")
        return np.asarray(COMPARE[condition.relation](left, right))


def _shaped(made: Array) -> Array:
    """A row times a column is a number."""
    return made.reshape(()) if made.size == 1 else made


def _shape(a: Array) -> str:
    return "×".join(map(str, a.shape)) if a.ndim else "a number"


def _norm(a: Array, order: int) -> Array:
    return np.asarray(np.abs(a).sum() if order == 1 else np.sqrt((a * a).sum()))


def _power(base: Array, exponent: float) -> Array:
    if base.ndim and 1 not in base.shape:
        raise Mismatch("a power of a matrix")
    return np.asarray(base**exponent)


def _quotient(over: Array, under: Array) -> Array:
    if over.ndim and under.ndim and over.shape != under.shape:
        raise Mismatch(f"{_shape(over)} / {_shape(under)}")
    return np.asarray(over / under)


# ── products ─────────────────────────────────────────────────────────────────────────────────────────

Factors = Sequence[tuple[Sign, Array]]


def _product(first: Array, rest: Factors) -> Array:
    """Every usual grouping; those that the shapes allow must agree."""
    found: list[Array] = []
    wrong: list[Mismatch] = []
    for tighter in _groupings({sign for sign, _ in rest}):
        try:
            made = _grouped(first, rest, tighter)
        except Mismatch as mismatch:
            wrong.append(mismatch)
            continue
        if found and not _equal(found[0], made):
            raise Unread("a product that can be grouped in two ways with different results")
        found.append(made)
    if not found:
        raise wrong[0]
    return found[0]


def _equal(one: Array, other: Array) -> bool:
    return same(one, other) or (one.shape == other.shape and not np.isfinite(one).all())


def _groupings(signs: set[Sign]) -> Iterator[frozenset[Sign]]:
    """Signs that bind tighter than the others. First of all none: from left to right."""
    yield frozenset()
    if len(signs) > 1:
        yield from (tight & signs for tight in _TIGHT if tight & signs and signs - tight)


_TIGHT: tuple[frozenset[Sign], ...] = (
    frozenset({""}),
    frozenset({"", "·", "@"}),
    frozenset({"⊙"}),
    frozenset({"", "⊙"}),
)


def _grouped(first: Array, rest: Factors, tighter: frozenset[Sign]) -> Array:
    groups: list[tuple[Sign, Array]] = [("", first)]
    for sign, factor in rest:
        if sign in tighter:
            before, made = groups[-1]
            groups[-1] = (before, _times(made, sign, factor))
        else:
            groups.append((sign, factor))
    total = groups[0][1]
    for sign, factor in groups[1:]:
        total = _times(total, sign, factor)
    return total


def _times(one: Array, sign: Sign, other: Array) -> Array:
    if not one.ndim or not other.ndim:
        return np.asarray(one * other)
    if sign == "⊙":
        if one.shape == other.shape:
            return np.asarray(one * other)
    elif sign == "⊗":
        return _outer(one, other)
    elif one.shape[1] == other.shape[0]:
        return _shaped(one @ other)
    elif one.shape == other.shape and sign != "@":
        return np.asarray(one * other)
    raise Mismatch(f"{_shape(one)} {sign or 'times'} {_shape(other)}")


def _outer(one: Array, other: Array) -> Array:
    """Of columns, a bᵀ; the second may be a row already."""
    if one.shape[1] != 1 or 1 not in other.shape or one.shape == other.shape:
        raise Mismatch(f"{_shape(one)} ⊗ {_shape(other)}")
    return np.asarray(one @ other.reshape(1, -1))
