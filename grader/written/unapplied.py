"""Functions that stand without an argument: f' = f(1 - f)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from grader.written.names import GREEK
from grader.written.notation import Notation
from grader.written.tokens import Token

_PRIMES = frozenset(["'", "^", "\\prime", "{", "}"])


def in_general(members: Sequence[Sequence[Token]], notation: Notation) -> Sequence[Sequence[Token]]:
    """`f' = f(1 - f)` is `f'(z) = f(z)(1 - f(z))`: a bracket behind a function is no argument where the function stands
    without one in it."""
    first = members[0]
    is_slope = len(first) > 1 and _is_function(first[0], notation) and {str(t) for t in first[1:]} <= _PRIMES
    if not is_slope:
        return members
    if not any(_has_a_bare_function(member, notation) for member in members[1:]):
        return [[*first, *_argument(members[-1], notation)], *members[1:]]
    return [list(_applied(member, notation)) for member in members]


def _argument(member: Sequence[Token], notation: Notation) -> Sequence[Token]:
    """The (z) of f(z)."""
    for n, token in enumerate(member):
        behind = member[n + 1 : n + 4]
        if _is_function(token, notation) and [t.kind for t in behind] == ["open", "letter", "close"]:
            return behind
    return ()


def _is_function(token: Token, notation: Notation) -> bool:
    if token.kind == "macro":
        return GREEK.get(token.text, "") in notation.functions
    return (token.kind == "letter" and token.text in notation.functions) or str(token) == "sigmoid"


def _has_a_bare_function(member: Sequence[Token], notation: Notation) -> bool:
    behind = [*(token.kind for token in member[1:]), ""]
    return any(_is_function(token, notation) and kind != "open" for token, kind in zip(member, behind, strict=True))


def _applied(member: Sequence[Token], notation: Notation) -> Iterator[Token]:
    """With (z) behind every function and its primes; f^2 is f(z)^2."""
    place = 0
    while place < len(member):
        token = member[place]
        yield token
        place += 1
        if _is_function(token, notation):
            while primes := _primes(member[place : place + 2]):
                yield from member[place : place + primes]
                place += primes
            yield from (Token("open", "("), Token("letter", "z"), Token("close", ")"))


def _primes(ahead: Sequence[Token]) -> int:
    """How many tokens a prime takes up."""
    said = "".join(map(str, ahead))
    return 1 if said.startswith("'") else 2 * (said == "^\\prime")
