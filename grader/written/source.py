"""An answer in markdown → its maths, and the words between. Nothing is thrown away that could change the meaning."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from grader.written.signs import words
from grader.written.typed import equalities

_TAG = re.compile(r"</?([a-zA-Z][a-zA-Z0-9]{0,15})(?:\s[^<>]{0,300})?/?>")
_ENTITY = re.compile(r"&(?:[a-zA-Z]{2,10}|#[0-9]{1,6});")
_STRUCK = frozenset(["s", "del", "strike", "template", "script", "style", "noscript", "textarea", "title"])
_HIDES = re.compile(r"(?i)\b(?:style|hidden|class)\b")
_LINKED = re.compile(r"^ {0,3}\[[^\]]{1,80}\]:", re.MULTILINE)
"""A definition of a link, which is not shown."""
_LINES = frozenset(["br", "p", "div", "li", "ul", "ol", "tr", "td"])
_ENVIRONMENTS = "align|aligned|equation|eqnarray|gather|gathered|split|multline|displaymath|math|flalign|alignat"
_BEGIN = re.compile(rf"\\begin\{{((?:{_ENVIRONMENTS})\*?)\}}")
_OPENING = re.compile(rf"\\\\?\[|\\\\?\(|\\\$|\$\$|\$|```|`|{_BEGIN.pattern}")
_CLOSING = {"[": "]", "(": ")"}


@dataclass(frozen=True)
class Piece:
    kind: Literal["maths", "program", "words"]
    text: str
    is_fresh: bool = False
    """It begins a line of its own, behind nothing but other formulas."""


@dataclass(frozen=True)
class Source:
    pieces: tuple[Piece, ...]
    struck: bool = False
    """Something is crossed out."""
    open: bool = False
    """A formula begins and never ends."""


_SPACES = re.compile(r"[^\S\n]{2,}")
_BLANK_LINES = re.compile(r"\n(?: {0,2}\n){2,}")
"""Long runs of either would take the patterns for sentences minutes."""


def parts(answer: str) -> Source:
    plain, struck = _without_html(answer)
    plain = _BLANK_LINES.sub("\n\n", _SPACES.sub("  ", plain))
    pieces, open = _cut(plain)
    if not any(p.kind != "words" for p in pieces):
        pieces = [made for line in plain.splitlines() for made in _line(line)]
    pieces = [made for piece in pieces for made in _without_text(piece)]
    pieces = [made for piece in pieces for made in (_typed(piece.text) if piece.kind == "words" else [piece])]
    return Source(tuple(_without_blanks(pieces)), struck or "~~" in plain, open)


def _without_blanks(pieces: Sequence[Piece]) -> Iterator[Piece]:
    is_fresh = False
    for piece in pieces:
        if piece.text.strip():
            yield replace(piece, is_fresh=is_fresh)
        is_fresh = not piece.text.strip() and (is_fresh or "\n" in piece.text)


_TEXT = re.compile(r"\\(?:text|textrm|textnormal|mbox|textit|textbf)\s*\{([^{}$]*)\}")
_SAYS = re.compile(r"[A-Za-z]{2}\s+[A-Za-z]|\s(?:and|so|then|hence|thus|with|where|because|since|for|by)\s|:\s*$")


def _without_text(piece: Piece) -> Iterator[Piece]:
    """Sentences that are set among formulas, as words between them."""
    if piece.kind != "maths" or "&" in piece.text or "\\begin" in piece.text:
        yield piece
        return
    place = 0
    for found in _TEXT.finditer(piece.text):
        before = piece.text[place : found.start()]
        if not _SAYS.search(f" {found[1]} ") or piece.text[: found.start()].count("{") != piece.text[
            : found.start()
        ].count("}"):
            continue
        line, is_new, formula = before.rpartition("\\\\")
        yield Piece("maths", line if is_new and not formula.strip() else before)
        yield Piece("words", f"\n\n{found[1]} " if is_new and not formula.strip() else f" {found[1]} ")
        place = found.end()
    yield Piece("maths", piece.text[place:])


def _without_html(answer: str) -> tuple[str, bool]:
    answer = _without_comments(answer)
    struck = any(tag[1].lower() in _STRUCK or _HIDES.search(tag[0]) for tag in _TAG.finditer(answer))
    struck = struck or _LINKED.search(answer) is not None
    answer = _TAG.sub(_tag, answer)
    return _ENTITY.sub(lambda m: html.unescape(m[0]), answer), struck


def _without_comments(answer: str) -> str:
    """One that is never closed hides the rest, as it does in a browser."""
    shown, opening, rest = answer.partition("<!--")
    kept = [shown]
    while opening:
        shown, opening, rest = rest.partition("-->")[2].partition("<!--")
        kept.append(shown)
    return "".join(kept)


def _tag(tag: re.Match[str]) -> str:
    name, closes = tag[1].lower(), tag[0].startswith("</")
    if name in ("sup", "sub"):
        return "}" if closes else ("^{" if name == "sup" else "_{")
    return "\n" if name in _LINES else ""


def _cut(text: str) -> tuple[list[Piece], bool]:
    """At the delimiters of maths and of code."""
    pieces: list[Piece] = []
    place = start = 0
    while (opening := _OPENING.search(text, place)) is not None:
        if opening[0] == "\\$":  # a dollar
            place = opening.end()
            continue
        pieces.append(Piece("words", text[start : opening.start()]))
        piece, end = _formula(text, opening)
        if end < 0:
            return [*pieces, piece], True
        pieces += _lines(piece)
        place = start = end
    return [*pieces, Piece("words", text[start:])], False


def _formula(text: str, opening: re.Match[str]) -> tuple[Piece, int]:
    """What stands between the delimiters, and where it ends; -1 where it does not."""
    mark, begins = opening[0], opening.end()
    if opening[1]:
        mark, begins = f"\\end{{{opening[1]}}}", opening.start()
    elif mark[-1] in _CLOSING:
        mark = mark[:-1] + _CLOSING[mark[-1]]
    end = text.find(mark, begins)
    kind: Literal["maths", "program"] = "program" if mark[0] == "`" else "maths"
    if end < 0:
        return Piece(kind, text[begins:]), -1
    inside = text[begins : end + len(mark)] if opening[1] else text[begins:end]
    return Piece(kind, inside), end + len(mark)


def _lines(piece: Piece) -> list[Piece]:
    """Programs end at the line's end; formulas do not."""
    if piece.kind != "program":
        return [piece]
    found = [made for line in piece.text.splitlines() for made in _program(line)]
    return [made for made in found if made.text.strip() not in ("", "python", "latex", "math")]


