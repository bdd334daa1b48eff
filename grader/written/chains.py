"""Maths → equality chains: what is said to be equal to what, in the order of the page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from grader.written.bounds import MAX_CHAINS, MAX_CHARACTERS, MAX_PIECES, MAX_TOKENS, Unfinished, Unread
from grader.written.cases import RELATIONS
from grader.written.comments import apart
from grader.written.cursor import show
from grader.written.dress import undressed
from grader.written.grammar import read
from grader.written.notation import Notation
from grader.written.ranges import without_ranges
from grader.written.shapes import Shape, behind_in, standing_alone
from grader.written.signs import words
from grader.written.source import Piece, Source, parts
from grader.written.spoken import read_out
from grader.written.tokens import Token, tokens
from grader.written.tree import Formula, Relation
from grader.written.unapplied import in_general

_EQUALS = frozenset(
    ["=", "\\equiv", "\\coloneqq", "\\triangleq", "\\doteq", "\\leftarrow", "\\gets", "\\Leftarrow", "\\longleftarrow"]
)
_UNEQUAL = words(
    "\\approx \\propto \\neq \\ne \\sim \\simeq \\le \\ge \\leq \\geq \\lt \\gt \\ll \\gg < > \\not \\pm \\mp"
)
_BREAKS = words(
    ", ; \\\\ \\quad \\newline \\linebreak \\cr \\Rightarrow \\implies \\therefore \\iff \\Longrightarrow \\because "
    "\\to \\rightarrow \\longrightarrow \\Leftrightarrow \\hline"
)
_ENDS = frozenset(["\\blacksquare", "\\square", "\\checkmark", "\\Box"])
_CASES = frozenset(["cases", "dcases", "rcases"])
_MATRICES = words("bmatrix pmatrix matrix vmatrix Vmatrix Bmatrix smallmatrix")
"""No question asks for one, so that their inside is not read; an array may only align."""
_JOINS = frozenset(["+", "*", "@", "/", "\\cdot", "\\times", "\\odot", "\\circ", "\\otimes", "\\ast"])
_IS = re.compile(
    r"(?i)[\s*_]*(is|:|equals|is equal to|be|denotes|stands for|becomes|is given by|will be|would be|is just|"
    r"is simply|=)[\s*_:]*"
)
"""Words between a left side and its formula."""
_CONDITIONS = re.compile(r"(?i)\W*(if|when|for|unless|except|only|assuming|not|or|either|approximately|provided)\b")


@dataclass(frozen=True)
class Member:
    source: str
    formula: Formula | None
    unread: str = ""
    """What of it cannot be read, where there is no formula."""
    is_unfinished: bool = False
    """It cannot because it is only not worked out."""


@dataclass(frozen=True)
class Chain:
    members: tuple[Member, ...]
    piece: int
    """Where it ends among the pieces of the answer."""
    begins: int
    doubt: str = ""
    """Why this is no plain equality, or no whole one."""
    behind: str = ""
    """The sign that ends the line above it."""
    holds: tuple[Formula, Relation] | None = None
    """What is said to be ≠ 0 or > 0, where the chain is that and no equality."""
    shape: Shape | None = None
    """What is said of the size of its last member, or, where it has none, of something else."""
    is_aside: bool = False
    """It stands in a bracket of words."""


@dataclass(frozen=True)
class Said:
    """Words inside the maths."""

    piece: int
    text: str
    is_comment: bool = False


@dataclass(frozen=True)
class Reading:
    chains: tuple[Chain, ...]
    source: Source
    said: tuple[Said, ...] = ()
    """Outside case distinctions."""

    def words_around(self, chain: Chain) -> tuple[str, str]:
        """The words right before and right behind it; "" where a formula or nothing stands there."""
        pieces = self.source.pieces
        around = pieces[max(0, chain.begins - 1) : chain.begins], pieces[chain.piece + 1 : chain.piece + 2]
        before, behind = ("".join(p.text for p in beside if p.kind == "words") for beside in around)
        return before, behind


def chains(answer: str, notation: Notation) -> Reading:
    """Raises `Unread` only where the answer as a whole is too long."""
    if len(answer) > MAX_CHARACTERS:
        raise Unread("an answer that is too long")
    source = parts(answer)
    if len(source.pieces) > MAX_PIECES:
        raise Unread("an answer that is too long")
    source = replace(source, pieces=read_out(source.pieces, notation))
    found: list[_Line] = []
    budget = MAX_TOKENS
    for number in range(len(source.pieces)):
        for line in _lines(_with_left_side(source.pieces, number), number, budget):
            budget -= len(line.tokens)
            if budget < 0 or len(found) > MAX_CHAINS:
                raise Unread("an answer that is too long")
            _add(found, line)
    return Reading(tuple(_chain(line, notation) for line in found), source, _said(source))


def _said(source: Source) -> tuple[Said, ...]:
    """Without the words of case distinctions, which are read with them."""
    said: list[Said] = []
    for number, piece in enumerate(source.pieces):
        cases = 0
        kept, comments = apart(_tokens(piece))
        for token in kept:
            cases += {"begin": 1, "end": -1}.get(token.kind, 0) * (token.text in _CASES)
            if token.kind == "text" and not cases:
                said.append(Said(number, token.text))
        said += (Said(number, t.text, True) for comment in comments for t in comment if t.kind == "text")
    return tuple(said)


def _tokens(piece: Piece) -> list[Token]:
    try:
        return [] if piece.kind == "words" else list(undressed(tokens(piece.text)))
    except Unread:  # its chain says so
        return []


def _with_left_side(pieces: Sequence[Piece], number: int) -> str:
    """The piece's maths; the left side of its equality may stand before the dollar: `∇a2 J = $…$`."""
    piece = pieces[number]
    if piece.kind == "words":
        return ""
    before = pieces[number - 1] if number else None
    if before is None or before.kind != "words":
        return piece.text
    if number > 1 and _IS.fullmatch(before.text) and not _begins_anew(pieces, number):
        return f"= {piece.text}"
    last = before.text.splitlines()[-1].rpartition(":")[2].strip() if before.text.splitlines() else ""
    return f"{last} {piece.text}" if last.endswith("=") and len(last) < 60 else piece.text


