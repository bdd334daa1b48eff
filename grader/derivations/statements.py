"""Pieces → statements: chains of formulas a = b = c, each with the place where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest

from grader.derivations.bounds import MAX_CHARACTERS, MAX_STATEMENTS, Unread
from grader.derivations.formulas import Formula
from grader.derivations.parser import Parser
from grader.derivations.pieces import Names, Piece, cut
from grader.derivations.question import Notation
from grader.derivations.tokens import Token, depths, is_picture, tokens
from grader.model import Skipped


@dataclass(frozen=True)
class EquationSide:
    """One side of an equality."""

    text: str
    line: int
    formula: Formula | None
    why: str = ""
    """The reason why it is unread."""
    labels: tuple[tuple[Formula, Formula], ...] = ()
    """Formulas that an \\underbrace embraces, each with the formula below it."""
    doubt: str = ""
    """Something that may belong to it, such as the word of \\text{signo} θ."""
    shorter: EquationSide | None = None
    """The same without a letter at its end that may be a word."""


@dataclass(frozen=True)
class FormulaChain:
    members: tuple[EquationSide, ...]
    display: bool
    relation: str = ""
    """Another sign than =, in a < b, a ≈ b and the like."""

    words: str = ""
    """Words between it and the formula before it."""

    @property
    def is_equality(self) -> bool:
        return not self.relation


@dataclass(frozen=True)
class Reading:
    """All formulas of an answer, and what is no formula."""

    statements: tuple[FormulaChain, ...]
    words: tuple[tuple[int, str], ...]
    """Texts outside the mathematics, with their lines."""
    skipped: tuple[Skipped, ...]
    interrupted: tuple[Skipped, ...]
    """Those of the skipped that stand inside a formula."""
    own: Mapping[str, str]
    """Words that the student uses as names, with their LaTeX."""
    functions: tuple[tuple[str, str, Formula], ...]
    """Functions that are defined by an equation: name, variable and value."""

    @property
    def is_mathematics_alone(self) -> bool:
        return not self.skipped and not any(c.isalnum() or is_picture(c) for _, text in self.words for c in text)


def read(answer: str, notation: Notation, own: Mapping[str, str] | None = None) -> Reading:
    """Read an answer.

    Args:
        answer: The answer as written.
        notation: The signs of the course.
        own: Words that earlier answers use as names, with their LaTeX.

    Raises:
        Unread: It is too long.
    """
    if len(answer) > MAX_CHARACTERS:
        raise Unread("an answer that is too long")
    own = {**(own or {}), **Names(notation).own(answer)}
    notation = replace(notation, words={**notation.words, **own})
    made = cut(answer, notation)
    reader = _Reader(notation)
    for piece in made.pieces:
        if piece.kind == "words":
            reader.words.append((piece.line, piece.text.strip()))
            reader.between(piece.text)
        else:
            reader.take(piece)
    if reader.open:
        reader.skipped.append(Skipped(1, "=", "an equality without its right side"))
    if len(reader.statements) > MAX_STATEMENTS:
        raise Unread("an answer with too many formulas")
    skipped = tuple(sorted((*made.skipped, *reader.skipped), key=lambda one: one.line))
    return Reading(
        tuple(reader.statements), tuple(reader.words), skipped, tuple(reader.interrupted), own, tuple(reader.functions)
    )


@dataclass
class _Side:
    tokens: list[Token]
    texts: list[Token]
    """Texts among the tokens."""


class _Reader:
    def __init__(self, notation: Notation) -> None:
        self.notation = notation
        self.statements: list[FormulaChain] = []
        self.words: list[tuple[int, str]] = []
        self.skipped: list[Skipped] = []
        self.interrupted: list[Skipped] = []
        self.functions: list[tuple[str, str, Formula]] = []
        self.before = ""
        """Words since the last statement."""
        self.open = False
        """The last statement ended with = and waits for its right side."""

    def between(self, words: str) -> None:
        self.before += words
        if "\n\n" in words:
            self.open = False

    def take(self, piece: Piece) -> None:
        found = self._words_split_off(_without_frames(tokens(piece.text, self.notation.words)))
        segments = list(_rows(found))
        for segment, after in zip_longest(segments, segments[1:]):
            doubt = _function_word(after.tokens) if after and after.how == "text" else ""
            self._row(_unwrapped(segment.tokens), piece, segment.how in ("&", "text"), doubt)
        if piece.shorter:
            reader = _Reader(self.notation)
            reader.take(replace(piece, text=piece.shorter, shorter=""))
            if reader.statements and reader.statements[-1].members[-1].formula is not None:
                *members, last = self.statements[-1].members
                last = replace(last, shorter=reader.statements[-1].members[-1])
                self.statements[-1] = replace(self.statements[-1], members=(*members, last))

    def _words_split_off(self, found: list[Token]) -> list[Token]:
        """Make words of functions before a condition, an equality, a size or words: `\\text{if}(θ > 0)`."""
        for n, token in enumerate(found):
            if token.kind == "unknown" and n + 1 < len(found) and found[n + 1].kind == "open":
                inside = _inside(found[n + 1 :])
                if (
                    any(t.kind in ("=", "relation") for t in inside)
                    or all(t.kind == "text" for t in inside)
                    or self._is_size(inside)
                ):
                    found[n] = replace(token, kind="text")
        return found

    def _row(self, row: Sequence[Token], piece: Piece, aside: bool, doubt: str) -> None:
        sides, relation = _sides(row)
        for one, other in pairwise(sides):
            _write_out_update(one.tokens, other.tokens)
        if relation == "∈":
            sides, relation = self._without_sets(sides, piece), ""
        if not sides or not any(side.tokens or side.texts for side in sides):
            return
        goes_on = bool(not sides[0].tokens and len(sides) > 1) or self.open
        if not sides[0].tokens and len(sides) > 1:
            self._skip_texts(sides[0], piece, first=True)
            sides = sides[1:]
            goes_on = True
        self.open = len(sides) > 0 and not sides[-1].tokens and len(row) > 0 and row[-1].kind == "="
        for n, side in enumerate(sides):
            self._skip_texts(side, piece, first=n == 0 and not goes_on)
            self._skip_sizes(side, piece)
        members = [self._member(side, piece) for side in sides if side.tokens]
        if not members:
            return
        members[-1] = replace(members[-1], doubt=members[-1].doubt or doubt)
        self._note_function(sides[0].tokens, members)
        if goes_on and self.statements:
            before = self.statements[-1]
            self.statements[-1] = replace(
                before, members=(*before.members, *members), relation=before.relation or relation
            )
        else:
            made = FormulaChain(tuple(members), piece.display and not aside, relation, self.before)
            self.statements.append(made)
        self.before = ""

    def _note_function(self, head: Sequence[Token], members: Sequence[EquationSide]) -> None:
        """Note φ(z) = …"""
        body, kinds = members[-1].formula, [token.kind for token in (*head[:2], *head[-1:])]
        if len(members) < 2 or body is None or kinds not in (["letter", "open", "close"], ["unknown", "open", "close"]):
            return
        try:
            variable = Parser(head[2:-1], self.notation).whole().name
        except Unread:
            return
        if variable:
            self.functions.append((head[0].text, variable, body))

    def _without_sets(self, sides: list[_Side], piece: Piece) -> list[_Side]:
        """Leave out the text behind ∈, which says a size."""
        last = sides.pop()
        if last.tokens:
            text = piece.text[last.tokens[0].start : last.tokens[-1].end]
            self.skipped.append(Skipped(piece.line + last.tokens[0].line, text, "a set"))
        return sides

    def _member(self, side: _Side, piece: Piece) -> EquationSide:
        line = piece.line + side.tokens[0].line
        text = _whole(piece.text[side.tokens[0].start : side.tokens[-1].end])
        parser = Parser(_without_stops(side.tokens), self.notation)
        try:
            formula = parser.whole()
        except Unread as unread:
            self.skipped.append(Skipped(line, text, f"cannot be read: {unread.why}"))
            return EquationSide(text, line, None, unread.why)
        except RecursionError:
            self.skipped.append(Skipped(line, text, "too deep"))
            return EquationSide(text, line, None, "too deep")
        inside = (_function_word([word, *(t for t in side.tokens if t.start > word.start)]) for word in side.texts)
        return EquationSide(text, line, formula, "", tuple(self._labels(parser, piece)), next(filter(None, inside), ""))

    def _skip_sizes(self, side: _Side, piece: Piece) -> None:
        """Leave out "(H × 1)" behind operands, and a size alone."""
        kept = list(_without_stops(side.tokens))
        if self._is_size(kept):
            self._skip_size(kept, 0, len(kept), piece)
        begin = 0
        while begin < len(kept):
            end = begin + 4
            operand = not begin or kept[begin - 1].kind in ("letter", "number", "close")
            bracket = operand and kept[begin].kind == "open" and kept[begin].text != "{"
            if bracket and kept[end : end + 1] and kept[end].kind == "close" and self._is_size(kept[begin + 1 : end]):
                self._skip_size(kept, begin, end + 1, piece)
            else:
                begin += 1
        side.tokens[:] = kept

    def _skip_size(self, kept: list[Token], begin: int, end: int, piece: Piece) -> None:
        text = piece.text[kept[begin].start : kept[end - 1].end]
        self.skipped.append(Skipped(piece.line + kept[begin].line, text, "a size"))
        del kept[begin:end]

    def _is_size(self, inner: Sequence[Token]) -> bool:
        notation = self.notation
        names = notation.meanings.keys() | notation.same.keys() | notation.losses | notation.powers
        operands = inner[::2]
        return (
            len(inner) in (3, 5)
            and all(t.is_sign("·") for t in inner[1::2])
            and all(t.kind == "number" or (t.kind == "letter" and t.text not in names) for t in operands)
            and (any(t.kind == "letter" for t in operands) or all(t.text.isdigit() for t in operands))
        )

    def _labels(self, parser: Parser, piece: Piece) -> Iterator[tuple[Formula, Formula]]:
        for made, label in parser.labels:
            if not label or self._is_size(label):
                continue
            try:
                yield made, Parser(label, self.notation).whole()
            except Unread:
                text = piece.text[label[0].start : label[-1].end]
                self.skipped.append(Skipped(piece.line + label[0].line, text, "a label"))

    def _skip_texts(self, side: _Side, piece: Piece, *, first: bool) -> None:
        """Leave out words, and note those within a formula, or between it and the = before it."""
        for token in side.texts:
            skipped = Skipped(piece.line + token.line, token.text, "words among the mathematics")
            self.skipped.append(skipped)
            before = not first or any(t.start < token.start for t in side.tokens)
            behind = any(t.start > token.start for t in side.tokens)
            if (before and behind) or not any(c.isalpha() for c in token.text):
                self.interrupted.append(skipped)


def _write_out_update(left: list[Token], right: list[Token]) -> None:
    """Make `a = a - (b)` of `a -= b`."""
    if [token.kind == "sign" for token in left[-2:]] == [False, True] and left[-1].is_sign(*_OPERATORS) and right:
        sign = left.pop()
        right[:] = *left, sign, replace(sign, kind="open", text="("), *right, replace(sign, kind="close", text=")")


def _function_word(tokens: Sequence[Token]) -> str:
    """Return the word at the beginning if it stands before an operand and no equality, as in \\text{signo} θ."""
    word, operand = tokens[0], tokens[1:2]
    alone = operand and operand[0].kind in ("letter", "number", "open") and re.fullmatch(r"[^\W\d_]+", word.text)
    return word.text if alone and not any(t.kind in ("=", "relation") for t in tokens) else ""


def _inside(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return what stands in the bracket at the beginning."""
    open_behind = depths(tokens)
    return tokens[1 : open_behind.index(0)] if 0 in open_behind else tokens[1:]


