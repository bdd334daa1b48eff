"""Which of an answer's formulas is the answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from grader.written.alarms import takes_back
from grader.written.bounds import Unread
from grader.written.chains import Chain, Member, Reading
from grader.written.question import Asked
from grader.written.sentences import sentences
from grader.written.shapes import without_shapes
from grader.written.tree import Formula, Number, Symbol


@dataclass(frozen=True)
class Choice:
    formula: Formula
    source: str
    chain: int
    """Its number in the reading."""
    before: tuple[int, ...]
    """The numbers of the chains before it that say what it is of too."""
    others: tuple[Formula, ...]
    """What else is said to be equal to what is asked for."""
    alone: bool
    """Nothing says what it is: then the others, which stand alone too, must be the same."""


def choice(reading: Reading, asked: Asked, *, single: bool) -> Choice:
    """The last of what may be the answer. Raises `Unread` where nothing, or more than one thing, may. `single`: nothing
    else is asked for."""
    if reading.source.struck:
        raise Unread("something is crossed out")
    named = _named(reading, asked.name)
    formulas = [(n, member) for n, member in named if not _is(member, tuple(asked.also))]
    for found in (formulas, _stood_for(reading, asked), named, _only(reading) if single else []):
        if found:
            return _last(reading, found)
    raise Unread("no formula that says, for every case, that it is what is asked for")


Found = list[tuple[int, Member]]
"""Numbers of chains, and in each the member that says what is asked for."""


def _named(reading: Reading, *wanted: str) -> Found:
    """The last member of every chain in which the name stands; of "formula = name" the formula."""
    found: Found = []
    for number, chain in enumerate(reading.chains):
        if len(chain.members) > 1 and any(_is(member, wanted) for member in chain.members):
            others = [m for m in chain.members if not _is(m, wanted)]
            if others:
                found.append((number, chain.members[-1] if not _is(chain.members[-1], wanted) else others[-1]))
    return found


def _stood_for(reading: Reading, asked: Asked) -> Found:
    """Chains that begin with a name such as g, unless they say that they are about another gradient."""
    wanted = tuple(asked.also)
    return [
        (number, chain.members[-1])
        for number, chain in enumerate(reading.chains)
        if len(chain.members) > 1
        and _is(chain.members[0], wanted)
        and not any(isinstance(m.formula, Symbol) and m.formula.name.startswith("∂") for m in chain.members)
    ]


def _is(member: Member, wanted: tuple[str, ...]) -> bool:
    return isinstance(member.formula, Symbol) and member.formula.name in wanted


def _only(reading: Reading) -> Found:
    """Formulas that stand alone; or the only chain that there is, whatever its left side."""
    if len(reading.chains) == 1 and len(reading.chains[0].members) > 1:
        first, last = reading.chains[0].members[0], reading.chains[0].members[-1]
        return [] if isinstance(first.formula, Symbol) else [(0, last)]
    alone = [(n, c.members[0]) for n, c in enumerate(reading.chains) if len(c.members) == 1]
    return [(n, member) for n, member in alone if not isinstance(member.formula, Symbol | Number)]


def _last(reading: Reading, found: Found) -> Choice:
    number, member = found[-1]
    chain = reading.chains[number]
    if chain.doubt:
        raise Unread(chain.doubt)
    _nothing_around(reading, chain)
    if len(chain.members) > 1:
        _below(reading, number)
    if member.formula is None:
        raise Unread(member.unread)
    if len(chain.members) == 1 and any(m.formula is None for _, m in found):
        raise Unread("several formulas, and not all of them can be read")
    others = [m.formula for n, _ in found for m in reading.chains[n].members if m is not member]
    alone = len(chain.members) == 1
    before = tuple(n for n, _ in found[:-1] if len(reading.chains[n].members) > 1)
    return Choice(member.formula, member.source, number, before, tuple(f for f in others if f is not None), alone)


def redefinitions(reading: Reading, name: str) -> Iterator[Formula]:
    """What the student says a name of the handout is."""
    for chain in reading.chains:
        if not chain.doubt and any(_is(member, (name,)) for member in chain.members[:1]):
            yield from (m.formula for m in chain.members[1:] if m.formula is not None)


# ── the words around ─────────────────────────────────────────────────────────────────────────────────

_MATHS = re.compile(r"[\\^_{}=+*/@⊙·×∘⋅∙⊗<>|]|\b[abhgxyzWδθ]\d")
_SIGN_FIRST = re.compile(r"\s*&?\s*([-+*/@^_⊙·×∘⋅∙⊗]|\\(odot|cdot|times|circ|otimes|ast)\b)")
_MACROS = re.compile(r"\\(re)?newcommand|\\[gx]?def\b|\\let\b|\\DeclareMath")
_LABEL = re.compile(r"^\s*\((?:\d{1,2}\)\s*$|\s*\w{1,6}\s*[x×,]\s*\w{1,6}\s*\))")
"""A formula's number, or its shape."""
_DENIED = re.compile(r"(?i)(\bnot|n[’']t|instead of|rather than|except|unless|without|≠)\W*$")
_CONDITION = re.compile(r"(?i)^\W{0,3}(if|when|for|unless|except|only|but|or|times|divided|multiplied|transposed?)\b")