def _program(line: str) -> tuple[Piece, ...]:
    """Code and the words of its comment; in a cell of code the formula itself may be the comment."""
    code, _, comment = line.partition("#")
    if not code.strip() and _may_be_formula(comment):
        return (Piece("program", comment),)
    return Piece("program", code), Piece("words", comment)


# ── answers without any delimiter ────────────────────────────────────────────────────────────────────

_KNOWN = words(
    "exp sign sgn sigmoid diag abs sqrt log yhat hat theta eta lambda lam lmbda sigma delta nabla odot partial grad "
    "top alpha cdot dot outer matmul multiply new old"
)


_SIGNS = re.compile(r"[^\x00-\x7f–—‘’“”]|\^|_\{|\\[a-z]")
"""Maths, and no program."""


_SHORT_WORDS = re.compile(r"(?i)(?<![\w\\])(?:so|is|we|in|of|to|by|as|at|it|or|on|if|an|be|with)(?!\w)")


def _line(line: str) -> tuple[Piece, ...]:
    bare = _bare(line)
    if not _may_be_formula(line):
        return (Piece("words", f"{bare}\n"),)
    return Piece("maths" if _SIGNS.search(bare) else "program", bare), Piece("words", "\n")


def _typed(text: str) -> list[Piece]:
    """With the equalities among words that nobody has put between dollars."""
    made: list[Piece] = []
    place = 0
    for start, end in equalities(text):
        made += [Piece("words", text[place:start]), Piece("maths", text[start:end])]
        place = end
    return [*made, Piece("words", text[place:])]


_EMPHASISED = re.compile(r"(?<![^\s(])\*{1,3}(?=[^\s*])(.{1,200}?)(?<=[^\s*])\*{1,3}(?![^\s).,;:])")


def _bare(line: str) -> str:
    """Without the mark of a list, and without words before a colon."""
    line = _EMPHASISED.sub(r"\1", line)
    line = re.sub(r"^\s*(?:[-*+>]\s+|\d{1,2}[.)]\s+)", "", line)
    return re.sub(r"^[A-Za-z ]{2,40}:(?!=)", "", line)


def _may_be_formula(line: str) -> bool:
    bare = _bare(line)
    words = re.findall(r"(?<![\\A-Za-z])[A-Za-z]{3,}", bare)
    is_known = all(word in _KNOWN or (word[0] == "d" and word[1:] in _KNOWN) for word in words)
    return is_known and bool(re.search(r"[A-Za-zŷσθ]", bare)) and not _SHORT_WORDS.search(bare)
