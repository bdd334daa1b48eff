"""Maths as LaTeX → tokens, by pylatexenc's tokenizer; letters and digits that belong together are joined."""

from __future__ import annotations

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


FUNCTION_WORDS = words("exp ln log sign sgn signum sigmoid diag abs sqrt")
_PROGRAM_WORDS = {
    "yhat": "hat y", "theta": "theta", "eta": "eta", "lambda": "lambda", "lam": "lambda", "lmbda": "lambda",
    "sigma": "sigma", "delta": "delta", "nabla": "nabla", "odot": "odot", "partial": "partial", "grad": "nabla",
    "top": "top", "hat": "hat", "alpha": "alpha", "cdot": "cdot",
}  # fmt: skip
_CALLS = frozenset(["dot", "matmul", "outer", "multiply", "transpose"])


def tokens(maths: str) -> list[Token]:
    """Raises `Unread` where there are too many."""
    return list(_merged(list(_raw(as_latex(maths)))))


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
    if character.isdecimal() and character.isascii():
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
        while end < len(raw) and _goes_on(kind, raw[place:end], raw, end):
            end += 1
        text = "".join(t.text for t in raw[place:end])
        if kind == "number":
            yield Token("number", text, raw[place].spaced)
        else:
            yield from _words(text, raw[place].spaced)
        place = end


def _goes_on(kind: str, run: list[Token], raw: list[Token], at: int) -> bool:
    token = raw[at]
    if token.spaced:
        return False
    if kind == "number" and token.text == ".":
        has_a_point = any(t.text == "." for t in run)
        return not has_a_point and at + 1 < len(raw) and raw[at + 1].kind == "number" and not raw[at + 1].spaced
    return token.kind == kind


def _words(run: str, spaced: bool) -> Iterator[Token]:
    """`yln` → y, ln; `yhat` → \\hat y; `exp` → exp; `Wx` → W, x."""
    if run in FUNCTION_WORDS or run in _CALLS or run == "np":
        yield Token("word", run, spaced)
    elif run in _PROGRAM_WORDS:
        macro, *rest = _PROGRAM_WORDS[run].split()
        yield Token("macro", macro, spaced)
        yield from (Token("letter", letter) for letter in rest)
    elif run[0] == "d" and run[1:] in _PROGRAM_WORDS:
        yield Token("letter", "d", spaced)
        yield from _words(run[1:], spaced=False)
    elif tail := next((w for w in FUNCTION_WORDS if run.endswith(w) and len(run) - len(w) <= 2), ""):
        yield from _letters(run.removesuffix(tail), spaced)
        yield Token("word", tail)
    else:
        yield from _letters(run, spaced)


def _letters(run: str, spaced: bool) -> Iterator[Token]:
    for n, letter in enumerate(run):
        yield Token("letter", letter, spaced and n == 0)
