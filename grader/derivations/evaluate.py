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
from grader.derivations.formulas import Formula, nodes
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
    if a.ndim and 1 in a.shape:
        return np.asarray(np.diag(a.ravel()))
    return a if not a.ndim else np.asarray(np.diag(a))[:, None]


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
    "softplus": lambda a: np.asarray(np.log(1 + np.exp(a))),
    "sin": np.sin,
    "cos": np.cos,
    "diag": _diagonal,
    "sum": lambda a: np.asarray(a.sum()),
}
_PAIRS = frozenset({"max", "min"})
"""Functions of two arguments."""
_COMPARED: Mapping[str, Callable[[Any, Any], Any]] = {
    ">": np.greater, "<": np.less, ">=": np.greater_equal, "<=": np.less_equal, "=": np.equal, "!=": np.not_equal,
}  # fmt: skip


def same(one: Array, other: Array, rtol: float = RTOL) -> bool:
    """Return whether two arrays are equal up to rounding."""
    if one.shape != other.shape or not (np.isfinite(one).all() and np.isfinite(other).all()):
        return False
    size = max(float(np.linalg.norm(np.atleast_1d(one))), float(np.linalg.norm(np.atleast_1d(other))))
    return bool(np.linalg.norm(np.atleast_1d(one - other)) <= rtol * max(size, 1e-3))


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
        found: dict[str, int] = {}
        self._find_free(formula, frozenset(self.indices) - {summed}, found)
        return found

    def _find_free(self, formula: Formula, bound: frozenset[str], found: dict[str, int]) -> None:
        if formula.kind in ("symbol", "element"):
            for index, size in self._ranges(formula):
                if index.isdigit() or index in bound:
                    continue
                if found.setdefault(index, size) != size:
                    raise Mismatch(f"the index {index} is used for axes of different lengths")
        if formula.kind in ("total", "spread"):
            bound = bound | {formula.data[0]}
        for part in formula.parts:
            self._find_free(part, bound, found)

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
        at = replace(self, indices={**self.indices, **indices}, values=values or self.values, cache={})
        return at._of(formula)

    # ── nodes ────────────────────────────────────────────────────────────────────────────────────────

    def _of(self, formula: Formula) -> Array:
        self.budget.spend(1)
        key = id(formula)
        if key not in self.cache:
            self.cache[key] = _shaped(self._one(formula))
        return self.cache[key]

    def _one(self, formula: Formula) -> Array:
        if formula.kind == "ones":
            raise Unread("a row of ones has no factor after it")
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
            signed = term if sign == "+" else -term
            if total.ndim and term.ndim and total.shape != term.shape:
                if not self.way.loose or total.shape != term.T.shape:
                    raise Mismatch(f"{shape(total)} {sign} {shape(term)}")
                signed = signed.T
            total = np.asarray(total + signed)
        whole = float(np.abs(total).max()) if total.size else 0.0
        for part, term in zip(formula.parts, terms, strict=True):
            share = float(np.abs(term).max() / whole) if whole and term.size else 1.0
            self.negligible[id(part)] = max(share, self.negligible.get(id(part), 0.0))
        return total

    def _apply(self, formula: Formula) -> Array:
        function, arguments = formula.data[0], self._parts(formula)
        if function in _PAIRS and len(arguments) == 2:
            one, other = arguments if function == "max" else arguments[::-1]
            return np.asarray(np.where(_real(arguments[0]) >= _real(arguments[1]), one, other))
        plain = function.rstrip("'")
        primes = len(function) - len(plain)
        if function == "sum" and formula.data[1:] and len(arguments) == 1:
            return self._sum_along(arguments[0], int(formula.data[1]))
        if plain not in FUNCTIONS:
            raise Unread(f"the function “{plain}” is not known")
        if len(arguments) != 1 or primes > 1:
            raise Unread(f"{function} cannot be applied to {len(arguments)} arguments")
        if not primes:
            return np.asarray(FUNCTIONS[plain](arguments[0]))
        if np.iscomplexobj(arguments[0]):
            raise Unread("second derivatives are not supported")
        return np.asarray(FUNCTIONS[plain](arguments[0] + 1j * STEP)).imag / STEP

    def _sum_along(self, array: Array, axis: int) -> Array:
        """Sum an array along an axis. An axis of length 1 is read as that of examples: a problem has only one."""
        if array.ndim and not -2 <= axis <= 1:
            raise Unread("an array has no such axis")
        if not array.ndim or array.shape[axis] == 1:
            self.examples.append("")
            return array
        return np.asarray(array.sum(axis=axis, keepdims=True))

    def _cases(self, formula: Formula) -> Array:
        pairs = list(zip(formula.parts[::2], formula.parts[1::2], strict=True))
        found = [(self._of(made), self._holds(when)) for made, when in pairs]
        shapes = {a.shape for pair in found for a in pair if a.ndim}
        if len(shapes) > 1:
            raise Mismatch("the cases have different shapes")
        total: Array = np.full(shapes.pop() if shapes else (), np.nan)
        taken = np.zeros(total.shape, dtype=bool)
        for (made, holds), (node, _) in zip(found, pairs, strict=True):
            now = np.broadcast_to(np.asarray(holds), total.shape) & ~taken
            (self.used if now.any() else self.unused).add(id(node))
            total = np.where(now, made, total)
            taken = taken | now
        return np.asarray(total)

    def _holds(self, condition: Formula) -> Array:
        if condition.kind == "otherwise":
            return np.asarray(True)
        left, right = (_real(self._of(part)) for part in condition.parts)
        if condition.data[0] not in _COMPARED or (left.ndim and right.ndim and left.shape != right.shape):
            raise Unread("the sides of a condition cannot be compared")
        return np.asarray(_COMPARED[condition.data[0]](left, right))

    def _total(self, formula: Formula) -> Array:
        index, of = formula.data[0], formula.parts[0]
        ranges = self.free(of, index)
        if not index and len(ranges) == 1:
            index = next(iter(ranges))
        if index in ranges:
            return np.asarray(sum((self._at(of, {index: n}) for n in range(ranges[index])), np.asarray(0.0)))
        counts = [self._of(limit) for limit in formula.parts[1:]]
        if not counts and not self.averages:
            raise Unread("the index of a sum is missing in its terms")
        self.examples.append(index)  # a sum over examples, which are equal
        return self._times(counts[0] if counts else self._look_up(self.quantities.examples), "", self._of(of))

    def _spread(self, formula: Formula) -> Array:
        index, direction = formula.data
        ranges = self.free(formula.parts[0], index)
        if not ranges and index != "•":
            return self._of(formula.parts[0])  # the index runs over outputs, and there is only one output
        if list(ranges) != [index]:
            raise Unread("the pattern of a vector with dots is unclear")
        column = self._elements(formula.parts[0], ranges)
        return column if direction == "column" else column.T

    def _block(self, formula: Formula) -> Array:
        cells = self._parts(formula)
        if any(cell.ndim for cell in cells):
            raise Unread("matrices of arrays are not supported")
        return np.asarray(cells).reshape(-1, int(formula.data[0]))

    # ── derivatives ──────────────────────────────────────────────────────────────────────────────────

    def _derivative(self, formula: Formula) -> Array:
        """Compute a total derivative: the quantities that depend on the variable change with it."""
        of, by = formula.parts
        values = self.values
        if by.name not in values:
            raise Unread(f"the variable {by.name} of a derivative is not defined")
        if any(np.iscomplexobj(value) for value in values.values()):
            raise Unread("second derivatives are not supported")
        whole = self._gradient(of, by.name)
        return self._picked(whole, by)

    def _gradient(self, of: Formula, by: str) -> Array:
        base = np.asarray(self.values[by])
        columns: list[Array] = []
        for place in np.ndindex(base.shape):
            moved = base.astype(complex)
            moved[place] += 1j * STEP
            self.budget.spend(len(self.quantities.definitions))
            values = self.quantities.complete(self.values, {by: moved})
            columns.append(np.asarray(np.imag(self._at(of, {}, values)) / STEP))
        first = columns[0]
        if not first.ndim:
            whole = np.asarray(columns).reshape(base.shape)
            return whole.T if self._is_turned(by) else whole
        if not base.ndim:
            return first
        if 1 not in first.shape or 1 not in base.shape:
            raise Unread("derivatives of a matrix, or of an array with respect to a matrix, are not supported")
        jacobian = np.stack([column.ravel() for column in columns], axis=1)
        if jacobian.shape[0] == jacobian.shape[1] and not (jacobian - np.diag(np.diag(jacobian))).any():
            return np.diag(jacobian).reshape(first.shape)  # a diagonal Jacobian is written as an array
        return jacobian

    # ── products ─────────────────────────────────────────────────────────────────────────────────────

    def _product(self, formula: Formula) -> Array:
        groups: list[tuple[str, Array]] = []
        for sign, factor in self._factors(formula):
            if groups and sign in self.way.tighter:
                before, made = groups[-1]
                groups[-1] = (before, self._times(made, sign, factor))
            else:
                groups.append((sign, factor))
        total = groups[0][1]
        for sign, factor in groups[1:]:
            total = self._times(total, sign, factor)
        return total

    def _factors(self, formula: Formula) -> Iterator[tuple[str, Array]]:
        """Yield (sign, value) of each factor of a product. A row of ones and the next factor count as one factor."""
        summed, before = False, ""
        for sign, part in zip(formula.data, formula.parts, strict=True):
            before = before if summed else sign
            if part.kind == "ones" and part is not formula.parts[-1]:
                summed = True
                continue
            value = self._of(part)
            yield before, _shaped(value.sum(axis=0, keepdims=True)) if summed and value.ndim else value
            summed = summed and not value.ndim  # a number between them changes nothing

    def _times(self, one: Array, sign: str, other: Array) -> Array:
        if not one.ndim or not other.ndim:
            return np.asarray(one * other)
        if sign == "⊙":
            if one.shape == other.shape:
                return np.asarray(one * other)
        elif sign == "⊗":
            if (one.shape[1] == 1 and 1 in other.shape and one.shape != other.shape) or one.size != other.size:
                return np.asarray(one.reshape(-1, 1) @ other.reshape(1, -1))
        elif sign == "·" and self.way.dotted and one.shape == other.shape and 1 in one.shape:
            return np.asarray((one * other).sum())
        elif one.shape[1] == other.shape[0]:
            return _shaped(np.asarray(one @ other))
        elif one.shape == other.shape and sign != "@":
            return np.asarray(one * other)
        loose = _loosely(one, other) if self.way.loose else None
        if loose is not None:
            return loose
        raise Mismatch(f"{shape(one)} {sign or 'times'} {shape(other)}")

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
    "number": lambda at, formula: np.asarray(float(formula.data[0])),
    "symbol": lambda at, formula: at._picked(at._look_up(formula.name), formula),
    "sum": Evaluation._sum,
    "product": Evaluation._product,
    "quotient": Evaluation._quotient,
    "power": Evaluation._power,
    "transposed": lambda at, formula: at._of(formula.parts[0]).T,
    "applied": Evaluation._apply,
    "norm": Evaluation._norm,
    "block": Evaluation._block,
    "element": lambda at, formula: at._picked(at._of(formula.parts[0]), formula),
    "cases": Evaluation._cases,
    "total": Evaluation._total,
    "derivative": Evaluation._derivative,
    "spread": Evaluation._spread,
}


