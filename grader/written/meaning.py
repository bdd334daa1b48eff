"""What the names in a formula stand for: what the student has said, here or in an earlier answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from grader.written.bounds import MAX_DEPTH, MAX_NODES, Unread
from grader.written.chains import Chain
from grader.written.tree import (
    Applied,
    Cases,
    Condition,
    Formula,
    Norm,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
    Symbol,
    Transposed,
    nodes,
)

EARLIER = "earlier "
"""Before a name: what it stood for in the answers before this one, as in g ← g ⊙ f′(a)."""

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
        case Power(base, exponent):
            return Power(each(base), exponent)
        case Transposed(of):
            return Transposed(each(of))
        case Norm(of, order):
            return Norm(each(of), order)
        case Applied(function, to):
            return Applied(function, each(to))
        case Cases(rows):
            return Cases(tuple((each(row), _condition(condition, each)) for row, condition in rows))


def _condition(condition: Condition | None, each: Callable[[Formula], Formula]) -> Condition | None:
    return condition and replace(condition, left=each(condition.left), right=each(condition.right))


def said_in(chains: Sequence[Chain], known: frozenset[str]) -> tuple[list[Bindings], Bindings]:
    """For each chain what holds before it, and what holds in the end. `known`: names that keep the handout's meaning.

    A name that is used before it is defined has its first definition: "… where g = …".
    """
    before: list[Bindings] = []
    now: dict[str, Formula] = {}
    first: dict[str, Formula] = {}
    for chain in chains:
        before.append(dict(now))
        for name, formula in _defined(chain, known):
            before_it = now if name in now else {**now, name: Symbol(f"{EARLIER}{name}")}
            now[name] = settled(put_in(formula, before_it), name)
            first.setdefault(name, now[name])
    return [{**first, **bindings} for bindings in before], now


def settled(formula: Formula, name: str) -> Formula:
    """As large as it may be: definitions that double each time would fill the memory."""
    if sum(1 for _ in islice(nodes(formula), MAX_NODES + 1)) > MAX_NODES:
        raise Unread(f"{name}, which grows too long with everything put in")
    return formula


def _defined(chain: Chain, known: frozenset[str]) -> list[tuple[str, Formula]]:
    """Every name of a chain stands for the chain's last formula."""
    last = chain.members[-1].formula if chain.members else None
    if chain.doubt or last is None or len(chain.members) < 2:
        return []
    left = [m.formula.name for m in chain.members[:-1] if isinstance(m.formula, Symbol)]
    own = last.name if isinstance(last, Symbol) else ""
    return [(name, last) for name in left if name not in known and name != own]
