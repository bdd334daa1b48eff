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
        remarks = [self.layout] if self.layout else []
        if self.tighter:
            remarks.append("products of several signs can be grouped in several ways")
        if self.dotted:
            remarks.append("a dot is read as an inner product")
        return tuple(remarks)


def _real(a: Array) -> Array:
    return np.asarray(a.real)


def _abs(a: Array) -> Array:
    is_negative = _real(a) < 0
    return np.where(is_negative, -a, a)


def _diagonal(a: Array) -> Array:
    """Return the diagonal matrix of a vector's elements; a number unchanged."""
    if not a.ndim:
        return a
    return np.diag(a.ravel())


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


def same(a: Array, b: Array) -> bool:
    """Return whether two arrays are equal up to rounding."""
    if a.shape != b.shape or not np.isfinite(a).all() or not np.isfinite(b).all():
        return False
    size = max(_length(a), _length(b), 1e-3)
    return _length(a - b) <= RTOL * size


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
    shares: dict[int, float] = field(default_factory=dict)
    """`id()` of a node → its largest share on any problem so far: of a term, the share of its sum; of a condition, 1.0
    if it was true for an element, and 0.0 otherwise."""
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
            if free is None:
                free = self.free(formula)
            if free:
                return self._elements(formula, free)
            return self._of(formula)

    # ── elements ─────────────────────────────────────────────────────────────────────────────────────

    def free(self, formula: Formula, summed: str = "") -> dict[str, int]:
        """Return {index: number of its values} for the free element indices of a formula, in order of first occurrence.

        Args:
            formula: The formula.
            summed: An index to include although `self.indices` sets its value.
        """
        sizes: dict[str, int] = {}
        bound = frozenset(self.indices) - {summed}
        self._find_free(formula, bound, sizes)
        return sizes

    def _find_free(self, formula: Formula, bound: frozenset[str], sizes: dict[str, int]) -> None:
        """Add the free indices of a formula and of its parts to `sizes`, each with the number of its values. Digits are
        not free, nor are the indices in `bound`; the index of a sum is bound within the sum."""
        for index, size in self._ranges(formula):
            if index.isdigit() or index in bound:
                continue
            if sizes.setdefault(index, size) != size:
                raise Mismatch(f"the index {index} is used for axes of different lengths")
        if formula.kind == "total":
            bound |= {*formula.data}
        for part in formula.parts:
            self._find_free(part, bound, sizes)

    def _ranges(self, formula: Formula) -> Iterator[tuple[str, int]]:
        """Yield (index, number of its values) for a symbol or element, such as ("j", 3) for δ_j; nothing for a
        number."""
        indices = indices_of(formula)
        if not indices:
            return
        array = self._of(formula.parts[0]) if formula.kind == "element" else self._look_up(formula.name)
        if not array.ndim:
            return
        if len(indices) == 2:
            yield from zip(indices, array.shape, strict=True)
        elif len(indices) == 1 and 1 in array.shape:
            yield indices[0], array.size
        else:
            raise Unread("the number of indices does not fit the array")

    def _elements(self, formula: Formula, free: Mapping[str, int]) -> Array:
        """Evaluate a formula for all values of its free indices, and return the values as an array."""
        sizes = tuple(free.values())
        if len(sizes) > 2 or np.prod(sizes) > MAX_ELEMENTS:
            raise Unread("the formula has more than two free indices")
        elements = []
        for place in np.ndindex(sizes):
            indices = dict(zip(free, place, strict=True))
            element = self._at(formula, indices)
            elements.append(element)
        if any(element.ndim for element in elements):
            raise Mismatch("the formula mixes elements and whole arrays")
        is_vector = len(sizes) == 1
        return np.asarray(elements).reshape((*sizes, 1) if is_vector else sizes)

    def _at(self, formula: Formula, indices: Mapping[str, int], values: Values | None = None) -> Array:
        """Evaluate a formula with the given values of its indices and, if `values` is given, of the quantities."""
        all_indices = {**self.indices, **indices}
        evaluation = replace(self, indices=all_indices, values=values or self.values, cache={})
        return evaluation._of(formula)

    # ── nodes ────────────────────────────────────────────────────────────────────────────────────────

    def _of(self, formula: Formula) -> Array:
        """Return the value of a node by the function for its kind (`_NODES`). Values are cached by node."""
        self.budget.spend(1)
        key = id(formula)
        if key not in self.cache:
            if formula.kind not in _NODES:
                raise Unread(f"a {formula.kind} has no value")
            value = _NODES[formula.kind](self, formula)
            self.cache[key] = _shaped(value)
        return self.cache[key]

    def _parts(self, formula: Formula) -> list[Array]:
        return [self._of(part) for part in formula.parts]

    def _norm(self, formula: Formula) -> Array:
        """Return the 1-norm, or the 2-norm of all elements, which for a matrix is its Frobenius norm."""
        (vector,) = self._parts(formula)
        if formula.data[0] == "1":
            return np.asarray(_abs(vector).sum())
        square = (vector * vector).sum()
        return np.asarray(np.sqrt(square))

    def _look_up(self, name: str) -> Array:
        """Return the value of a quantity, in the shape that the current layout gives it."""
        if name not in self.values:
            raise Unread(f"{name} is not defined")
        array = np.asarray(self.values[name])
        return array.T if self._is_turned(name) else array

    def _is_turned(self, name: str) -> bool:
        """Return whether the current layout (convention for the shapes of arrays) transposes the quantity `name`."""
        layout = self.way.layout
        if not layout:
            return False
        return self.quantities.layouts[layout](name)

    def _picked(self, array: Array, formula: Formula) -> Array:
        """Return the element of an array that the indices of `formula` select; the array itself without indices. Digits
        count from 1; the values of letters are in `self.indices`, and count from 0."""
        indices = indices_of(formula)
        if not indices or not array.ndim:
            return array
        try:
            places = [int(index) - 1 if index.isdigit() else self.indices[index] for index in indices]
            if len(places) == 2:
                return np.asarray(array[tuple(places)])
            return np.asarray(array.ravel()[places[0]])
        except (IndexError, KeyError):
            raise Unread("an index is outside of its array, or has no value") from None

    def _sum(self, formula: Formula) -> Array:
        """Add terms of one shape, and numbers to any of them. Record how large each term is relative to the sum."""
        terms = self._parts(formula)
        total = np.asarray(0.0)
        for sign, term in zip(formula.data, terms, strict=True):
            if _shapes_differ(total, term):
                raise Mismatch(f"{shape(total)} {sign} {shape(term)}")
            signed_term = term if sign == "+" else -term
            total = np.asarray(total + signed_term)
        largest = _largest(total)
        for part, term in zip(formula.parts, terms, strict=True):
            self._note_share(part, _largest(term) / largest if largest else 1.0)
        return total

    def _apply(self, formula: Formula) -> Array:
        """Apply a known function to its arguments. A prime at the end of its name stands for its derivative."""
        arguments = self._parts(formula)
        name = formula.data[0]
        function = name.rstrip("'")
        primes = len(name) - len(function)
        if function in _FUNCTIONS_OF_TWO and len(arguments) == 2:
            return _FUNCTIONS_OF_TWO[function](*arguments)
        if function not in FUNCTIONS:
            raise Unread(f"the function “{function}” is not known")
        if len(arguments) != 1 or primes > 1:
            raise Unread(f"{function} cannot be applied to {len(arguments)} arguments")
        (argument,) = arguments
        if not primes:
            return np.asarray(FUNCTIONS[function](argument))
        if np.iscomplexobj(argument):  # the imaginary part is in use for another derivative (see `STEP`)
            raise Unread("second derivatives are not supported")
        moved = FUNCTIONS[function](argument + 1j * STEP)
        return np.asarray(moved).imag / STEP

    def _cases(self, formula: Formula) -> Array:
        """Choose for each element the value of the first case whose condition holds; NaN if none holds. Record which
        conditions are ever used."""
        cases, conditions = formula.parts[::2], formula.parts[1::2]
        values = [self._of(case) for case in cases]
        conditions_hold = [self._holds(condition) for condition in conditions]
        shapes = {array.shape for array in (*values, *conditions_hold) if array.ndim}
        if len(shapes) > 1:
            raise Mismatch("the cases have different shapes")
        result = np.full(shapes.pop() if shapes else (), np.nan)
        open_elements = np.full(result.shape, True)  # elements for which no condition has held yet
        for condition, value, holds in zip(conditions, values, conditions_hold, strict=True):
            chosen = holds & open_elements
            self._note_share(condition, float(chosen.any()))
            result = np.where(chosen, value, result)
            open_elements = open_elements & ~chosen
        return result

    def _holds(self, condition: Formula) -> Array:
        """Return for which elements a condition of a case holds; one bool if it compares numbers."""
        if condition.kind == "otherwise":
            return np.asarray(True)
        left_value, right_value = (_real(self._of(part)) for part in condition.parts)
        compare = _COMPARED.get(condition.data[0])
        if compare is None or _shapes_differ(left_value, right_value):
            raise Unread("the sides of a condition cannot be compared")
        return np.asarray(compare(left_value, right_value))

    def _total(self, formula: Formula) -> Array:
        """Evaluate a sum over an index. If the index selects elements in the terms, add these. Otherwise it numbers
        examples, which are all equal: multiply the term by their number or by the upper limit."""
        index, terms = formula.data[0], formula.parts[0]
        ranges = self.free(terms, index)
        if index in ranges:
            total = np.asarray(0.0)
            for number in range(ranges[index]):
                term = self._at(terms, {index: number})
                total = np.asarray(total + term)
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
        if any(map(np.iscomplexobj, self.values.values())):
            raise Unread("second derivatives are not supported")
        gradient = self._gradient(function, variable.name)
        return self._picked(gradient, variable)

    def _gradient(self, function: Formula, variable: str) -> Array:
        """Return the derivative of a formula with respect to a quantity, by complex steps (`STEP`).

        The derivative of a number has the shape of the variable, and a derivative by a number the shape of the formula.
        For two vectors, it is the Jacobian matrix, or the array of its diagonal if the rest is zero.
        """
        base = np.asarray(self.values[variable])
        columns = []
        for place in np.ndindex(base.shape):
            moved = base.astype(complex)
            moved[place] += 1j * STEP
            self.budget.spend(len(self.quantities.definitions))
            values = self.quantities.complete(self.values, {variable: moved})
            value = self._at(function, {}, values)
            columns.append(np.imag(value) / STEP)
        value_shape = columns[0].shape
        if not value_shape:
            gradient = np.asarray(columns).reshape(base.shape)
            return gradient.T if self._is_turned(variable) else gradient
        if not base.ndim:
            return columns[0]
        if 1 not in value_shape or 1 not in base.shape:
            raise Unread("derivatives of a matrix, or of an array with respect to a matrix, are not supported")
        jacobian = np.stack([column.ravel() for column in columns], axis=1)
        diagonal = np.diag(jacobian)
        if np.array_equal(jacobian, np.diag(diagonal)):
            return diagonal.reshape(value_shape)  # a diagonal Jacobian is written as an array
        return jacobian

    # ── products ─────────────────────────────────────────────────────────────────────────────────────

    def _product(self, formula: Formula) -> Array:
        """Multiply factors from left to right, after those between which a sign binds tighter than the others."""
        signs = []
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
        """Multiply two arrays. Raise `Mismatch` if their shapes do not fit.

        A number scales. ⊙ multiplies element by element, and so does ⊗ for equal shapes; otherwise, ⊗ is the outer
        product. Any other sign is the matrix product if the shapes allow it, or else (but not for @) the element-wise
        product. `self.way` may change this.
        """
        if not first.ndim or not second.ndim:
            return np.asarray(first * second)
        has_one_shape = first.shape == second.shape
        if sign == "⊙" or (sign == "⊗" and has_one_shape):
            if has_one_shape:
                return first * second
        elif sign == "⊗":
            return np.outer(first, second)
        elif sign == "·" and self.way.dotted and has_one_shape and 1 in first.shape:
            return np.asarray((first * second).sum())
        elif first.shape[1] == second.shape[0]:
            return _shaped(first @ second)
        elif has_one_shape and sign != "@":
            return first * second
        product = _loosely(first, second) if self.way.loose else None
        if product is None:
            raise Mismatch(f"{shape(first)} {sign or 'times'} {shape(second)}")
        return product

    def _quotient(self, formula: Formula) -> Array:
        numerator, denominator = self._parts(formula)
        if _shapes_differ(numerator, denominator):
            raise Mismatch(f"{shape(numerator)} / {shape(denominator)}")
        return np.asarray(numerator / denominator)

    def _power(self, formula: Formula) -> Array:
        """Raise a number, or each element of a vector, to a power. Raise `Mismatch` for a matrix, whose power could be
        meant either way."""
        base, exponent = self._parts(formula)
        if exponent.ndim:
            raise Unread("an exponent is an array")
        if base.ndim and 1 not in base.shape:
            raise Mismatch("powers of a matrix are not supported")
        real_exponent = float(exponent.real)
        if real_exponent.is_integer() and abs(real_exponent) < 50:
            return np.asarray(base ** int(real_exponent))
        if not np.iscomplexobj(base):
            exponent = exponent.real
        return np.asarray(base**exponent)

    @property
    def hides_parts(self) -> bool:
        """True if the values do not depend on a part of a formula: a term is too small, or a case was never taken."""
        return any(share < NEGLIGIBLE for share in self.shares.values())

    def _note_share(self, part: Formula, share: float) -> None:
        """Record a part's share of its formula, if this is the largest share on the problems so far."""
        earlier_share = self.shares.get(id(part), 0.0)
        self.shares[id(part)] = max(share, earlier_share)


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
    for left_factor, right_factor in pairs:
        if left_factor.shape[1] == right_factor.shape[0] and 1 in right_factor.shape:
            return _shaped(left_factor @ right_factor)
    return None


