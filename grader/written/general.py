"""Equalities that say several things at once: of every layer k, or of every element j of a vector."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from grader.written.bounds import Unread
from grader.written.chains import Chain, Member
from grader.written.evaluate import Array, Mismatch
from grader.written.notation import Notation
from grader.written.question import World
from grader.written.rebuild import put_in
from grader.written.tree import Formula, Norm, Number, Symbol, Total, Transposed, names, nodes

_LAYER = re.compile(r"(?<![^\W\d_∂])([^\W\d_∂])([kl])(-1)?(?=$|/|ᵀ)")
_ELEMENT = re.compile(r"_([a-z])(?=$|/)")


def whole(name: str) -> str:
    """∂J/∂W2 of ∂J/∂W2_j."""
    return _ELEMENT.sub("", name)


def is_of_a_layer_in_general(name: str) -> bool:
    """`∇_{h^{(k-1)}} J`"""
    return _LAYER.search(name) is not None


def layers_meant(chains: Sequence[Chain], notation: Notation) -> tuple[int, ...]:
    """Those that "with k = 2" speaks of, or all."""
    said = {
        chain.members[1].formula.value
        for chain in chains
        if [type(m.formula) for m in chain.members] == [Symbol, Number]
        if isinstance(chain.members[0].formula, Symbol) and isinstance(chain.members[1].formula, Number)
        if chain.members[0].formula.name in ("k", "l", "ℓ")
    }
    return tuple(layer for layer in notation.layers if layer in said) or notation.layers


def at_each_layer(members: Sequence[Formula], layers: Sequence[int], notation: Notation) -> Iterator[list[Formula]]:
    """`∇_{b^{(k)}} J = g` once for each layer; what is of no layer in general, once."""
    general = sorted({name for m in members for name in names(m) if _LAYER.search(name)})
    for layer in layers if general and layers else (0,):
        here = {name: Symbol(_at(name, layer, notation)) for name in general if layer}
        yield [put_in(member, here) for member in members]


def _at(name: str, layer: int, notation: Notation) -> str:
    return _LAYER.sub(lambda m: notation.name(m[1], str(layer - 1 if m[3] else layer)), name)


def as_vectors(chains: Sequence[Chain], worlds: Sequence[World]) -> tuple[Chain, ...]:
    """`θ_i = θ_i - η g_i` as θ = θ − η g, where all vectors lie the same way, so that nothing is said but of the
    elements."""
    world = worlds[0]
    if len({a.shape for a in (*world.values.values(), *world.truths.values()) if a.ndim}) != 1:
        return tuple(chains)
    return tuple(_as_vectors(chain, world) for chain in chains)


def _as_vectors(chain: Chain, world: World) -> Chain:
    formulas = [m.formula for m in chain.members if m.formula is not None]
    used = {name for formula in formulas for name in names(formula)}
    elements: dict[str, Formula] = {n: Symbol(_ELEMENT.sub("", n)) for n in used if _ELEMENT.search(n)}
    letters = {letter for name in elements for letter in _ELEMENT.findall(name)}
    rest = [world.values.get(name) for name in used - elements.keys()]
    is_of_elements = len(letters) == 1 and all(a is not None and not a.ndim for a in rest)
    if not is_of_elements or any(isinstance(node, Norm | Transposed | Total) for f in formulas for node in nodes(f)):
        return chain
    return replace(chain, members=tuple(_put(member, elements) for member in chain.members))


def _put(member: Member, elements: Mapping[str, Formula]) -> Member:
    return replace(member, formula=member.formula and put_in(member.formula, elements))


def of_each_element(members: Sequence[Formula], values: Mapping[str, Array]) -> Iterator[Mapping[str, Array]]:
    """The values, with those of `h1_j` for each j where such a name is used. Raises `Unread` for an element of no
    vector, and for two indices."""
    found = sorted({name for m in members for name in names(m) if _ELEMENT.search(name)})
    if not found:
        yield values
        return
    vectors = {name: _vector(name, values) for name in found}
    sizes = {vector.size for vector in vectors.values() if vector.ndim} or {1}
    if len({letter for name in found for letter in _ELEMENT.findall(name)}) > 1:
        raise Unread(f"elements of {', '.join(found)}")
    if len(sizes) > 1:
        raise Mismatch("elements of vectors of several sizes")
    for place in range(sizes.pop()):
        yield {**values, **{name: v[place] if v.ndim else v for name, v in vectors.items()}}


def _vector(name: str, values: Mapping[str, Array]) -> Array:
    """Of `∂h1_j/∂a1_j` too, where each element depends on its own one alone."""
    bare = whole(name)
    vector = values.get(bare)
    if vector is not None and not vector.ndim:
        if len(_ELEMENT.findall(name)) == 2:  # ∂a_j/∂b_j is 1
            return vector
        raise Mismatch("an element of a number")
    if vector is None or 1 not in vector.shape:
        raise Unread(f"{name}, an element of no vector")
    of, _, by = bare.partition("/")
    if by and len(_ELEMENT.findall(name)) != 1 + (
        of.removeprefix("∂") in values and values[of.removeprefix("∂")].ndim > 0
    ):
        raise Unread(f"{name}, an element by a vector")
    return vector.ravel()
