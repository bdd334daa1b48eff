"""A formula made anew of its parts, and with its names replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from grader.written.bounds import MAX_DEPTH, Unread
from grader.written.tree import (
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
    Sum,
    Symbol,
    Total,
    Transposed,
)

Bindings = Mapping[str, Formula]


def put_in(formula: Formula, bindings: Bindings) -> Formula:
    """The formula with its names replaced by what they stand for. What is put in is shared."""
    return _Putting(bindings).into(formula, 0) if bindings else formula


@dataclass(frozen=True)
class _Putting:
    bindings: Bindings
    seen: dict[int, Formula] = field(default_factory=dict)
    """What is shared is rebuilt once."""

    def into(self, formula: Formula, depth: int) -> Formula:
        if depth > 4 * MAX_DEPTH:
            raise Unread("a formula that is too deep")
        if isinstance(formula, Symbol):
            return self.bindings.get(formula.name, formula)
        if id(formula) not in self.seen:
            self.seen[id(formula)] = rebuilt(formula, lambda part: self.into(part, depth + 1))
        return self.seen[id(formula)]


def rebuilt(formula: Formula, each: Callable[[Formula], Formula]) -> Formula:
    """The same, of parts that `each` makes anew."""
    match formula:
        case Number() | Symbol():
            return formula
        case Sum(terms):
            return Sum(tuple((sign, each(term)) for sign, term in terms))
        case Product(first, rest):
            return Product(each(first), tuple((sign, each(factor)) for sign, factor in rest))
        case Quotient(over, under):
            return Quotient(each(over), each(under))
        case Labelled(of, label):
            return Labelled(each(of), each(label))
        case Power(base, exponent):
            return Power(each(base), exponent)
        case Transposed(of) | Total(of, _) | Norm(of, _):
            return replace(formula, of=each(of))
        case Applied(function, to):
            return Applied(function, each(to))
        case Cases(rows):
            return Cases(tuple((each(row), _condition(condition, each)) for row, condition in rows))


def _condition(condition: Condition | None, each: Callable[[Formula], Formula]) -> Condition | None:
    return condition and replace(condition, left=each(condition.left), right=each(condition.right))
