"""∂J/∂a · ∂a/∂W is ∂J/∂W: derivatives by name, multiplied as the chain rule has it."""

from __future__ import annotations

from collections.abc import Collection

from grader.written.rebuild import rebuilt
from grader.written.tree import Formula, Product, Sign, Symbol, Transposed


def contracted(formula: Formula, known: Collection[str]) -> Formula:
    """With derivatives that stand side by side, and that the chain rule joins, as the one that they come to. How they
    are laid out is left open on paper, so signs and transposes between them say nothing. `known`: derivatives that
    there are; what joins to none of them stays as it is."""
    if isinstance(formula, Product):
        return _product(formula, known)
    return rebuilt(formula, lambda part: contracted(part, known))


def _product(product: Product, known: Collection[str]) -> Formula:
    factors: list[tuple[Sign, Formula]] = [("", contracted(product.first, known))]
    for sign, factor in product.rest:
        last = factors[-1]
        factor = contracted(factor, known)
        if joined := _joined(last[1], factor, known):
            factors[-1] = (last[0], Symbol(joined))
        else:
            factors.append((sign, factor))
    first, *rest = factors
    return Product(first[1], tuple(rest)) if rest else first[1]


def _joined(one: Formula, other: Formula, known: Collection[str]) -> str:
    """In either order: (∂a/∂h)ᵀ ∂J/∂a is ∂J/∂h as well."""
    for left, right in ((_name(one), _name(other)), (_name(other), _name(one))):
        of, _, middle = left.partition("/")
        through, _, by = right.partition("/")
        if middle and middle == through and {left, right, f"{of}/{by}"} <= set(known):
            return f"{of}/{by}"
    return ""


def _name(factor: Formula) -> str:
    match factor:
        case Symbol(name) | Transposed(Symbol(name)):
            return name if name.startswith("∂") else ""
        case _:
            return ""
