"""The derivative of a loss with a penalty, worked out: of ℒ(θ) + λ‖θ‖² it is ∂ℒ/∂θ + 2λθ."""

from __future__ import annotations

import re

from grader.written.bounds import Unfinished
from grader.written.evaluate import DERIVED
from grader.written.notation import Notation
from grader.written.tree import (
    SUMMED,
    Applied,
    Formula,
    Norm,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
    Symbol,
    Total,
    Transposed,
    names,
)

_ELEMENT = re.compile("_[a-z]$")


def derivative(of: Formula, by: str, notation: Notation) -> Formula:
    """Marked as one: it is a step that can be looked at, and no answer to a question for a derivative."""
    inside = names(of)
    element = next(iter(inside)) if len(inside) == 1 else ""
    return Applied(DERIVED, _derivative(of, element if _ELEMENT.sub("", element) == by else by, notation))


def _derivative(of: Formula, by: str, notation: Notation) -> Formula:
    match of:
        case Sum(terms):
            return Sum(tuple((sign, _derivative(term, by, notation)) for sign, term in terms))
        case Product(Transposed(Symbol(left)), ((_, Symbol(right)),)) if left == right == by:
            return _twice(by)
        case Product():
            return _product(of, by, notation)
        case Quotient(over, under) if not names(under) & {by, notation.loss}:
            return Quotient(_derivative(over, by, notation), under)
        case Symbol(name) if name == notation.loss:
            return Symbol(notation.derivative(name, by))
        case Power(Norm(Symbol(name), 2), 2.0) if name == by:
            return _twice(by)
        case Total(Power(Symbol(name), 2.0)) if name == _summed(by):
            return _twice(by)
        case Total(Applied("abs", Symbol(name))) if name == _summed(by):
            return Applied("sign", Symbol(by))
        case Norm(Symbol(name), 1) | Applied("abs", Symbol(name)) if name == by:
            return Applied("sign", Symbol(by))
        case _:
            return _by_an_element(of, by)


def _by_an_element(of: Formula, by: str) -> Formula:
    """‖θ‖₁ and ‖θ‖² depend on θᵢ as |θᵢ| and θᵢ² do."""
    whole = _ELEMENT.sub("", by)
    match of:
        case Power(Symbol(name), 2.0) if whole != name == by:
            return _twice(by)
        case Power(Norm(Symbol(name), 2), 2.0) if by != name == whole:
            return _twice(by)
        case Norm(Symbol(name), 1) if by != name == whole:
            return Applied("sign", Symbol(by))
        case _:
            raise Unfinished("a derivative that is not worked out")


def _summed(by: str) -> str:
    return f"{_ELEMENT.sub('', by)}{SUMMED}"


def _twice(name: str) -> Formula:
    return Product(Number(2.0), (("", Symbol(name)),))


def _product(of: Product, by: str, notation: Notation) -> Formula:
    """Constants first: λ ‖θ‖², ½ λ θᵀθ."""
    if names(of.first) & {by, notation.loss}:
        raise Unfinished("a derivative of a product")
    (sign, factor), *more = of.rest
    rest = Product(factor, tuple(more)) if more else factor
    return Product(of.first, ((sign, _derivative(rest, by, notation)),))
