"""Pieces → statements: chains of formulas a = b = c, each with the place where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from grader.derivations.bounds import MAX_CHARACTERS, MAX_STATEMENTS, Unread
from grader.derivations.formulas import Formula
from grader.derivations.parser import Parser
from grader.derivations.pieces import Piece, cut
from grader.derivations.question import Notation
from grader.derivations.tokens import Token, tokens
from grader.model import Skipped


@dataclass(frozen=True)
class Member:
    """One side of an equality."""

    text: str
    line: int
    formula: Formula | None
    why: str = ""
    """The reason why it is unread."""
    labels: tuple[tuple[Formula, Formula], ...] = ()
    """What an \\underbrace embraces, and the formula that it says it is."""


@dataclass(frozen=True)
class Statement:
    members: tuple[Member, ...]
    display: bool
    goes_on: bool = False
    """It began with =: the statement before it is continued."""
    is_equality: bool = True
    """False for a < b, a ≈ b and the like."""


@dataclass(frozen=True)
class Reading:
    """All formulas of an answer, and what is no formula."""

    statements: tuple[Statement, ...]
    words: tuple[tuple[int, str], ...]
    """Texts outside the mathematics, with their lines."""
    skipped: tuple[Skipped, ...]
    interrupted: tuple[Skipped, ...]
    """Those of the skipped that stand inside a formula."""

    @property
    def is_mathematics_alone(self) -> bool:
        return not self.skipped and not any(any(c.isalnum() for c in text) for _, text in self.words)


def read(answer: str, notation: Notation) -> Reading:
    """Read an answer.

    Raises:
        Unread: It is too long.
    """
    if len(answer) > MAX_CHARACTERS:
        raise Unread("an answer that is too long")
    made = cut(answer)
    reader = _Reader(notation)
    for piece in made.pieces:
        if piece.kind == "words":
            reader.words.append((piece.line, piece.text.strip()))
            reader.between(piece.text)
        else:
            reader.take(piece)
    if len(reader.statements) > MAX_STATEMENTS:
        raise Unread("an answer with too many formulas")
    skipped = (*made.skipped, *reader.skipped)
    return Reading(tuple(reader.statements), tuple(reader.words), skipped, tuple(reader.interrupted))


@dataclass
class _Side:
    tokens: list[Token]
    texts: list[Token]
    """Texts among the tokens."""


class _Reader:
    def __init__(self, notation: Notation) -> None:
        self.notation = notation
        self.statements: list[Statement] = []
        self.words: list[tuple[int, str]] = []
        self.skipped: list[Skipped] = []
        self.interrupted: list[Skipped] = []
        self.open = False
        """The last statement ended with = and waits for its right side."""

    def between(self, words: str) -> None:
        if "\n\n" in words:
            self.open = False

    def take(self, piece: Piece) -> None:
        found = _without_frames(tokens(piece.text))
        for row in _rows(found):
            self._row(row, piece)

    def _row(self, row: Sequence[Token], piece: Piece) -> None:
        sides, relation = _sides(row)
        if relation == "∈":
            sides, relation = self._without_sets(sides, piece), ""
        if not sides or not any(side.tokens or side.texts for side in sides):
            return
        goes_on = bool(not sides[0].tokens and len(sides) > 1) or self.open
        if not sides[0].tokens and len(sides) > 1:
            sides = sides[1:]
        self.open = len(sides) > 0 and not sides[-1].tokens and len(row) > 0 and row[-1].kind == "="
        members = [self._member(side, piece) for side in sides if side.tokens]
        for side in sides:
            if not side.tokens:
                self._skip_texts(side, piece, inside=False)
        if not members:
            return
        if goes_on and self.statements:
            before = self.statements[-1]
            self.statements[-1] = replace(
                before, members=(*before.members, *members), is_equality=before.is_equality and not relation
            )
        else:
            self.statements.append(Statement(tuple(members), piece.display, goes_on, not relation))

    def _without_sets(self, sides: list[_Side], piece: Piece) -> list[_Side]:
        """What stands behind ∈ says a size."""
        last = sides.pop()
        if last.tokens:
            text = piece.text[last.tokens[0].start : last.tokens[-1].end]
            self.skipped.append(Skipped(piece.line + last.tokens[0].line, text, "a set"))
        return sides

    def _member(self, side: _Side, piece: Piece) -> Member:
        line = piece.line + side.tokens[0].line
        text = piece.text[side.tokens[0].start : side.tokens[-1].end].strip()
        self._skip_texts(side, piece, inside=True)
        parser = Parser(_without_stops(side.tokens), self.notation)
        try:
            formula = parser.whole()
        except Unread as unread:
            self.skipped.append(Skipped(line, text, f"cannot be read: {unread.why}"))
            return Member(text, line, None, unread.why)
        except RecursionError:
            self.skipped.append(Skipped(line, text, "too deep"))
            return Member(text, line, None, "too deep")
        return Member(text, line, formula, labels=tuple(self._labels(parser, piece)))

    def _labels(self, parser: Parser, piece: Piece) -> Iterator[tuple[Formula, Formula]]:
        for made, label in parser.labels:
            if not label:
                continue
            try:
                yield made, Parser(label, self.notation).whole()
            except Unread:
                text = piece.text[label[0].start : label[-1].end]
                self.skipped.append(Skipped(piece.line + label[0].line, text, "a label"))

    def _skip_texts(self, side: _Side, piece: Piece, *, inside: bool) -> None:
        for token in side.texts:
            skipped = Skipped(piece.line + token.line, token.text, "words among the mathematics")
            self.skipped.append(skipped)
            within = inside and side.tokens and token.start < side.tokens[-1].start
            if within or not any(c.isalpha() for c in token.text):
                self.interrupted.append(skipped)


def _without_frames(found: Sequence[Token]) -> list[Token]:
    """Without braces around whole equalities, as \\boxed and colours have them."""
    opened: list[int] = []
    frames: set[int] = set()
    equal: set[int] = set()
    for n, token in enumerate(found):
        if token.kind == "open":
            opened.append(n)
        elif token.kind == "close" and opened:
            begin = opened.pop()
            script = begin and (found[begin - 1].is_sign("_", "^") or found[begin - 1].kind == "macro")
            if found[begin].text == "{" and not script and (begin in equal or n == begin + 2):
                frames |= {begin, n}
        elif token.kind in ("=", "row") and opened:
            equal.add(opened[-1])
    return [token for n, token in enumerate(found) if n not in frames]


def _without_stops(side: Sequence[Token]) -> Sequence[Token]:
    """Without full stops and colons at its ends, and a bracket that has no partner."""
    kept = list(side)
    while kept and kept[-1].is_sign(".", ":", "!", "?", '"', "□"):
        kept.pop()
    while kept and kept[0].is_sign(".", ":", "•", "|"):
        if kept[0].text == "|" and any(t.is_sign("|") for t in kept[1:]):
            break
        kept.pop(0)
    depth = [0]
    for token in kept:
        depth.append(depth[-1] + {"open": 1, "close": -1}.get(token.kind, 0))
    if depth[-1] == -1 and kept[-1].kind == "close":
        kept.pop()
    elif depth[-1] == 1 and kept[0].kind == "open" and min(depth[1:]) >= 1:
        kept.pop(0)
    return kept


@dataclass
class _Segment:
    """Tokens of a row, and the separator before them."""

    how: str
    tokens: list[Token]

    @property
    def continues(self) -> bool:
        """It goes on with a row before it."""
        return self.how == "row" and self.tokens[0].is_sign(*_OPERATORS)

    @property
    def begins_with_equals(self) -> bool:
        return self.tokens[0].kind == "=" and self.how in ("row", "quad", "qquad", "text", "")

    @property
    def hangs(self) -> bool:
        """It ends with a sign that wants a right side."""
        return self.tokens[-1].kind == "=" or self.tokens[-1].is_sign(*_OPERATORS)


_OPERATORS = ("+", "-", "·", "⊙", "@", "⊗", "/")


def _rows(found: Sequence[Token]) -> Iterator[list[Token]]:
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
    yield from (segment.tokens for segment in joined)


def _segments(found: Sequence[Token]) -> Iterator[_Segment]:
    segment = _Segment("", [])
    depth = grids = 0
    for token in found:
        if token.kind == "macro" and token.text.startswith(("begin ", "end ")):
            grids += 1 if token.text.startswith("begin") else -1
        depth = max(0, depth + {"open": 1, "close": -1}.get(token.kind, 0))
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
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
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