def _nothing_around(reading: Reading, chain: Chain) -> None:
    """Words beside the formula that are maths themselves, or take it back, make it uncertain."""
    pieces = reading.source.pieces
    if any(_MACROS.search(piece.text) for piece in pieces):
        raise Unread("macros of the student's own")
    for piece in pieces:
        if piece.kind == "words" and (said := takes_back(piece.text)):
            raise Unread(f"the words “{said}”")
    before = pieces[chain.begins - 1] if chain.begins else None
    after = pieces[chain.piece + 1] if chain.piece + 1 < len(pieces) else None
    if before is not None and before.kind == "words":
        _before(before.text)
    if after is not None and after.kind == "words" and not after.is_fresh:
        _after(without_shapes(sentences(after.text)[0]))
    if after is not None and after.kind == "maths":
        _beside(reading, chain)
    if reading.source.open and chain.piece >= len(pieces) - 2:
        raise Unread("a formula without its closing dollar")


def _beside(reading: Reading, chain: Chain) -> None:
    """A formula right behind this one, without a word between, may belong to it."""
    piece = reading.source.pieces[chain.piece + 1]
    following = [c for c in reading.chains if c.begins == chain.piece + 1]
    after = reading.source.pieces[chain.piece + 2 : chain.piece + 3]
    begins_a_sentence = piece.is_fresh and bool(after) and re.match(r"\s*[A-Za-z]{2}", after[0].text) is not None
    is_alone = bool(following) and len(following[0].members) == 1 and not begins_a_sentence
    if _SIGN_FIRST.match(piece.text) or is_alone:
        raise Unread(f"the formula behind it, {piece.text.strip()[:20]}, may belong to it")


def _below(reading: Reading, number: int) -> None:
    """So may a line below it that is no equality."""
    chain, rest = reading.chains[number], [c for c in reading.chains[number + 1 :] if not c.is_aside]
    if (
        rest
        and rest[0].piece == rest[0].begins == chain.piece
        and rest[0].behind == "\\\\"
        and len(rest[0].members) == 1
    ):
        below = rest[0].members[0]
        if not isinstance(below.formula, Symbol | Number):
            raise Unread(f"the line below it, {below.source[:20]}, may belong to it")


def _before(text: str) -> None:
    last = "" if text.endswith("\n") else text.splitlines()[-1]
    if _DENIED.search(text):
        raise Unread(f"the words “{text.strip()[-40:]}”")
    last = re.sub(r"^\s*(?:[-*+>]\s+|\d{1,2}[.)]\s+)", "", last).rstrip()
    if not last.endswith("=") and (re.search(r"[\\^_{}+/@⊙·×∘⋅⊗-]\s*$|(?<![*])\*$", last)):
        raise Unread(f"maths outside its dollar signs: {last[-20:]}")


def _after(text: str) -> None:
    first = _LABEL.sub("", text.splitlines()[0]) if text.splitlines() else ""
    if _MATHS.search(first.split(".")[0].replace("**", "")) or re.match(r"\s*[-−–(]?\s*\d", first):
        raise Unread(f"maths outside its dollar signs: {first.strip()[:20]}")
    if _CONDITION.match(text):
        raise Unread(f"the words “{text.strip()[:40]}”")
