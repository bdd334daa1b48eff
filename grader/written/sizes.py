"""What an answer says of sizes is true: "(ŷ − y) hᵀ, which is 1 × H", "a column"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from grader.written.bounds import Unread
from grader.written.chains import Chain, Reading
from grader.written.evaluate import Array, Mismatch, value
from grader.written.question import Asked, Question, World
from grader.written.rebuild import put_in
from grader.written.shapes import Shape, fits, spoken
from grader.written.tree import Formula, Symbol, names

_LIES = re.compile(
    r"(?i)^\W*((and|so|which|this|that|it|again|also|just|simply|the result|is|has|gives|i\.?e\.?|being|as|lies)\W+)*"
    r"an?\s+(?P<way>row|column)\b"
)
_LAID = re.compile(r"(?i)\b(as|in|into|is) an? (?P<way>row|column)( vector)?\W*$")
"""Words behind the answer, and before it, that say which way it lies."""

Put = Callable[[Formula, int], Formula]
"""A formula of a chain, and the chain's number → the formula with the names put in that the student has defined."""


def are_true(reading: Reading, question: Question, asked: Asked, chosen: int, put: Put) -> None:
    """What is said right behind a formula is said of it, and otherwise of that or the one that comes next. Raises
    `Unread`."""
    for shape, before, after in _said(reading):
        is_of_the_answer = before is not None and before == chosen
        for side in [before] if is_of_the_answer else [before, after]:
            if side is not None and _has(shape, _member(reading.chains[side], side == before), side, question, put):
                break
        else:
            raise Unread(f"{' × '.join(shape) or 'a number'}, which is not its size")
    ahead, behind = _words_around(reading, reading.chains[chosen])
    for lies in (_LAID.search(ahead), _LIES.match(behind)):
        if lies and not _lies_as(lies["way"].lower(), question.worlds[0].truths[asked.name]):
            raise Unread(f"“{lies[0].strip()}”, which it is not")


def _said(reading: Reading) -> Iterator[tuple[Shape, int | None, int | None]]:
    """Each shape, and the numbers of the chains with formulas that stand before and behind it."""
    whole = [n for n, chain in enumerate(reading.chains) if chain.members]
    for n, chain in enumerate(reading.chains):
        if chain.shape is not None and chain.members:
            yield chain.shape, n, n
        elif chain.shape is not None and not _is_a_factor(reading, chain):
            yield chain.shape, _last(m for m in whole if m < n), _first(m for m in whole if m > n)
    for place, piece in enumerate(reading.source.pieces):
        for _, shape in spoken(piece.text) if piece.kind == "words" else ():
            before = (m for m in whole if reading.chains[m].piece < place)
            yield shape, _last(before), _first(m for m in whole if reading.chains[m].begins > place)


_TIMES_BEFORE = re.compile(r"(?i)\b(times|by|with)\W*(an?|the)?\W*$|^\W*$")
_TIMES_BEHIND = re.compile(r"(?i)^\W*(vector|row|column|matrix)?\W*(times|by|multiplied|with)\b")


def _is_a_factor(reading: Reading, chain: Chain) -> bool:
    """ "a column of $H \\times 1$ times a row of $1 \\times D$": of no formula."""
    before, behind = _words_around(reading, chain)
    shapes = {c.begins for c in reading.chains if c.shape is not None and not c.members}
    return bool(_TIMES_BEHIND.search(behind)) or (chain.begins - 2 in shapes and bool(_TIMES_BEFORE.search(before)))


def _last(numbers: Iterator[int]) -> int | None:
    return max(numbers, default=None)


def _first(numbers: Iterator[int]) -> int | None:
    return min(numbers, default=None)


def _member(chain: Chain, is_before: bool) -> Formula | None:
    return chain.members[-1 if is_before else 0].formula


def _has(shape: Shape, formula: Formula | None, chain: int, question: Question, put: Put) -> bool:
    if formula is None:
        return False
    made = put(formula, chain)
    ways = [
        {name: Symbol(meant)} for name in names(made) & question.meanings.keys() for meant in question.meanings[name]
    ]
    return any(_fits(shape, put_in(made, way), question.worlds, question) for way in ways or [{}])


def _fits(shape: Shape, formula: Formula, worlds: Sequence[World], question: Question) -> bool:
    try:
        found: list[Array] = [value(formula, {**w.truths, **w.values}) for w in worlds[:: len(worlds) // 6]]
    except Mismatch:
        return False
    except Unread:
        return True  # of a name that we know nothing of
    each = zip(found, worlds[:: len(worlds) // 6], strict=True)
    return all(fits(shape, a, w.values, question.notation.sizes) for a, w in each)


def _words_around(reading: Reading, chain: Chain) -> tuple[str, str]:
    pieces = reading.source.pieces
    around = pieces[max(0, chain.begins - 1) : chain.begins], pieces[chain.piece + 1 : chain.piece + 2]
    before, behind = ("".join(p.text for p in beside if p.kind == "words") for beside in around)
    return before, behind


def _lies_as(way: str, a: Array) -> bool:
    return bool(a.ndim) and 1 in a.shape and (a.shape[0] == 1) == (way == "row")