def _loosely(one: Array, other: Array) -> Array | None:
    """Return the product of two arrays, transposed, reshaped or swapped if needed; None if no way fits."""
    if one.size == other.size and 1 in one.shape and 1 in other.shape:
        return np.asarray(one * other.reshape(one.shape))
    for a, b in ((one, other.T), (one.T, other), (one.T, other.T), (other, one), (other.T, one)):
        if a.shape[1] == b.shape[0] and 1 in b.shape:
            return _shaped(np.asarray(a @ b))
    return None


def _indices(formula: Formula) -> list[str]:
    """Return the element indices of a symbol or element: ["i", "j"] for w_ij. Indices in brackets are left out, since
    they number examples, as in y⁽ⁱ⁾."""
    indices = formula.data if formula.kind == "element" else formula.data[1:]
    return [index for index in indices if not index.startswith("(")]


def _shaped(made: Array) -> Array:
    """Remove the axes of an array with one element; return other arrays unchanged."""
    return made.reshape(()) if made.size == 1 else made


def shape(a: Array) -> str:
    """Return the shape of an array as text: "3×1", or "a number"."""
    return "×".join(map(str, a.shape)) if a.ndim else "a number"


def unknown_functions(formula: Formula) -> set[str]:
    """Return the names of the functions in a formula that are not known, without primes."""
    return {node.data[0].rstrip("'") for node in nodes(formula) if node.kind == "applied"} - FUNCTIONS.keys() - _PAIRS


def has_dots(formula: Formula) -> bool:
    """Return whether a product in the formula is written with a dot."""
    return any(node.kind == "product" and "·" in node.data[1:] for node in nodes(formula))


def is_ambiguous(formula: Formula) -> bool:
    """Return whether a product in the formula mixes several signs, so that the grouping may matter."""
    return any(node.kind == "product" and len(set(node.data[1:])) > 1 for node in nodes(formula))
