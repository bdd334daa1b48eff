"""Maths as LaTeX → tokens, by pylatexenc's tokenizer. Whatever only dresses a formula is left out here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pylatexenc.latexwalker import LatexWalker, LatexWalkerEndOfStream

from grader.written.bounds import MAX_TOKENS, Unread
from grader.written.signs import as_latex, words

Kind = Literal["letter", "word", "number", "sign", "open", "close", "{", "}", "macro", "begin", "end", "&", "text"]


@dataclass(frozen=True)
class Token:
    kind: Kind
    text: str
    spaced: bool = False
    """Whether white space stands before it."""

    def __str__(self) -> str:
        return f"\\{self.text}" if self.kind in ("macro", "begin", "end") else self.text


_DRESS = words(
    "left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr displaystyle textstyle scriptstyle "
    "bf rm it cal nonumber notag limits nolimits mathstrut , ; : ! > thinspace medspace thickspace negthinspace"
)
"""Macros without an argument that mean nothing."""
_DRESSED = words(
    "mathbf boldsymbol bm vec mathit mathsf mathbb mathcal mathscr mathfrak pmb underline mathord mathbin "
    "mathop mathrel smash "
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

FUNCTION_WORDS = words("exp ln log sign sgn signum sigmoid diag abs sqrt")
_PROGRAM_WORDS = {
    "yhat": "hat y", "theta": "theta", "eta": "eta", "lambda": "lambda", "lam": "lambda", "lmbda": "lambda",
    "sigma": "sigma", "delta": "delta", "nabla": "nabla", "odot": "odot", "partial": "partial", "grad": "nabla",
    "top": "top", "hat": "hat", "alpha": "alpha", "cdot": "cdot",
}  # fmt: skip
_CALLS = frozenset(["dot", "matmul", "outer", "multiply", "transpose"])


def tokens(maths: str) -> list[Token]:
    """Raises `Unread` where there are too many."""
    return list(_dressed_down(_merged(list(_raw(as_latex(maths))))))


def _raw(maths: str) -> Iterator[Token]:
    walker = LatexWalker(maths, tolerant_parsing=True)
    position = count = 0
    while True:
        try:
            token = walker.get_token(position)
        except LatexWalkerEndOfStream:
            return
        except Exception as odd:  # whatever the tokenizer meets, the formula is at fault
            raise Unread(f"LaTeX that cannot be taken apart: {maths[position : position + 20]}") from odd
        count += 1
        if count > MAX_TOKENS:
            raise Unread("a formula that is too long")
        position = max(token.pos + token.len, position + 1)
        yield from _one(token.tok, token.arg, bool(token.pre_space))


def _one(tok: str, arg: object, spaced: bool) -> Iterator[Token]:
    if tok == "comment":
        return
    text = str(getattr(arg, "specials_chars", arg))
    match tok:
        case "brace_open":
            yield Token("{", "{", spaced)
        case "brace_close":
            yield Token("}", "}", spaced)
        case "begin_environment":
            yield Token("begin", text.rstrip("*"), spaced)
        case "end_environment":
            yield Token("end", text.rstrip("*"), spaced)
        case "macro":
            yield Token("macro", text, spaced)
        case _ if tok.startswith("mathmode"):
            return
        case _:
            yield from (_character(c, spaced and n == 0) for n, c in enumerate(text) if not c.isspace())


def _character(character: str, spaced: bool) -> Token:
    if character.isdigit():
        return Token("number", character, spaced)
    if character.isalpha():
        return Token("letter", character, spaced)
    if character == "&":
        return Token("&", "&", spaced)
    if character in "([":
        return Token("open", character, spaced)
    if character in ")]":
        return Token("close", character, spaced)
    return Token("sign", character, spaced)


# ── runs of letters and digits ───────────────────────────────────────────────────────────────────────


def _merged(raw: list[Token]) -> Iterator[Token]:
    place = 0
    while place < len(raw):
        kind = raw[place].kind
        if kind not in ("letter", "number"):
            yield raw[place]
            place += 1
            continue
        end = place + 1
        while end < len(raw) and _goes_on(kind, raw, end):
            end += 1
        text = "".join(t.text for t in raw[place:end])
        if kind == "number":
            yield Token("number", text, raw[place].spaced)
        else:
            yield from _words(text, raw[place].spaced)
        place = end


def _goes_on(kind: str, raw: list[Token], at: int) -> bool:
    token = raw[at]
    if token.spaced:
        return False
    if kind == "number" and token.text == ".":
        return at + 1 < len(raw) and raw[at + 1].kind == "number" and not raw[at + 1].spaced
    return token.kind == kind


def _words(run: str, spaced: bool) -> Iterator[Token]:
    """`yln` → y, ln; `yhat` → \\hat y; `exp` → exp; `Wx` → W, x."""
    if run in FUNCTION_WORDS or run in _CALLS or run == "np":
        yield Token("word", run, spaced)
    elif run in _PROGRAM_WORDS:
        macro, *rest = _PROGRAM_WORDS[run].split()
        yield Token("macro", macro, spaced)
        yield from (Token("letter", letter) for letter in rest)
    elif tail := next((w for w in FUNCTION_WORDS if run.endswith(w) and len(run) - len(w) <= 2), ""):
        yield from _letters(run.removesuffix(tail), spaced)
        yield Token("word", tail)
    else:
        yield from _letters(run, spaced)


def _letters(run: str, spaced: bool) -> Iterator[Token]:
    for n, letter in enumerate(run):
        yield Token("letter", letter, spaced and n == 0)


# ── what only dresses ────────────────────────────────────────────────────────────────────────────────


def _dressed_down(found: list[Token] | Iterator[Token]) -> Iterator[Token]:
    items = list(found)
    place = 0
    while place < len(items):
        token = items[place]
        place += 1
        if token.kind != "macro":
            yield token
        elif token.text in _DRESS:
            place += _is_invisible_bracket(token, items, place)
        elif token.text in _BOXES:
            boxed, place = _argument(items, place)
            yield from _dressed_down(boxed if any(t.text == "=" for t in boxed) else [_LEFT, *boxed, _RIGHT])
        elif token.text in _SPACES:
            continue
        elif token.text in _DRESSED:
            dressed, place = _argument(items, place)
            yield from _dressed_down(dressed if len(dressed) == 1 else [_LEFT, *dressed, _RIGHT])
        elif token.text in _STACKED:
            _, place = _argument(items, place)
            stacked, place = _argument(items, place)
            yield from _dressed_down(stacked)
        elif token.text in _DROPPED:
            _, place = _argument(items, place)
        elif token.text in _WORDS:
            place += place < len(items) and items[place].text == "*"
            said, place = _argument(items, place)
            yield from _spoken(said, token.spaced)
        else:
            yield _macro(token)


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


def _spoken(words: list[Token], spaced: bool) -> Iterator[Token]:
    """A function's name, single letters set upright, or words between formulas."""
    said = "".join(f" {t}" if t.spaced else str(t) for t in words).strip()
    if (word := said.removeprefix("np.")) in FUNCTION_WORDS:
        yield Token("word", word, spaced)
    elif said == "" or re.fullmatch(r"[.,;:]+", said):
        return
    elif all(t.kind in ("letter", "number") for t in words) and len(said) == 1:
        yield Token(words[0].kind, said, spaced)
    elif len(words) == 1 and words[0].kind in ("letter", "macro", "number"):
        yield words[0]
    elif re.fullmatch(r"d[A-Za-z]", said):
        yield from (Token("letter", letter) for letter in said)
    else:
        yield Token("text", said, spaced)
