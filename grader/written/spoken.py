"""Derivatives in words: "the gradient of $A$ with respect to $V$ is $B$" says ∂A/∂V = B, and is read as that."""

from __future__ import annotations

import re
from collections.abc import Sequence

from grader.written.notation import Notation
from grader.written.source import Piece

_KIND = r"\b(?:the\s+)?(?:partial\s+|local\s+)?(?:sub)?(?:derivative|gradient|slope|jacobian)"
_OF = re.compile(
    rf"(?i){_KIND} of(?:\s+(?:the|this|our))?(?:\s+(?:penalty|regulari[sz]er|loss|cost|norm|function))?\s*$"
)
_BY = re.compile(r"(?i)\s*(?:with respect to|w\.?r\.?t\.?)\s*")
_IS = re.compile(r"(?i)\s*(?:\(element-?wise\)\s*)?(?:is|equals|becomes|is equal to|is just|is simply|:)\s*:?\s*")
_HAS = re.compile(rf"(?i)\s*has\s+(?:as\s+)?{_KIND}\s*")
_FUNCTION = re.compile(r"\s*(f|\\sigma)\s*(\(.*\))\s*", re.DOTALL)
_NAME = re.compile(r"\s*[A-Za-z\\]+(?:[_^](?:\w|\{[\w(){}\\]{1,12}\}))*\s*")


_HANGS = re.compile(r"(?i)\b(of|to|from|by|on|than|with|for|in)(\s+(the|a|an))?\s*$")
"""Words that make something else of the derivative behind them."""


def read_out(pieces: Sequence[Piece], notation: Notation) -> tuple[Piece, ...]:
    made: list[Piece] = []
    place = 0
    while place < len(pieces):
        taken = _of_maths(pieces[place:], notation) or _of_what_is_named(pieces[place:], notation) or [pieces[place]]
        made += [piece for piece in taken if piece.text.strip()]
        place += _length(pieces[place:], taken)
    return tuple(made)


def _length(rest: Sequence[Piece], taken: Sequence[Piece]) -> int:
    """How many pieces have become these."""
    if len(taken) == 1 and taken[0] is rest[0]:
        return 1
    return next(
        n for n, piece in enumerate(rest, 1) if piece.kind == "maths" and taken[-1].text.endswith(f"= {piece.text}")
    )


def _of_maths(rest: Sequence[Piece], notation: Notation) -> list[Piece]:
    kinds = [piece.kind for piece in rest[:6]]
    texts = [piece.text for piece in rest[:6]]
    if kinds[:2] == ["words", "maths"] and (said := _derivative(_OF, texts[0])):
        lead = Piece("words", texts[0][: said.start()])
        if kinds[2:4] == ["words", "maths"] and _IS.fullmatch(texts[2]):
            return [lead, _equality(texts[1], "", texts[3], notation)]
        if kinds[2:] == ["words", "maths", "words", "maths"] and _BY.fullmatch(texts[2]) and _IS.fullmatch(texts[4]):
            return [lead, _equality(texts[1], texts[3], texts[5], notation)]
    if kinds[:3] == ["maths", "words", "maths"] and _HAS.fullmatch(texts[1]):
        return [_equality(texts[0], "", texts[2], notation)]
    return []


def _derivative(words: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = words.search(text)
    return found if found and not _HANGS.search(text[: found.start()]) else None


def _of_what_is_named(rest: Sequence[Piece], notation: Notation) -> list[Piece]:
    """ "The slope of the sigmoid is $…$", where the assignment says what that is."""
    if [piece.kind for piece in rest[:2]] != ["words", "maths"]:
        return []
    for phrase, left in notation.spoken.items():
        if said := _derivative(re.compile(rf"(?i){phrase}\s*$"), rest[0].text):
            return [Piece("words", rest[0].text[: said.start()]), Piece("maths", f"{left} = {rest[1].text}")]
    return []


def _equality(of: str, by: str, what: str, notation: Notation) -> Piece:
    if by and _NAME.fullmatch(of):
        left = rf"\frac{{\partial {of}}}{{\partial {by}}}"
    elif by:
        left = rf"\frac{{\partial}}{{\partial {by}}} ({of})"
    elif notation.functions and (function := _FUNCTION.fullmatch(of)):
        left = f"{function[1]}'{function[2]}"
    else:
        left = rf"\nabla ({of})"
    return Piece("maths", f"{left} = {what}")
