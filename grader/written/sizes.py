"""What an answer says of sizes is true: "(ŷ − y) hᵀ, which is 1 × H", "a column"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from grader.written.bounds import Unread
from grader.written.chains import Chain, Reading
from grader.written.evaluate import Array, Mismatch, value
from grader.written.question import Question, World
from grader.written.rebuild import put_in
from grader.written.shapes import Shape, fits, spoken
from grader.written.subject import Subject
from grader.written.tree import Formula, Symbol, names

_LIES = re.compile(
    r"(?i)^\W*((and|so|which|this|that|it|again|also|just|simply|the result|is|has|gives|i\.?e|being|as|lies)\W+)*"
    r"an?\s+(?P<way>row|column)\b"
)
_LAID = re.compile(r"(?i)\b(as|in|into|is) an? (?P<way>row|column)( vector)?\W*$")
"""Words behind the answer, and before it, that say which way it lies."""

_GRADIENT_LIES = re.compile(
    r"(?i)\b(?:the|this|our|its) (?:gradient|result|answer) (?:is|lies|must be|has to be|should be) "
    r"(?:again |also |then |therefore )?(?:as )?an? (?P<way>row|column)\b"
)


def are_true(subject: Subject) -> None:
    """What is said right behind a formula is said of it. Raises `Unread`."""
    reading, question, chosen = subject.reading, subject.question, subject.number
    for shape, number in _said(reading, question, chosen):
        is_known = all(size.isdecimal() or size in question.notation.sizes for size in shape)
        if (is_known or number == chosen) and not _has(shape, number, subject):
            raise Unread(f"{' × '.join(shape) or 'a number'}, which is not its size")
    ahead, behind = reading.words_around(reading.chains[chosen])
    anywhere = [_GRADIENT_LIES.search(p.text) for p in reading.source.pieces if p.kind == "words"]
    for lies in (_LAID.search(ahead), _LIES.match(behind), *(anywhere if len(question.asked) == 1 else ())):
        if lies and not _lies_as(lies["way"].lower(), question.worlds[0].truths[subject.asked.name]):
            raise Unread(f"“{lies[0].strip()}”, which it is not")


_IT_IS = re.compile(
    r"(?i)\W*((and|so|which|this|that|it|again|also|just|simply|the|result|is|are|has|have|gives|i\.?e|being|as|of|"
    r"an?|its|with|size|sizes|shape|dimensions?|dim|because|since|matrix|row|column|vector|lies|in|therefore)\W+)*"
)
"""Words between a formula and its size."""
_ITS_SHAPE = re.compile(
    r"(?i)\b(?:shape|size|dimensions?) of (?:the|this|our) (?:gradient|result|answer) (?:is|are) \W*$"
)


def _said(reading: Reading, question: Question, chosen: int) -> Iterator[tuple[Shape, int]]:
    """Each shape, and the number of the chain that it is said of."""
    whole = [n for n, chain in enumerate(reading.chains) if chain.members]
    for n, chain in enumerate(reading.chains):
        if chain.shape is not None and chain.members:
            yield chain.shape, n
        elif chain.shape is not None and not _is_a_factor(reading, chain):
            of = [m for m in whole if m < n and _is_said_of(reading, reading.chains[m], chain)]
            yield from ((chain.shape, m) for m in of[-1:])
    for place, piece in enumerate(reading.source.pieces):
        for at, ends, shape in spoken(piece.text) if piece.kind == "words" else ():
            if _ITS_SHAPE.search(piece.text[:at]) and len(question.asked) == 1:
                yield shape, chosen
            of = [m for m in whole if reading.chains[m].piece == place - 1]
            if of and _IT_IS.fullmatch(f"{piece.text[:at]} ") and not _TIMES_BEHIND.match(piece.text[ends:]):
                yield shape, of[-1]


def _is_said_of(reading: Reading, formula: Chain, size: Chain) -> bool:
    if formula.piece == size.begins:
        return True
    between = reading.source.pieces[formula.piece + 1 : size.begins]
    return len(between) < 2 and all(p.kind == "words" and _IT_IS.fullmatch(f"{p.text} ") for p in between)


_TIMES_BEFORE = re.compile(r"(?i)\b(times|by|with)\W*(an?|the)?\W*$|^\W*$")
_TIMES_BEHIND = re.compile(r"(?i)^\W*(vector|row|column|matrix)?\W*(times|by|multiplied|with)\b")


def _is_a_factor(reading: Reading, chain: Chain) -> bool:
    """ "a column of $H \\times 1$ times a row of $1 \\times D$": of no formula."""
    before, behind = reading.words_around(chain)
    shapes = {c.begins for c in reading.chains if c.shape is not None and not c.members}
    return bool(_TIMES_BEHIND.search(behind)) or (chain.begins - 2 in shapes and bool(_TIMES_BEFORE.search(before)))


def _has(shape: Shape, number: int, subject: Subject) -> bool:
    formula, question = subject.reading.chains[number].members[-1].formula, subject.question
    if formula is None:
        return False
    made = subject.put(formula, number)
    ways = [
        {name: Symbol(meant)} for name in names(made) & question.meanings.keys() for meant in question.meanings[name]
    ]
    return any(_fits(shape, put_in(made, way), question.worlds, question) for way in ways or [{}])


def _fits(shape: Shape, formula: Formula, worlds: Sequence[World], question: Question) -> bool:
    few = worlds[:: max(1, len(worlds) // 6)]
    try:
        found: list[Array] = [value(formula, {**w.truths, **w.values}) for w in few]
    except Mismatch:
        return False
    except Unread:
        return True  # of a name that we know nothing of
    each = zip(found, few, strict=True)
    return all(fits(shape, a, w.values, question.notation.sizes) for a, w in each)


def _lies_as(way: str, a: Array) -> bool:
    return bool(a.ndim) and 1 in a.shape and (a.shape[0] == 1) == (way == "row")
