"""Where words and formulas stand to the formula that is looked at: in its own sentence, or in others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from grader.written.chains import Reading
from grader.written.sentences import sentences
from grader.written.source import Piece

Place = Literal["earlier", "leading", "beside", "later"]
"""In a sentence before its own; in its own, before it, or behind it; in a sentence after."""


@dataclass(frozen=True)
class Words:
    text: str
    place: Place
    piece: int
    """The number of the piece that they are of, and are the last sentence of where `is_open`."""
    is_open: bool


@dataclass(frozen=True)
class Placed:
    words: tuple[Words, ...]
    chains: Mapping[int, Place]
    """Of every chain but the one that is looked at, by its number in the reading."""


def placed(reading: Reading, chosen: int) -> Placed:
    pieces = reading.source.pieces
    looked_at = reading.chains[chosen]
    words, places = [], {}
    for found in (*_back(pieces, looked_at.begins), *_on(pieces, looked_at.piece)):
        places[found.piece] = found.place
        words += [found] if found.text else []
    chains: dict[int, Place] = {}
    for number, chain in enumerate(reading.chains):
        if pieces[chain.piece].kind == "program" and not _is_said(pieces, chain.piece):
            chains[number] = "beside"  # its lines are one after the other, and a later one may change the name
        elif chain.piece < looked_at.begins or chain.begins > looked_at.piece:
            chains[number] = places[chain.piece if number < chosen else chain.begins]
        else:
            chains[number] = _in_the_same_piece(reading, number, chosen)
    return Placed(tuple(words), {n: place for n, place in chains.items() if n != chosen})


def _in_the_same_piece(reading: Reading, number: int, chosen: int) -> Place:
    """An equality on a line of its own is a sentence."""
    between = reading.chains[min(number, chosen) + 1 : max(number, chosen) + 1]
    is_apart = len(reading.chains[number].members) > 1 and any(chain.behind == r"\\" for chain in between)
    is_apart = is_apart or reading.chains[number].is_aside
    if number < chosen:
        return "earlier" if is_apart else "leading"
    return "later" if is_apart else "beside"


def _is_said(pieces: Sequence[Piece], n: int) -> bool:
    """Code between words, on their line."""
    beside = (pieces[n - 1] if n else None, pieces[n + 1] if n + 1 < len(pieces) else None)
    return all(piece is not None and piece.kind == "words" and piece.text.strip() for piece in beside)


def _back(pieces: Sequence[Piece], begins: int) -> Iterator[Words]:
    """Piece by piece, formulas without words; a piece that sentences end in more than once."""
    place: Place = "leading"
    for n in range(begins - 1, -1, -1):
        place = "earlier" if pieces[n + 1].is_fresh else place
        found = sentences(pieces[n].text) if pieces[n].kind == "words" else [""]
        for number, sentence in reversed(list(enumerate(found, 1))):
            place = "leading" if place == "leading" and number == len(found) else "earlier"
            yield Words(sentence, place, n, number == len(found))


def _on(pieces: Sequence[Piece], ends: int) -> Iterator[Words]:
    place: Place = "beside"
    for n in range(ends + 1, len(pieces)):
        goes_on = re.match(r"\s*[a-z]", pieces[n].text) and pieces[n].kind == "words"
        place = "later" if pieces[n].is_fresh and not goes_on else place
        found = sentences(pieces[n].text) if pieces[n].kind == "words" else [""]
        for number, sentence in enumerate(found, 1):
            place = "later" if number > 1 else place
            yield Words(sentence, place, n, number == len(found))