def _unwrapped(row: Sequence[Token]) -> Sequence[Token]:
    """Drop a bracket around a whole equality, as comments have it."""
    kept = _without_stops(row)
    if len(kept) > 2 and kept[0].kind == "open" and kept[-1].kind == "close":
        open_behind = depths(kept)
        if min(open_behind[:-1]) >= 1 and any(t.kind == "=" and d == 1 for t, d in zip(kept, open_behind, strict=True)):
            return kept[1:-1]
    return row


def _without_frames(found: Sequence[Token]) -> list[Token]:
    """Drop braces that group nothing: of boxes and colours, around whole equalities and around one letter."""
    opened: list[int] = []
    dropped: set[int] = set()
    equal: set[int] = set()
    added: set[int] = set()
    for n, token in enumerate(found):
        if token.kind == "open":
            opened.append(n)
        elif token.kind == "close" and opened:
            begin = opened.pop()
            brace = found[begin].text
            script = begin and (found[begin - 1].is_sign("_", "^") or found[begin - 1].kind == "macro")
            signed = n > begin + 1 and found[begin + 1].is_sign("+", "-")
            bare = brace == "{" and not script and (begin in equal or n == begin + 2)
            if bare or (brace == "{=" and (begin in equal or begin not in added or signed)):
                dropped |= {begin, n}
        elif opened and token.kind in ("=", "row"):
            equal.add(opened[-1])
        elif opened and token.is_sign("+", "-"):
            added.add(opened[-1])
    kept = [(replace(t, text="{") if t.text == "{=" else t) for n, t in enumerate(found) if n not in dropped]
    return kept


