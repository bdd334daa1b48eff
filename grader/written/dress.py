"""Tokens without what only dresses a formula: fonts, sizes, colours, boxes, tags; and words told from names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from grader.written.bounds import MAX_DEPTH, Unread
from grader.written.signs import words
from grader.written.tokens import FUNCTION_WORDS, Token

_DRESS = words(
    "left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr displaystyle textstyle scriptstyle "
    "bf rm it cal nonumber notag limits nolimits mathstrut , ; : ! > thinspace medspace thickspace negthinspace"
)
"""Macros without an argument that mean nothing."""
_DRESSED = words(
    "mathbf boldsymbol bm vec mathit mathsf mathbb mathcal mathscr mathfrak pmb underline mathord mathbin "
    "mathop mathrel smash cancel bcancel xcancel "
)
"""Macros that only change how their argument looks."""
_DROPPED = words("label tag color textcolor hspace vspace phantom hphantom vphantom mspace kern")
"""Macros that are left out with their first argument."""
_WORDS = words("text textrm textbf textit mathrm operatorname textnormal mbox texttt hbox textsf mathtt")
"""Macros whose argument is words, or the name of a function."""
_SPACES = frozenset([" ", "enspace", "enskip", "hfill"])
_BOXES = words("boxed fbox colorbox framebox")
"""Macros that frame a formula, or a whole equality."""
_STACKED = frozenset(["overset", "stackrel", "underset"])
"""Macros that set their first argument above or below the second."""

_OPEN = {"lbrace": "{", "lbrack": "[", "langle": "<", "lparen": "(", "lvert": "|", "lVert": "‖", "{": "{"}
_CLOSE = {"rbrace": "}", "rbrack": "]", "rangle": ">", "rparen": ")", "rvert": "|", "rVert": "‖", "}": "}"}

_LEFT, _RIGHT = Token("{", "{"), Token("}", "}")


def undressed(items: list[Token], depth: int = 0) -> Iterator[Token]:
    if depth > MAX_DEPTH:
        raise Unread("commands inside commands without end")
    place = 0
    while place < len(items):
        token = items[place]
        place += 1
        if token.kind != "macro":
            yield token
        elif token.text == "\\":
            yield token
            place += _length_of_a_skip(items[place : place + 8])
        elif token.text in _DRESS or token.text in _SPACES:
            place += _is_invisible_bracket(token, items, place)
        else:
            made, place = _command(token, items, place, depth)
            yield from made


def _length_of_a_skip(ahead: list[Token]) -> int:
    """Of the [4pt] behind a new line."""
    said = "".join(t.text for t in ahead)
    found = re.match(r"\[-?[\d.]+(?:pt|em|ex|mm|cm)\]", said)
    length = 0
    while found and len("".join(t.text for t in ahead[:length])) < found.end():
        length += 1
    return length


def _command(token: Token, items: list[Token], place: int, depth: int) -> tuple[list[Token], int]:
    """What a command and its arguments come to, and where they end."""
    if token.text in _BOXES or token.text in _DRESSED:
        inside, place = _argument(items, place)
        is_bare = len(inside) == 1 or (token.text in _BOXES and any(t.text == "=" for t in inside))
        return list(undressed(inside if is_bare else [_LEFT, *inside, _RIGHT], depth + 1)), place
    if token.text in _STACKED:
        above, place = _argument(items, place)
        if "".join(t.text for t in above if t.kind not in ("{", "}")) not in ("def", "textdef", "mathrmdef", "!"):
            raise Unread(f"\\{token.text}")
        inside, place = _argument(items, place)
        return list(undressed(inside, depth + 1)), place
    if token.text in _DROPPED:
        dropped, place = _argument(items, place)
        if token.text == "tag" and (
            len(dropped) > 4 or any(t.kind in ("macro", "sign") and t.text != "*" for t in dropped)
        ):
            raise Unread("a tag that says something")
        return [], place
    if token.text in _WORDS:
        place += place < len(items) and items[place].text == "*"
        said, place = _argument(items, place)
        return list(_spoken(said, token.spaced)), place
    return [_macro(token)], place


def _is_invisible_bracket(token: Token, items: list[Token], place: int) -> int:
    """`\\left.` has a point that stands for no bracket."""
    return int(token.text in ("left", "right") and place < len(items) and items[place].text == ".")


def _macro(token: Token) -> Token:
    if token.text in _OPEN:
        return Token("open", _OPEN[token.text], token.spaced)
    if token.text in _CLOSE:
        return Token("close", _CLOSE[token.text], token.spaced)
    if token.text in ("|", "Vert", "parallel"):
        return Token("sign", "‖", token.spaced)
    if token.text in ("vert", "mid"):
        return Token("sign", "|", token.spaced)
    if token.text in FUNCTION_WORDS:
        return Token("word", token.text, token.spaced)
    if token.text == "qquad":
        return Token("macro", "quad", token.spaced)
    return token


def _argument(items: list[Token], place: int) -> tuple[list[Token], int]:
    """The group, or the one token, that stands at `place`; and where it ends."""
    if place >= len(items) or items[place].kind != "{":
        return items[place : place + 1], place + 1
    depth, end = 0, place
    while end < len(items):
        depth += {"{": 1, "}": -1}.get(items[end].kind, 0)
        end += 1
        if depth == 0:
            return items[place + 1 : end - 1], end
    return items[place + 1 :], end


def _spoken(inside: list[Token], spaced: bool) -> Iterator[Token]:
    """A function's name, single letters set upright, or words between formulas."""
    said = "".join(f" {t}" if t.spaced else str(t) for t in inside).strip()
    if (word := said.removeprefix("np.")) in FUNCTION_WORDS:
        yield Token("word", word, spaced)
    elif said == "" or re.fullmatch(r"[.,;:]+", said):
        return
    elif all(t.kind in ("letter", "number") for t in inside) and len(said) == 1:
        yield Token(inside[0].kind, said, spaced)
    elif len(inside) == 1 and inside[0].kind in ("letter", "macro", "number"):
        yield inside[0]
    elif re.fullmatch(r"d[A-Za-z]", said):
        yield from (Token("letter", letter) for letter in said)
    else:
        yield Token("text", said, spaced)