_AS_AN_OBJECT = re.compile(
    r"(?i)\b(multipl\w+|by|to|with|times|from|into|through|on|at|against|for|hits?|scales?|follows|precedes|"
    r"entries|elements|components|rows?|columns?)\s*(the\s+)?$"
)
"""Words before a formula which is then not what "is" is said of."""
_IS_A_NAME = re.compile(r"\s*\\?[A-Za-z]+(?:[_^](?:\{[^{}]*\}|\w))*\s*&?\s*")
_JOINED_BEHIND = re.compile(r"(?i)\s*(times|plus|minus|multiplied|divided|transposed|squared)\b")


def _begins_anew(pieces: Sequence[Piece], number: int) -> bool:
    """ "what multiplies $a$ is $b$", "the sign of $a$: $b = c$" """
    of, said, piece = pieces[number - 2], pieces[number - 1].text, pieces[number]
    before = pieces[number - 3].text if number > 2 else ""
    names_itself = "=" in piece.text and _IS_A_NAME.fullmatch(piece.text.partition("=")[0]) is not None
    is_whole = said.strip(" *_\n") == ":" and ("=" in of.text or "=" in piece.text)
    after = pieces[number + 1].text if number + 1 < len(pieces) else ""
    return (
        is_whole
        or names_itself
        or bool(_JOINED_BEHIND.match(after))
        or bool(_AS_AN_OBJECT.search(before))
        or standing_alone(_tokens(piece)) is not None
    )


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Line:
    tokens: tuple[Token, ...]
    piece: int
    begins: int
    behind: str = ""
    """What stands before it: the sign that ended the line above."""
    doubt: str = ""
    is_aside: bool = False
    """It stands in a bracket of words: `\\text{(since } a = b \\text{)}`."""


