"""Evaluate formulas on random problems, with shapes as on paper: columns, rows, matrices and numbers.

Students use the signs of products loosely, so the shapes decide: a product with a number scales, other products are
matrix products if the shapes allow it, and element-wise products otherwise. `NotationInterpretation` sets how products
are grouped and how arrays are laid out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from grader.derivations.bounds import MAX_ELEMENTS, Mismatch, Unread, WorkBudget
from grader.derivations.formula_tree import Formula, nodes
from grader.derivations.question import Array, Quantities, Values, sigmoid

RTOL = 1e-12
NEGLIGIBLE = 1e-7
"""A term is negligible if its share of the sum is below this limit on every random problem. The values then do not show
whether the term is right."""
STEP = 1e-150
"""Step h of complex-step derivatives: the imaginary part of f(x + ih) is h·f′(x), accurate to machine precision."""

GROUPINGS: tuple[frozenset[str], ...] = (
    frozenset(),
    frozenset({""}),
    frozenset({"", "·", "@"}),
    frozenset({"⊙"}),
    frozenset({"", "⊙"}),
)
"""Ways to group a product, in the order in which they are tried. Each is the set of the product signs that bind tighter
than the others; "" stands for a product without a sign."""


@dataclass(frozen=True)
class NotationInterpretation:
    """One interpretation of ambiguous notation."""

    tighter: frozenset[str] = frozenset()
    """Product signs that bind tighter than the others: an element of `GROUPINGS`."""
    layout: str = ""
    """Convention for the shapes of arrays: a key of `Quantities.layouts`, or "" for the handout's convention."""
    loose: bool = False
    """Transpose operands where shapes do not fit."""
    dotted: bool = False
    """Read a dot between vectors of the same shape as their inner product, not as an element-wise product."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """Remarks for the marker on unusual choices, such as "a dot is read as an inner product"."""
        grouped = "products of several signs can be grouped in several ways" if self.tighter else ""
        return tuple(filter(None, (self.layout, grouped, "a dot is read as an inner product" if self.dotted else "")))


def _real(a: Array) -> Array:
    return np.asarray(a.real)


def _abs(a: Array) -> Array:
    return np.asarray(np.where(_real(a) < 0, -a, a))


def _diagonal(a: Array) -> Array:
    return np.asarray(np.diag(a.ravel())) if a.ndim else a


FUNCTIONS: Mapping[str, Callable[[Array], Array]] = {
    "exp": np.exp,
    "log": np.log,
    "sign": lambda a: np.sign(_real(a)) + 0 * a,
    "abs": _abs,
    "sqrt": np.sqrt,
    "square": np.square,
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda a: np.asarray(np.where(_real(a) > 0, a, 0)),
    "diag": _diagonal,
    "sum": lambda a: np.asarray(a.sum()),
}
_FUNCTIONS_OF_TWO: Mapping[str, Callable[[Array, Array], Array]] = {
    "max": lambda a, b: np.asarray(np.where(_real(a) >= _real(b), a, b)),
    "min": lambda a, b: np.asarray(np.where(_real(a) >= _real(b), b, a)),
    "outer": lambda a, b: np.asarray(np.outer(a, b)),
}
_COMPARED: Mapping[str, Callable[[Any, Any], Any]] = {
    ">": np.greater, "<": np.less, ">=": np.greater_equal, "<=": np.less_equal, "=": np.equal, "!=": np.not_equal,
}  # fmt: skip


def same(a: Array, b: Array, rtol: float = RTOL) -> bool:
    """Return whether two arrays are equal up to rounding."""
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return False
    size = max(_length(a), _length(b))
    return _length(a - b) <= rtol * max(size, 1e-3)


def _length(a: Array) -> float:
    return float(np.linalg.norm(np.atleast_1d(a)))


@dataclass
class Evaluation:
    """Evaluates formulas on one problem, and records parts of the formulas that do not affect the values."""

    quantities: Quantities
    values: Values
    way: NotationInterpretation = NotationInterpretation()
    indices: Mapping[str, int] = field(default_factory=dict)
    cache: dict[int, Array] = field(default_factory=dict)
    negligible: dict[int, float] = field(default_factory=dict)
    """`id()` of a term's node → largest share of the sum that the term had on any problem so far."""
    unused: set[int] = field(default_factory=set)
    """`id()` of the value of each case whose condition was false for all elements in some evaluation."""
    used: set[int] = field(default_factory=set)
    """`id()` of the value of each case whose condition was true for an element in some evaluation."""
    examples: list[str] = field(default_factory=list)
    """The index of each sum over examples so far, such as "i"."""
    averages: bool = False
    """True if the formula contains the number of examples. Sums without an upper limit then run over examples."""
    budget: WorkBudget = field(default_factory=WorkBudget)

    def value(self, formula: Formula, free: Mapping[str, int] | None = None) -> Array:
        """Return the value of a formula. For a formula of one element, such as δ_j w_ji, return the whole array.

        Args:
            formula: The formula.
            free: Element index → number of its values; None to find the indices in the formula.

        Raises:
            Mismatch: If shapes do not fit together.
            Unread: If the formula cannot be evaluated.
        """
        with np.errstate(all="ignore"):
            free = self.free(formula) if free is None else free
            return self._elements(formula, free) if free else self._of(formula)

    # ── elements ─────────────────────────────────────────────────────────────────────────────────────

    def free(self, formula: Formula, summed: str = "") -> dict[str, int]:
        """Return {index: number of its values} for the free element indices of a formula, in order of first occurrence.

        Args:
            formula: The formula.
            summed: An index to include although `self.indices` sets its value.
        """
        sizes: dict[str, int] = {}
        self._find_free(formula, frozenset(self.indices) - {summed}, sizes)
        return sizes

    def _find_free(self, formula: Formula, bound: frozenset[str], sizes: dict[str, int]) -> None:
        if formula.kind in ("symbol", "element"):
            for index, size in self._ranges(formula):
                if index.isdigit() or index in bound:
                    continue
                if sizes.setdefault(index, size) != size:
                    raise Mismatch(f"the index {index} is used for axes of different lengths")
        if formula.kind == "total":
            bound = bound | {formula.data[0]}
        for part in formula.parts:
            self._find_free(part, bound, sizes)

    def _ranges(self, formula: Formula) -> Iterator[tuple[str, int]]:
        """Yield (index, number of its values) for a symbol or element, such as ("j", 3) for δ_j; nothing for a
        number."""
        elements = _indices(formula) if formula.kind in ("symbol", "element") else []
        if not elements:
            return
        array = self._of(formula.parts[0]) if formula.kind == "element" else self._look_up(formula.name)
        if not array.ndim:
            return
        sizes = array.shape if len(elements) == 2 else (max(array.shape),)
        if len(elements) == 1 and 1 not in array.shape:
            raise Unread("a matrix has only one index")
        yield from zip(elements, sizes, strict=True)

    def _elements(self, formula: Formula, free: Mapping[str, int]) -> Array:
        """Evaluate a formula for all values of its free indices, and return the values as an array."""
        sizes = list(free.values())
        if len(sizes) > 2 or int(np.prod(sizes)) > MAX_ELEMENTS:
            raise Unread("the formula has more than two free indices")
        places = np.ndindex(*sizes)
        elements = [self._at(formula, dict(zip(free, place, strict=True))) for place in places]
        if any(element.ndim for element in elements):
            raise Mismatch("the formula mixes elements and whole arrays")
        return np.asarray(elements).reshape(*sizes, *([1] if len(sizes) == 1 else []))

    def _at(self, formula: Formula, indices: Mapping[str, int], values: Values | None = None) -> Array:
        """Evaluate a formula with the given values of its indices and, if `values` is given, of the quantities."""
        evaluation = replace(self, indices={**self.indices, **indices}, values=values or self.values, cache={})
        return evaluation._of(formula)

    # ── nodes ────────────────────────────────────────────────────────────────────────────────────────

    def _of(self, formula: Formula) -> Array:
        self.budget.spend(1)
        key = id(formula)
        if key not in self.cache:
            self.cache[key] = _shaped(self._one(formula))
        return self.cache[key]

    def _one(self, formula: Formula) -> Array:
        if formula.kind not in _NODES:
            raise Unread(f"a {formula.kind} has no value")
        return _NODES[formula.kind](self, formula)

    def _parts(self, formula: Formula) -> list[Array]:
        return [self._of(part) for part in formula.parts]

    def _norm(self, formula: Formula) -> Array:
        (a,) = self._parts(formula)
        return np.asarray(_abs(a).sum() if formula.data[0] == "1" else np.sqrt((a * a).sum()))

    def _look_up(self, name: str) -> Array:
        if name not in self.values:
            raise Unread(f"{name} is not defined")
        array = np.asarray(self.values[name])
        return array.T if self._is_turned(name) else array

    def _is_turned(self, name: str) -> bool:
        """Return whether the current layout (convention for the shapes of arrays) transposes the quantity `name`."""
        return bool(self.way.layout) and self.quantities.layouts[self.way.layout](name)

    def _picked(self, array: Array, formula: Formula) -> Array:
        elements = _indices(formula)
        if not elements or not array.ndim:
            return array
        try:
            places = [int(e) - 1 if e.isdigit() else self.indices[e] for e in elements]
            return np.asarray(array[tuple(places)] if len(places) == 2 else array.ravel()[places[0]])
        except (IndexError, KeyError):
            raise Unread("an index is outside of its array, or has no value") from None

    def _sum(self, formula: Formula) -> Array:
        terms = self._parts(formula)
        total: Array = np.asarray(0.0)
        for sign, term in zip(formula.data, terms, strict=True):
            if total.ndim and term.ndim and total.shape != term.shape:
                raise Mismatch(f"{shape(total)} {sign} {shape(term)}")
            total = np.asarray(total + term if sign == "+" else total - term)
        largest = float(np.abs(total).max()) if total.size else 0.0
        for part, term in zip(formula.parts, terms, strict=True):
            share = float(np.abs(term).max() / largest) if largest and term.size else 1.0
            self.negligible[id(part)] = max(share, self.negligible.get(id(part), 0.0))
        return total

    def _apply(self, formula: Formula) -> Array:
        arguments = self._parts(formula)
        function = formula.data[0].rstrip("'")
        primes = len(formula.data[0]) - len(function)
        if function in _FUNCTIONS_OF_TWO and len(arguments) == 2:
            return _FUNCTIONS_OF_TWO[function](*arguments)
        if function not in FUNCTIONS:
            raise Unread(f"the function “{function}” is not known")
        if len(arguments) != 1 or primes > 1:
            raise Unread(f"{function} cannot be applied to {len(arguments)} arguments")
        if not primes:
            return np.asarray(FUNCTIONS[function](arguments[0]))
        if np.iscomplexobj(arguments[0]):
            raise Unread("second derivatives are not supported")
        return np.asarray(FUNCTIONS[function](arguments[0] + 1j * STEP)).imag / STEP

    def _cases(self, formula: Formula) -> Array:
        values = [self._of(value) for value in formula.parts[::2]]
        conditions = [self._holds(condition) for condition in formula.parts[1::2]]
        shapes = {array.shape for array in (*values, *conditions) if array.ndim}
        if len(shapes) > 1:
            raise Mismatch("the cases have different shapes")
        result: Array = np.full(shapes.pop() if shapes else (), np.nan)
        open_elements = np.ones(result.shape, dtype=bool)
        for node, value, condition in zip(formula.parts[::2], values, conditions, strict=True):
            chosen = np.broadcast_to(condition, result.shape) & open_elements
            (self.used if chosen.any() else self.unused).add(id(node))
            result = np.where(chosen, value, result)
            open_elements = open_elements & ~chosen
        return np.asarray(result)

    def _holds(self, condition: Formula) -> Array:
        if condition.kind == "otherwise":
            return np.asarray(True)
        a, b = (_real(self._of(part)) for part in condition.parts)
        if condition.data[0] not in _COMPARED or (a.ndim and b.ndim and a.shape != b.shape):
            raise Unread("the sides of a condition cannot be compared")
        return np.asarray(_COMPARED[condition.data[0]](a, b))

    def _total(self, formula: Formula) -> Array:
        index, terms = formula.data[0], formula.parts[0]
        ranges = self.free(terms, index)
        if index in ranges:
            total: Array = np.asarray(0.0)
            for number in range(ranges[index]):
                total = np.asarray(total + self._at(terms, {index: number}))
            return total
        limits = [self._of(limit) for limit in formula.parts[1:]]
        if not limits and not self.averages:
            raise Unread("the index of a sum is missing in its terms")
        self.examples.append(index)  # a sum over examples, which are equal
        count = limits[0] if limits else self._look_up(self.quantities.examples)
        return self._times(count, "", self._of(terms))

    # ── derivatives ──────────────────────────────────────────────────────────────────────────────────

    def _derivative(self, formula: Formula) -> Array:
        """Compute a total derivative: the quantities that depend on the variable change with it."""
        function, variable = formula.parts
        if variable.name not in self.values:
            raise Unread(f"the variable {variable.name} of a derivative is not defined")
        if any(np.iscomplexobj(value) for value in self.values.values()):
            raise Unread("second derivatives are not supported")
        return self._picked(self._gradient(function, variable.name), variable)

    def _gradient(self, function: Formula, variable: str) -> Array:
        base = np.asarray(self.values[variable])
        columns: list[Array] = []
        for place in np.ndindex(base.shape):
            moved = base.astype(complex)
            moved[place] += 1j * STEP
            self.budget.spend(len(self.quantities.definitions))
            values = self.quantities.complete(self.values, {variable: moved})
            columns.append(np.asarray(np.imag(self._at(function, {}, values)) / STEP))
        value_shape = columns[0].shape
        if not value_shape:
            gradient = np.asarray(columns).reshape(base.shape)
            return gradient.T if self._is_turned(variable) else gradient
        if not base.ndim:
            return columns[0]
        if 1 not in value_shape or 1 not in base.shape:
            raise Unread("derivatives of a matrix, or of an array with respect to a matrix, are not supported")
        jacobian = np.stack([column.ravel() for column in columns], axis=1)
        if jacobian.shape[0] == jacobian.shape[1] and not (jacobian - np.diag(np.diag(jacobian))).any():
            return np.diag(jacobian).reshape(value_shape)  # a diagonal Jacobian is written as an array
        return jacobian

    # ── products ─────────────────────────────────────────────────────────────────────────────────────

    def _product(self, formula: Formula) -> Array:
        signs: list[str] = []
        factors: list[Array] = []
        for sign, factor in zip(formula.data, self._parts(formula), strict=True):
            if factors and sign in self.way.tighter:
                factors[-1] = self._times(factors[-1], sign, factor)
            else:
                signs.append(sign)
                factors.append(factor)
        product = factors[0]
        for sign, factor in zip(signs[1:], factors[1:], strict=True):
            product = self._times(product, sign, factor)
        return product

    def _times(self, first: Array, sign: str, second: Array) -> Array:
        if not first.ndim or not second.ndim:
            return np.asarray(first * second)
        same_shape = first.shape == second.shape
        if sign == "⊙" or (sign == "⊗" and same_shape):
            if same_shape:
                return np.asarray(first * second)
        elif sign == "⊗":
            return np.asarray(np.outer(first, second))
        elif sign == "·" and self.way.dotted and same_shape and 1 in first.shape:
            return np.asarray((first * second).sum())
        elif first.shape[1] == second.shape[0]:
            return _shaped(np.asarray(first @ second))
        elif same_shape and sign != "@":
            return np.asarray(first * second)
        product = _loosely(first, second) if self.way.loose else None
        if product is None:
            raise Mismatch(f"{shape(first)} {sign or 'times'} {shape(second)}")
        return product

    def _quotient(self, formula: Formula) -> Array:
        over, under = self._parts(formula)
        if over.ndim and under.ndim and over.shape != under.shape:
            raise Mismatch(f"{shape(over)} / {shape(under)}")
        return np.asarray(over / under)

    def _power(self, formula: Formula) -> Array:
        base, exponent = self._parts(formula)
        if exponent.ndim:
            raise Unread("an exponent is an array")
        if base.ndim and 1 not in base.shape:
            raise Mismatch("powers of a matrix are not supported")
        power = exponent.real if not np.iscomplexobj(base) else exponent
        if float(exponent.real).is_integer() and abs(float(exponent.real)) < 50:
            return np.asarray(base ** int(exponent.real))
        return np.asarray(base**power)