def indices_of(formula: Formula) -> list[str]:
    """Return the element indices of a symbol or element: ["i", "j"] for w_ij. Indices in brackets are left out, since
    they number examples, as in y⁽ⁱ⁾."""
    if formula.kind == "element":
        indices = formula.data
    elif formula.kind == "symbol":
        indices = formula.data[1:]
    else:
        return []
    return [index for index in indices if not index.startswith("(")]


def _shapes_differ(a: Array, b: Array) -> bool:
    """Return whether two arrays have different shapes. A number has no shape."""
    return bool(a.ndim and b.ndim and a.shape != b.shape)


def _largest(a: Array) -> float:
    return float(np.abs(a).max())


def _shaped(a: Array) -> Array:
    """Remove the axes of an array with one element; return other arrays unchanged."""
    return a.reshape(()) if a.size == 1 else a


def shape(a: Array) -> str:
    """Return the shape of an array as text: "3×1", or "a number"."""
    if not a.ndim:
        return "a number"
    return "×".join(map(str, a.shape))


def unknown_functions(formula: Formula) -> set[str]:
    """Return the names of the functions in a formula that are not known, without primes."""
    names = {node.data[0].rstrip("'") for node in nodes(formula) if node.kind == "applied"}
    return names - FUNCTIONS.keys() - _FUNCTIONS_OF_TWO.keys()


def has_dots(formula: Formula) -> bool:
    """Return whether a product in the formula is written with a dot."""
    return any("·" in signs for signs in _signs_of_products(formula))


def is_ambiguous(formula: Formula) -> bool:
    """Return whether a product in the formula mixes several signs, so that the grouping may matter."""
    return any(len(set(signs)) > 1 for signs in _signs_of_products(formula))


def _signs_of_products(formula: Formula) -> Iterator[tuple[str, ...]]:
    for node in nodes(formula):
        if node.kind == "product":
            yield node.data[1:]