def _lines(maths: str, piece: int, budget: int) -> Iterator[_Line]:
    try:
        found = list(undressed(tokens(maths)))
    except Unread as unread:
        yield _Line((Token("text", unread.what),), piece, piece, doubt=unread.what)
        return
    behind = ""
    is_aside = False
    found, comments = apart(without_ranges(found[:budget]))
    for part, mark in _parts(found):
        line = tuple(part)
        doubt = f"“{mark.text}”" if mark and mark.kind == "text" and _CONDITIONS.match(mark.text) else ""
        if any(t.kind != "&" for t in line):
            yield _Line(line, piece, piece, behind, doubt, is_aside)
        behind = str(mark) if mark else ""
        if mark and mark.kind == "text":
            is_aside = mark.text.count("(") > mark.text.count(")") or (is_aside and ")" not in mark.text)
    for comment in comments:
        for part, _ in _parts(comment):
            if part:
                yield _Line(tuple(part), piece, piece, r"\\", is_aside=True)


def _parts(found: Sequence[Token]) -> Iterator[tuple[list[Token], Token | None]]:
    """Cut where a line, a sentence or an argument ends, outside all brackets; with the token that ends it."""
    part: list[Token] = []
    depth = cases = 0
    found = _without_columns(found)
    for n, token in enumerate(found):
        if token.kind in ("begin", "end"):
            step = 1 if token.kind == "begin" else -1
            if token.text in _CASES | _MATRICES or (token.text == "array" and (depth or cases)):
                cases += step
                part.append(token)
            elif not cases:
                yield part, Token("macro", "\\")
                part = []
        elif cases:
            part.append(token)
        else:
            depth = max(0, depth + {"open": 1, "{": 1, "close": -1, "}": -1}.get(token.kind, 0))
            if _ends(token, found[n + 1 : n + 2], depth) and not (part and part[-1].text == "np"):
                yield part, token
                part = []
            elif depth == 0 or (token.kind != "&" and str(token) not in ("\\\\", "\\quad")):
                part.append(token)
    yield part, None


def _without_columns(found: Sequence[Token]) -> list[Token]:
    """Without the {rcl} behind the beginning of an array."""
    kept: list[Token] = []
    place = 0
    while place < len(found):
        kept.append(found[place])
        place += 1
        if kept[-1].kind == "begin" and kept[-1].text in ("array", "alignat"):
            while place < len(found) and found[place].kind != "}":
                place += 1
            place += 1
    return kept


def _ends(token: Token, after: Sequence[Token], depth: int) -> bool:
    if depth:
        return False
    if token.kind == "text":
        return True
    if token.text == "." and token.kind == "sign":
        return not (after and after[0].text in ("T", "dot", "*") and not after[0].spaced)
    return str(token) in _BREAKS


def _add(found: list[_Line], line: _Line) -> None:
    """A line that begins with a sign goes on with the one above."""
    bare = [t for t in line.tokens if t.kind != "&"]
    first = str(bare[0])
    at = max((n for n, one in enumerate(found) if not one.is_aside), default=-1)
    above = found[at] if at >= 0 else None
    if (
        above is not None
        and not line.is_aside
        and (first in _EQUALS or _is_assigned(bare) or _continues(above, line, first))
    ):
        whole = above.tokens + line.tokens
        found[at] = replace(above, tokens=whole, piece=line.piece, doubt=above.doubt or line.doubt)
    else:
        found.append(line)


def _is_assigned(bare: Sequence[Token]) -> bool:
    return len(bare) > 1 and bare[0].text == ":" and bare[1].text == "="


def _continues(above: _Line, line: _Line, first: str) -> bool:
    if above.piece != line.piece or line.behind not in ("\\\\", "\\quad"):
        return False
    return first in _JOINS or (first == "-" and line.tokens[0].kind == "&") or str(above.tokens[-1]) in _JOINS


# ── chains ───────────────────────────────────────────────────────────────────────────────────────────


def _written_out(tokens: Sequence[Token]) -> Sequence[Token]:
    """`a -= b` as a = a - (b)."""
    bare = [t for t in tokens if t.kind != "&"]
    at = next((n for n, t in enumerate(bare) if t.text == "=" and t.kind == "sign"), 0)
    if at < 2 or bare[at - 1].text not in ("+", "-", "*", "/") or bare[at].spaced:
        return tokens
    name = bare[: at - 1]
    return [*name, bare[at], *name, bare[at - 1], Token("open", "("), *bare[at + 1 :], Token("close", ")")]


