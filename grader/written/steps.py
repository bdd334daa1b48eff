"""Whether the equalities of an answer are true on all problems."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from itertools import product as every
from math import prod

import numpy as np

from grader.written.bounds import Unread
from grader.written.chain_rule import contracted
from grader.written.chains import Chain
from grader.written.evaluate import Array, Mismatch, same, value
from grader.written.general import at_each_layer, layers_meant, of_each_element
from grader.written.hypotheses import Case
from grader.written.meaning import EARLIER
from grader.written.plain import must_be_plain
from grader.written.question import Question, World
from grader.written.rebuild import put_in
from grader.written.signs import words
from grader.written.subject import Subject
from grader.written.tree import Applied, Formula, Product, Symbol, names
from grader.written.words import factor_between

_DISAGREE = "its steps do not agree with each other"
_ARGUMENTS = words("z a s t u v")
"""Letters for the argument of a function in general."""
MAX_MEANINGS = 64
"""Of all names of one equality together."""
_NEW = "new "
"""Before a name such as g on the left: what it stands for from there on, where the right side has the old."""


def must_be_true(subject: Subject, weighed: Collection[int]) -> None:
    """Raises `Unread` for one that is not, and for one of `weighed` (numbers of chains) that cannot be worked out."""
    chains = {n: c for n, c in enumerate(subject.reading.chains) if len(c.members) > 1 or n == subject.number}
    firsts = {_sources(c): n for n, c in reversed(chains.items())}  # what is written twice is worked out once
    chains = {n: c for n, c in chains.items() if n in (subject.number, firsts[_sources(c)])}
    others = {asked.name for asked in subject.question.asked} - {subject.asked.name}
    equalities = {n: _equality(c, n, subject) for n, c in chains.items() if n in weighed or not c.doubt}
    for formula in (f for n in weighed for f in equalities.get(n, ())):
        must_be_plain(formula, subject.question.worlds)
    layouts = (subject.question.worlds, *subject.question.conventions.values())
    layers = layers_meant(subject.reading.chains, subject.question.notation)
    doubts = list(_doubts_up_to_none(equalities, weighed, layers, subject.question, layouts))
    if all(doubts):
        of_another = [c for n, c in chains.items() if n in equalities and _says_of(c, others)]
        alone = {n: e for n, e in equalities.items() if chains[n] not in of_another}
        is_another = not all(_doubts_up_to_none(alone, weighed, layers, subject.question, layouts))
        raise Unread("the other gradient in it is not right" if of_another and is_another else doubts[0])
    for number, chain in chains.items():
        if number != subject.number and _is_another_value(chain, number, subject):
            raise Unread(f"{chain.members[0].source[:30]}, which may be another answer")
    for case in subject.cases:
        for chain in (c for c in case.chains if len(c.members) > 1):
            if _is_false_then(_equality(chain, subject.number, subject), case, subject.question.worlds):
                raise Unread(f"what is said of a case, {chain.members[0].source[:30]}")


def _sources(chain: Chain) -> tuple[str, ...]:
    return tuple(member.source for member in chain.members)


def _doubts_up_to_none(
    equalities: Mapping[int, Sequence[Formula]],
    weighed: Collection[int],
    layers: Sequence[int],
    question: Question,
    layouts: Sequence[Sequence[World]],
) -> Iterator[str]:
    """The first doubt of each layout; "" for the one without, which is the last that is looked at."""
    for worlds in layouts:
        doubt = _first_doubt(equalities, weighed, layers, question, worlds)
        yield doubt
        if not doubt:
            return


def _says_of(chain: Chain, named: Collection[str]) -> bool:
    first = chain.members[0].formula if len(chain.members) > 1 else None
    return isinstance(first, Symbol) and first.name in named


def _is_another_value(chain: Chain, number: int, subject: Subject) -> bool:
    """Of a name that we know nothing of: a multiple of what is asked for; in a program, anything that is no step."""
    first, last, worlds = chain.members[0].formula, chain.members[-1].formula, subject.question.worlds
    known = worlds[0].values.keys() | worlds[0].truths.keys() | subject.question.meanings.keys() | subject.asked.also
    if not isinstance(first, Symbol) or first.name in known or last is None:
        return False
    made = subject.put(last, number)
    try:
        found = [value(made, {**w.truths, **w.values}) for w in worlds]
    except (Mismatch, Unread):
        return False
    wanted = [w.truths[subject.asked.name] for w in worlds]
    if any(a.shape != b.shape for a, b in zip(found, wanted, strict=True)):
        return False
    if subject.reading.source.pieces[chain.piece].kind == "program":
        everything = worlds[0].truths.keys() | worlds[0].values.keys()
        return not any(_are_alike(found, [{**w.truths, **w.values}[name] for w in worlds]) for name in everything)
    return not _are_alike(found, wanted) and factor_between(found, wanted) != ""


def _are_alike(found: Sequence[Array], wanted: Sequence[Array]) -> bool:
    return all(_alike(a, b) for a, b in zip(found, wanted, strict=True))


def _equality(chain: Chain, number: int, subject: Subject) -> Sequence[Formula]:
    """With the names that the student has defined put in. The left side of an assignment, such as g ← … or θ ← …, is
    the new value, and not equal to the old."""
    members = [subject.put(m.formula, number) for m in chain.members if m.formula]
    first = chain.members[0].formula if chain.members else None
    if len(members) < 2 or not isinstance(first, Symbol):
        return members
    if first.name in subject.question.usual:
        members[0] = first  # it is defined here, as what it usually is
    if first.name in subject.question.meanings:
        is_told = any(isinstance(member, Symbol) and member.name.startswith("∂") for member in members[1:-1])
        return members[1:] if is_told else [Symbol(f"{_NEW}{first.name}"), *members[1:]]
    if first.name in subject.asked.also:
        is_a_step = len(names(members[-1])) > 1
        return [Symbol(subject.asked.name), *members[1:]] if is_a_step else members[1:]
    return members


def _first_doubt(
    equalities: Mapping[int, Sequence[Formula]],
    weighed: Collection[int],
    layers: Sequence[int],
    question: Question,
    worlds: Sequence[World],
) -> str:
    for number, members in equalities.items():
        for each in at_each_layer(members, layers, question.notation):
            doubt = _doubt(each, question, worlds)
            if doubt and (number in weighed or doubt == _DISAGREE):
                return doubt
    return ""


def _doubt(members: Sequence[Formula], question: Question, worlds: Sequence[World]) -> str:
    """ "" where the equality is true for one of the things that g may stand for."""
    derivatives = worlds[0].truths.keys()
    doubt = ""
    for meant in _meanings(members, {**question.usual, **question.meanings}):
        doubt = _untrue([contracted(put_in(member, meant), derivatives) for member in members], worlds)
        if not doubt:
            break
    return doubt


def _meanings(members: Sequence[Formula], meanings: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Formula]]:
    used = {n: n.removeprefix(_NEW).removeprefix(EARLIER) for m in members for n in names(m)}
    changing = sorted(name for name, bare in used.items() if bare in meanings)
    if prod(len(meanings[used[name]]) for name in changing) > MAX_MEANINGS:
        raise Unread("names that may mean too many things")
    for each in every(*(meanings[used[name]] for name in changing)):
        yield {name: Symbol(meant) for name, meant in zip(changing, each, strict=True)}


def _untrue(members: Sequence[Formula], worlds: Sequence[World]) -> str:
    first = members[0] if members else None
    known = worlds[0].values.keys() | worlds[0].truths.keys()
    if isinstance(first, Symbol) and first.name not in known and not first.name.startswith("∂"):
        members = members[1:]
    try:
        for n, world in enumerate(worlds):
            argument = {letter: np.asarray(n / 3 - 3) for letter in _arguments(members, world)}
            for values in of_each_element(members, {**world.truths, **world.values, **argument}):
                found = list(_values(members, values))
                if not all(_alike(one, other) for one, other in pairwise(found)):
                    return _DISAGREE
    except Mismatch:
        return _DISAGREE
    except Unread as unread:
        return unread.what
    return ""


def _is_false_then(members: Sequence[Formula], case: Case, worlds: Sequence[World]) -> bool:
    """Where the case holds; what cannot be read, or has another shape, may be."""
    try:
        for world in worlds:
            for values in of_each_element([case.left, *members], {**world.truths, **world.values}):
                where = case.holds(values)
                found = [np.broadcast_to(value(member, values), where.shape) for member in members]
                if not all(np.allclose(one[where], other[where]) for one, other in pairwise(found)):
                    return True
    except (Mismatch, Unread, ValueError):
        pass
    return False


def _values(members: Sequence[Formula], values: Mapping[str, Array]) -> Iterator[Array]:
    """Of all members; of those between the first and the last without what cannot be read."""
    for n, member in enumerate(members):
        try:
            yield value(member, values)
        except Unread:
            unknown = names(member) - values.keys()
            if n in (0, len(members) - 1) or any(not name.startswith("∂(") for name in unknown):
                raise


def _arguments(members: Sequence[Formula], world: World) -> set[str]:
    """The z of f′(z) = f(z)(1 − f(z)), which is any number."""
    if not members or not isinstance(members[0], Applied | Product):
        return set()
    unknown = {name for member in members for name in names(member)} - world.values.keys() - world.truths.keys()
    return unknown if len(unknown) == 1 and unknown <= _ARGUMENTS else set()


def _alike(one: Array, other: Array) -> bool:
    """Derivatives are laid out as everybody likes: as rows or columns, slopes also as a diagonal."""
    return any(same(a, b) for a in (one, one.T, _spread(one)) for b in (other, _spread(other)))


def _spread(a: Array) -> Array:
    return np.diag(a.ravel()) if a.ndim and 1 in a.shape else a