_NODES: Mapping[str, Callable[[Evaluation, Formula], Array]] = {
    "number": lambda evaluation, formula: np.asarray(float(formula.data[0])),
    "symbol": lambda evaluation, formula: evaluation._picked(evaluation._look_up(formula.name), formula),
    "sum": Evaluation._sum,
    "product": Evaluation._product,
    "quotient": Evaluation._quotient,
    "power": Evaluation._power,
    "transposed": lambda evaluation, formula: evaluation._of(formula.parts[0]).T,
    "applied": Evaluation._apply,
    "norm": Evaluation._norm,
    "element": lambda evaluation, formula: evaluation._picked(evaluation._of(formula.parts[0]), formula),
    "cases": Evaluation._cases,
    "total": Evaluation._total,
    "derivative": Evaluation._derivative,
}


def _loosely(first: Array, second: Array) -> Array | None:
    """Return the matrix product of two arrays, transposed or swapped if needed; None if no way fits."""
    pairs = ((first, second.T), (first.T, second), (first.T, second.T), (second, first), (second.T, first))
    for a, b in pairs:
        if a.shape[1] == b.shape[0] and 1 in b.shape:
            return _shaped(np.asarray(a @ b))
    return None


def _indices(formula: Formula) -> list[str]:
    """Return the element indices of a symbol or element: ["i", "j"] for w_ij. Indices in brackets are left out, since
    they number examples, as in y⁽ⁱ⁾."""
    indices = formula.data if formula.kind == "element" else formula.data[1:]
    return [index for index in indices if not index.startswith("(")]


def _shaped(a: Array) -> Array:
    """Remove the axes of an array with one element; return other arrays unchanged."""
    return a.reshape(()) if a.size == 1 else a


def shape(a: Array) -> str:
    """Return the shape of an array as text: "3×1", or "a number"."""
    return "×".join(map(str, a.shape)) if a.ndim else "a number"


def unknown_functions(formula: Formula) -> set[str]:
    """Return the names of the functions in a formula that are not known, without primes."""
    applied = {node.data[0].rstrip("'") for node in nodes(formula) if node.kind == "applied"}
    return applied - FUNCTIONS.keys() - _FUNCTIONS_OF_TWO.keys()


def has_dots(formula: Formula) -> bool:
    """Return whether a product in the formula is written with a dot."""
    return any(node.kind == "product" and "·" in node.data[1:] for node in nodes(formula))


def is_ambiguous(formula: Formula) -> bool:
    """Return whether a product in the formula mixes several signs, so that the grouping may matter."""
    return any(node.kind == "product" and len(set(node.data[1:])) > 1 for node in nodes(formula))