def _chain(line: _Line, notation: Notation) -> Chain:
    line = replace(line, tokens=tuple(_written_out(line.tokens)))
    if not line.doubt and (aside := _aside(line, notation)):
        return aside
    members: list[list[Token]] = [[]]
    doubt, shape = line.doubt, None
    depth = cases = 0
    for n, token in enumerate(line.tokens):
        depth = max(0, depth + {"open": 1, "{": 1, "close": -1, "}": -1}.get(token.kind, 0))
        cases += {"begin": 1, "end": -1}.get(token.kind, 0)
        if cases or token.kind == "end" or depth:
            members[-1].append(token)
        elif str(token) == "\\in":
            shape = behind_in(line.tokens[n + 1 :])
            doubt = doubt or ("what stands behind ∈" if shape is None else "")
            break
        elif str(token) in _EQUALS:
            members.append([])
        elif str(token) in _UNEQUAL:
            doubt = doubt or f"{token} in place of ="
            members.append([])
        elif token.kind == "&" and not _aligns(line.tokens, n):
            doubt = doubt or "columns side by side"
        elif not _says_nothing(token, line.tokens[n - 1 : n] if n else (), line.tokens[n + 1 : n + 2]):
            members[-1].append(token)
    if any(not m for m in members[1:]):
        doubt = doubt or "an equality without its right side"
    read_ones = tuple(_member(m, notation) for m in in_general(members, notation) if m)
    return Chain(read_ones, line.piece, line.begins, doubt, line.behind, shape=shape, is_aside=line.is_aside)


def _aside(line: _Line, notation: Notation) -> Chain | None:
    """What is no equality: a size, a condition, an interval."""
    aside = Chain((), line.piece, line.begins, "", line.behind)
    if (shape := standing_alone(line.tokens)) is not None:
        return replace(aside, shape=shape)
    if holds := _comparison(line.tokens, notation):
        return replace(aside, holds=holds)
    if _SIZES.fullmatch("".join(map(str, line.tokens))):
        return aside
    is_function = _OF_ANYTHING.fullmatch("".join(map(str, line.tokens))) is not None
    return aside if is_function or "".join(map(str, line.tokens)) in notation.asides else None


_OF_ANYTHING = re.compile(r"[a-z]{1,8}\((\\cdot|\.)\)|sign|sgn|sigmoid|exp|\\sigma(\(\\cdot\))?")
"""A function that is mentioned: sign(·)."""
_A_SIZE = r"[({\[]?(?:1|[A-Z])(?:\\times|x)(?:1|[A-Z])[)}\]]?"
_SIZES = re.compile(rf"{_A_SIZE}(?:(?:\\cdot|\\times|@|=|\\to|\\rightarrow)?{_A_SIZE})+")
"""What is done with sizes: (H × 1)(1 × D) = H × D."""
_COMPARES = {sign: relation for sign, relation in RELATIONS.items() if relation != "="}
_COMPARES |= {"\\ne": "!=", "\\neq": "!="}


def _comparison(line: Sequence[Token], notation: Notation) -> tuple[Formula, Relation] | None:
    """`\\theta_i \\ne 0`"""
    bare = [t for t in line if t.kind != "&"]
    if len(bare) > 4 and str(bare[0]) == "(" and str(bare[-1]) == ")":
        bare = bare[1:-1]
    if len(bare) < 3 or bare[-1].text != "0" or str(bare[-2]) not in _COMPARES:
        return None
    made = _member(bare[:-2], notation).formula
    return (made, _COMPARES[str(bare[-2])]) if made is not None else None


def _aligns(line: Sequence[Token], at: int) -> bool:
    around = [*line[max(0, at - 1) : at], *line[at + 1 : at + 2]]
    at_the_edge = len(around) < 2
    return at_the_edge or any(str(t) in _EQUALS | _UNEQUAL | _JOINS | {"-", "&", ":"} for t in around)


def _says_nothing(token: Token, before: Sequence[Token], after: Sequence[Token]) -> bool:
    if token.text == ":" and token.kind == "sign":
        return any(t.text == "=" for t in (*before, *after))
    return token.kind == "&" or str(token) in _ENDS


def _member(found: Sequence[Token], notation: Notation) -> Member:
    said = show(found)
    try:
        return Member(said, read(found, notation))
    except Unread as unread:
        return Member(said, None, unread.what, isinstance(unread, Unfinished))
