"""What the names in a formula stand for: what the student has said, here or in an earlier answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from grader.written.bounds import MAX_NODES, Unread
from grader.written.chains import Chain
from grader.written.rebuild import Bindings, put_in
from grader.written.tree import Formula, Symbol, nodes

EARLIER = "earlier "
"""Before a name: what it stood for in the answers before this one, as in g ← g ⊙ f′(a)."""


def named_last(chain: Chain, known: frozenset[str]) -> Chain:
    """`a = b = \\delta`, which gives what is found a name, as a = δ = b."""
    if len(chain.members) < 3:
        return chain
    *before, found, last = chain.members
    is_new = isinstance(last.formula, Symbol) and last.formula.name not in known and "∂" not in last.formula.name
    return replace(chain, members=(*before, last, found)) if is_new else chain


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