_PAIRED = re.compile(r"\\(?:left|right)(?![A-Za-z])\.?|\\(?:begin|end)\{[^{}]*\}|\\.|[{}&]", re.DOTALL)
_OPENING = {"}": "{", "\\right": "\\left", "\\end": "\\begin"}


def _whole(text: str) -> str:
    """Return a part of a formula as LaTeX, without line breaks and halves of pairs whose other half stands outside."""
    opened: list[tuple[str, re.Match[str]]] = []
    dropped: list[re.Match[str]] = []
    for found in _PAIRED.finditer(text):
        kind = found[0].partition("{")[0].rstrip(".") or "{"
        if kind in _OPENING.values():
            opened.append((kind, found))
        elif kind in _OPENING and any(other == _OPENING[kind] for other, _ in opened):
            while opened[-1][0] != _OPENING[kind]:
                dropped.append(opened.pop()[1])
            opened.pop()
        elif kind in _OPENING or (kind in ("&", "\\\\") and not any(other == "\\begin" for other, _ in opened)):
            dropped.append(found)
    closing = "}" * sum(kind == "{" for kind, _ in opened)
    for found in sorted([*dropped, *(f for kind, f in opened if kind != "{")], key=lambda f: f.start(), reverse=True):
        text = f"{text[: found.start()]} {text[found.end() :]}" if found[0] == "\\\\" else (
            text[: found.start()] + text[found.end() :]
        )  # fmt: skip
    return text.strip() + closing


