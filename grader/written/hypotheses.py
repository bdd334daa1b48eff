"""What is said of a case alone: "If $y = 1$, …", "$1$ if $\\theta > 0$". It is no answer and defines nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from grader.written.chains import Chain, Reading
from grader.written.evaluate import COMPARE, Array, value
from grader.written.sentences import sentences
from grader.written.tree import Formula, Number, Relation, Sum, Symbol

_LET = re.compile(r"(?i)\b(let|set|suppose|assume|assuming|take|always|define|since|because|as|is|by|have)\W*$")
"""Words before a value that is no case, but a claim."""
_IN_WORDS = re.compile(r"[<>]\s*0\b")
_ASIDE = re.compile(r"\([^)]*$|,\s+where\b")
"""What opens a sentence of its own inside another."""
_WHEN = re.compile(r"(?i)^\W*(if|when|whenever)\b")
"""Words behind a formula that is said of a case in words."""
_OF_ANOTHER = re.compile(
    r"(?i)\b(normal|usual|plain|ordinary|standard|vanilla|original|unregulari[sz]ed|without (the )?"
    r"(penalty|regulari\w+))\b[^.;]{0,60}\b(is|was|reads|rule|update|descent)\W*$"
)
"""Words before the rule that is changed here."""
_THEN = re.compile(r"\s*:")


@dataclass(frozen=True)
class Case:
    left: Formula
    relation: Relation
    right: float
    chains: tuple[Chain, ...]
    """What is said to hold then."""

    def holds(self, values: Mapping[str, Array]) -> NDArray[np.bool_]:
        return np.asarray(COMPARE[self.relation](value(self.left, values), self.right))


def cases_apart(reading: Reading, known: frozenset[str]) -> tuple[Reading, tuple[Case, ...]]:
    """The reading without the chains of sentences that suppose something, and those where it is one thing."""
    apart: set[int] = set()
    cases: list[Case] = []
    for sentence in _sentences(reading):
        supposed = [n for n in sentence if _is_supposed(reading, n, known)]
        if supposed or any(_is_in_words(*reading.words_around(reading.chains[n])) for n in sentence):
            apart |= set(sentence)
        cases += _told_apart(reading, sentence, supposed)
    kept = tuple(chain for n, chain in enumerate(reading.chains) if n not in apart)
    return replace(reading, chains=kept), tuple(cases)


def _is_in_words(before: str, behind: str) -> bool:
    last = _last(before)
    return bool(_IN_WORDS.search(last) or _WHEN.match(sentences(behind)[0]) or _OF_ANOTHER.search(last))


def _told_apart(reading: Reading, sentence: Sequence[int], supposed: Sequence[int]) -> Iterator[Case]:
    """ "If A, then B, and if C, D": what follows; "B if A and D if C": what goes before."""
    comes_first = bool(supposed) and sentence[0] == supposed[0]
    for place, number in enumerate(supposed):
        start, end = sentence[0], sentence[-1] + 1
        if comes_first:
            start, end = number + 1, supposed[place + 1] if place + 1 < len(supposed) else end
        elif len(supposed) > 1:
            start, end = supposed[place - 1] + 1 if place else start, number
        if found := _supposition(reading.chains[number]):
            yield Case(*found, tuple(reading.chains[n] for n in sentence if start <= n < end and n != number))


def _supposition(chain: Chain) -> tuple[Formula, Relation, float] | None:
    if chain.holds is not None:
        return (*chain.holds, 0.0)
    left, right = chain.members[0].formula, _number(chain.members[1].formula)
    return None if left is None or right is None else (left, "=", right)


def _sentences(reading: Reading) -> Iterator[list[int]]:
    """The numbers of the chains of each."""
    pieces = reading.source.pieces
    current: list[int] = []
    for place, piece in enumerate(pieces):
        ends = piece.kind == "words" and (len(sentences(piece.text)) > 1 or _ASIDE.search(piece.text))
        if piece.is_fresh or ends:
            yield current
            current = []
        current = [*current, *(n for n, chain in enumerate(reading.chains) if chain.begins == place)]
    yield current


def _is_supposed(reading: Reading, number: int, known: frozenset[str]) -> bool:
    chain = reading.chains[number]
    before, behind = reading.words_around(chain)
    if not _is_a_case(chain, known):
        return False
    return not _LET.search(before) and bool(_last(before).strip(" -*•") or _THEN.match(behind))


def _is_a_case(chain: Chain, known: frozenset[str]) -> bool:
    if chain.holds is not None:
        return chain.holds[1] in ("<", ">")
    if len(chain.members) != 2:
        return False
    left, right = (member.formula for member in chain.members)
    return isinstance(left, Symbol) and left.name.partition("_")[0] in known and _number(right) is not None


def _number(formula: Formula | None) -> float | None:
    match formula:
        case Number(number):
            return number
        case Sum(((sign, Number(number)),)):
            return sign * number
        case _:
            return None


def _last(said: str) -> str:
    return sentences(said)[-1]