def _without_stops(side: Sequence[Token]) -> Sequence[Token]:
    """Drop full stops and colons at the ends, and a bracket that has no partner."""
    kept = list(side)
    while kept and kept[-1].is_sign(".", ":", "!", "?", '"', "□"):
        kept.pop()
    while kept and kept[0].is_sign(".", ":", "•", "|"):
        if kept[0].text == "|" and any(t.is_sign("|") for t in kept[1:]):
            break
        kept.pop(0)
    open_behind = depths(kept) or [0]
    if open_behind[-1] == -1 and kept[-1].kind == "close":
        kept.pop()
    elif open_behind[-1] == 1 and kept[0].kind == "open" and min(open_behind) >= 1:
        kept.pop(0)
    return kept


@dataclass
class _Segment:
    """Tokens of a row, and the separator before them."""

    how: str
    tokens: list[Token]

    @property
    def continues(self) -> bool:
        """Return whether it goes on with a row before it."""
        return self.how == "row" and self.tokens[0].is_sign(*_OPERATORS)

    @property
    def begins_with_equals(self) -> bool:
        return self.tokens[0].kind == "=" and self.how in ("row", "quad", "qquad", "text", "")

    @property
    def hangs(self) -> bool:
        """Return whether it ends with a sign that needs a right side."""
        return self.tokens[-1].kind == "=" or self.tokens[-1].is_sign(*_OPERATORS)


_OPERATORS = ("+", "-", "·", "⊙", "@", "⊗", "/")


def _rows(found: Sequence[Token]) -> Iterator[_Segment]:
    """Cut at line breaks, commas, words and arrows outside brackets and environments; join a row that begins with an
    operator or = to the one that it continues."""
    joined: list[_Segment] = []
    for segment in _segments(found):
        before = joined[-1] if joined else None
        if before is not None and before.hangs and segment.how not in (",", ";"):
            before.tokens.extend(segment.tokens)
        elif joined and (segment.continues or segment.begins_with_equals):
            main = next((s for s in reversed(joined) if s.how not in ("&", "text")), joined[-1])
            main.tokens.extend(segment.tokens)
        else:
            joined.append(segment)
    yield from joined


def _segments(found: Sequence[Token]) -> Iterator[_Segment]:
    segment = _Segment("", [])
    depth = grids = 0
    for token in found:
        if token.kind == "macro" and token.text.startswith(("begin ", "end ")):
            grids += 1 if token.text.startswith("begin") else -1
        depth = max(0, depth + token.nesting)
        cuts = grids <= 0 and (token.kind == "row" or (depth == 0 and token.kind == "end"))
        words = grids <= 0 and depth == 0 and token.kind == "text" and segment.tokens and not segment.hangs
        if cuts or words:
            if segment.tokens:
                yield segment
            segment = _Segment("row" if token.kind == "row" else "text" if words else token.text, [])
            depth = 0
        if not cuts and (grids > 0 or token.kind != "end" or token.text == ","):
            segment.tokens.append(token)
    if segment.tokens:
        yield segment


def _sides(row: Sequence[Token]) -> tuple[list[_Side], str]:
    sides, relation, depth, grids = [_Side([], [])], "", 0, 0
    for token in row:
        depth += token.nesting
        if token.kind == "macro" and token.text.startswith(("begin ", "end ")):
            grids += 1 if token.text.startswith("begin") else -1
        top = depth <= 0 and grids <= 0
        if top and token.kind == "=":
            sides.append(_Side([], []))
        elif top and token.kind == "relation":
            relation = token.text
            sides.append(_Side([], []))
        elif token.kind == "text" and grids <= 0:
            sides[-1].texts.append(token)
        else:
            sides[-1].tokens.append(token)
    return sides, relation
