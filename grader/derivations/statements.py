"""Build statements from pieces: chains of formulas a = b = c, with their lines in the answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby, pairwise, zip_longest

from grader.derivations.bounds import MAX_CHARACTERS, MAX_DEPTH, MAX_STATEMENTS, Unread
from grader.derivations.formulas import Formula, name_of
from grader.derivations.parser import CHOICE, Parser
from grader.derivations.pieces import Names, Piece, cut
from grader.derivations.question import Notation
from grader.derivations.tokens import EQUALS, Token, every, grouped, plain, spelled, tokens
from grader.model import Skipped


@dataclass(frozen=True)
class EquationSide:
    """One member of a statement: a side of an equality, or a formula alone."""

    text: str
    line: int
    formula: Formula
    doubt: str = ""
    """Text that may belong to the formula but was not parsed, such as "signo" in \\text{signo} θ."""
    variant: EquationSide | None = None
    """This side in a less likely reading: with the letter x as a times sign, or the equation's number as a factor."""
    remark: str = ""
    """For a variant: what is read in another way."""

    @property
    def is_read(self) -> bool:
        """True if the formula could be parsed."""
        return self.formula.kind != "unread"


@dataclass(frozen=True)
class FormulaChain:
    """A statement: a chain of formulas a = b = c, a comparison a < b, or a formula alone."""

    members: tuple[EquationSide, ...]
    display: bool
    """True for a statement on separate lines or in a line of code, false for one within a sentence."""
    relation: str = ""
    """The sign of a comparison, such as "<" or "≈"; "" for an equality, or for one formula without a sign."""

    words: str = ""
    """The words between the previous statement and this statement."""
    announced: bool = False
    """True for a formula without an = that follows a colon, as in "Answer: ŷ - y"."""

    @property
    def is_equality(self) -> bool:
        """True for an equality or one formula, false for a comparison."""
        return not self.relation

    @property
    def is_equation(self) -> bool:
        """True for an equality of several formulas."""
        return not self.relation and len(self.members) > 1


def read(answer: str, notation: Notation, own: Mapping[str, str] | None = None) -> Reading:
    """Parse an answer into statements.

    Args:
        answer: The answer as written.
        notation: The notation of the course.
        own: Words that earlier answers use as names → their LaTeX.

    Raises:
        Unread: If the answer is too long, or has too many formulas.
    """
    if len(answer) > MAX_CHARACTERS:
        raise Unread("the answer is too long")
    answer = plain(answer)
    own = {**(own or {}), **Names(notation).own(answer)}
    letters = _own_letters(answer, notation, own)
    own |= {letter: letter for letter in letters}
    words = {**notation.words, **own}
    reading = Reading(replace(notation, words=words, losses=notation.losses - letters), own)
    pieces, reading.struck_out, styled = cut(answer, reading.notation)
    for piece in pieces:
        if piece.kind == "words":
            reading.note_signs(piece)
            reading.words += f"{piece.text}\n"
            reading.before += piece.text
        else:
            reading.take(piece)
    if reading.open:
        reading.skipped.append(Skipped(1, "=", "an equality without its right side"))
    if len(reading.statements) > MAX_STATEMENTS:
        raise Unread("the answer has too many formulas")
    reading.skipped = sorted((*reading.struck_out, *styled, *reading.skipped), key=lambda one: one.line)
    _join_continuations(reading)
    return reading


def _own_letters(answer: str, notation: Notation, own: Mapping[str, str]) -> set[str]:
    """Return the letters that usually name the loss, but that the student uses for something else. The answer defines
    such a letter, as in E = ŷ − y, and uses it, but never differentiates it."""
    text, alone = " ".join(spelled(answer).split()), r"(?<![A-Za-z\\])"
    scripts = r"(?![A-Za-z]) ?\}?(?: ?[_^] ?(?:\{[^{}]*\}|\w)){0,4}"
    equals = rf" ?&? ?(?::?=|\\(?:{'|'.join(EQUALS)})(?![A-Za-z]))"
    styled = r"(?:\{? ?\\[a-z]+ ?)?\{? ?"
    differential = (
        rf"(?:\\(?:partial|delta) ?|{alone}d ?|\\[a-z]+ ?\{{ ?d ?\}} ?){styled}|\\partial[^=]{{0,40}}\}} ?{styled}"
        rf"|\\nabla[^=]{{0,40}}?{alone}"
    )
    found = set()
    for letter in notation.losses - {notation.loss}:
        latex = re.escape(spelled(letter).strip())
        defined, used = re.search(f"{alone}{latex}{scripts}{equals}", text), re.findall(f"{alone}{latex}", text)
        if (letter in own or (defined and len(used) > 1)) and not re.search(f"(?:{differential}){latex}", text):
            found.add(letter)
    return found


_FEW_WORDS = re.compile(r"[^.:;!?\n\w]*(?:[^\W\d_]+\s*){0,2}")
_OPERATOR_FIRST = re.compile(r"[-+*@/]|\\(?:cdot|odot|times|circ)(?![A-Za-z])")
_WORDS_GO_ON = re.compile(r"[^.,:;!?\n]*[^\W\d_]")


def _join_continuations(reading: Reading) -> None:
    """Join each statement that begins with an operator to the statement before it, unless words stand between them.

    If a statement may continue the one before it but is not joined to it, set `doubt` in the earlier statement.
    """
    found = reading.statements
    behind = [*(statement.words for statement in found[1:]), reading.before]
    for n in reversed(range(1, len(found))):
        one, other = found[n - 1 : n + 1]
        side, rest = one.members[-1], other.members[0]
        if not _may_be_rest(side, other, behind[n]):
            continue
        if _OPERATOR_FIRST.match(rest.text) and not other.words.strip():
            reading.interrupted.append(Skipped(rest.line, rest.text, "read as the rest of a formula"))
            whole = reading.joined(side, rest)
            found[n - 1 : n + 1] = [replace(one, members=(*one.members[:-1], whole, *other.members[1:]))]
            continue
        if not other.words.strip() and not name_of(rest.formula):
            reading.interrupted.append(Skipped(rest.line, rest.text, "may belong to the formula before it"))
        doubt = side.doubt or rest.doubt or " ".join(f"{other.words} {rest.text}".split())
        found[n - 1] = replace(one, members=(*one.members[:-1], replace(side, doubt=doubt)))


def _may_be_rest(side: EquationSide, other: FormulaChain, behind: str) -> bool:
    """Return whether the statement `other` may continue the formula `side`.

    Args:
        side: The last member of a statement.
        other: The next statement.
        behind: The words after `other`.
    """
    rest, with_words = other.members[0], any(c.isalpha() for c in other.words)
    alone, formula = len(other.members) == 1, rest.formula
    if not other.is_equality or formula.kind == "number":
        return False
    if _OPERATOR_FIRST.match(rest.text) and (alone or rest.text[0] not in "+-"):
        return True
    if not alone and (not with_words or name_of(formula) or formula.kind in ("unread", "applied")):
        return False
    if rest.line - side.line - side.text.count("\n") > 1 or not _FEW_WORDS.fullmatch(other.words):
        return False
    ends = not alone or bool(rest.doubt) or not _WORDS_GO_ON.match(behind)
    return not with_words or ends


_MARKERS = re.compile(r"(?m)^[ \t]*[-*+•][ \t]+")
"""Matches the markers of list items."""
_LONE_SIGN = re.compile(r"[\d\s]*[-−+±/·×*⊙√^][\d\s.{}]*")
_TERM = re.compile(
    r"[ \t]*\)?[ \t]*(?:[-–—−+*/·⋅•∙÷×⊙∘]|\\\*)[ \t]*[*_]{0,3}(?:[^\W\d_](?![^\W\d_])|\d|\()"
    r"|\)?['^_]|[ \t]?\)?(?:[A-Za-z]_?)?\d"
)
"""Matches the beginning of words that may be a part of the formula before them: "- y because", or "2" behind "$y$"."""
_FUNCTION_KINDS = ("letter", "unknown", "function")
_NEUTRAL = frozenset(".,;#")
"""Punctuation between formulas that cannot be a part of one, unlike a minus sign or a bracket."""


@dataclass
class _Side:
    tokens: list[Token]
    texts: list[Token]
    """Words that stood among `tokens`."""
    numbered: list[Token] = field(default_factory=list)
    """`tokens` with the number of the equation, which may be a factor; empty if there is none."""


class Reading:
    """The statements of an answer, its words, and the texts that were skipped."""

    def __init__(self, notation: Notation, own: Mapping[str, str]) -> None:
        self.notation = notation
        self.own = own
        """Word that the student uses as a name → its LaTeX."""
        self.statements: list[FormulaChain] = []
        self.words = ""
        """The text outside the mathematics."""
        self.skipped: list[Skipped] = []
        self.struck_out: list[Skipped] = []
        """Texts that the student struck out."""
        self.interrupted: list[Skipped] = []
        """Texts inside or next to a formula that may change its meaning, such as words between its terms."""
        self.functions: list[tuple[str, str, Formula]] = []
        """(name, variable, right side) of each equation that defines a function: (φ, z, z²) for φ(z) = z²."""
        self.before = ""
        """The words that follow the last statement."""
        self.open = False
        """True if the last statement ends with =, and the right side is not parsed yet."""

    @cached_property
    def whole_words(self) -> dict[str, str]:
        """Words that the lexer keeps whole: those of the notation and of the student, but not pairs of letters that are
        probably a product, such as yh."""
        notation = self.notation
        letters = notation.powers | notation.losses | notation.same.keys() | notation.meanings.keys()
        products = {word for word in notation.words if len(word) == 2 and {*word} <= letters} - self.own.keys()
        return {word: latex for word, latex in notation.words.items() if word not in products}

    @property
    def is_mathematics_alone(self) -> bool:
        words = self.words.replace("**", "")
        if len(_MARKERS.findall(words)) > 1:  # a list; one marker alone may be a sign
            words = _MARKERS.sub("", words)
        return not self.skipped and all(c.isspace() or c in _NEUTRAL for c in words)

    def take(self, piece: Piece) -> None:
        found = tokens(piece.text, self.whole_words)
        for style in (token for token in found if token.kind == "style"):
            self.skipped.append(Skipped(piece.line + style.line, style.text, "the colored or crossed-out part is read"))
            if "cancel" in style.text:
                self.interrupted.append(self.skipped[-1])
        found = self._words_split_off(grouped(token for token in found if token.kind != "style"))
        for row in _rows(_unwrapped(found)):
            for part in self._cut_at_relation(_unwrapped(row.tokens)):
                self._row(part, piece, row.how)
        if piece.multiplied and self.statements:
            last = self.statements[-1]
            member = last.members[-1]
            other = self.side(replace(piece, text=piece.multiplied, multiplied=""))
            if other and other.text != member.text:
                member = replace(member, variant=replace(other, remark="x is read as a times sign"))
                self.statements[-1] = replace(last, members=(*last.members[:-1], member))

    def note_signs(self, piece: Piece) -> None:
        """Add to `interrupted` what may belong to the mathematics before a piece of words: the whole piece if it is
        only an operator with or without a number, such as "/ 2", or a term at its beginning, such as "- y" in "- y
        because". For a term, set `doubt` in the formula too."""
        if _LONE_SIGN.fullmatch(piece.text) and not _MARKERS.fullmatch(piece.text):
            self.interrupted.append(Skipped(piece.line, piece.text.strip(), "signs beside the mathematics"))
        elif self.statements and not self.before and (rest := _TERM.match(piece.text)):
            last = self.statements[-1]
            self.interrupted.append(Skipped(piece.line, rest[0].strip(), "may belong to the formula before it"))
            member = replace(last.members[-1], doubt=last.members[-1].doubt or rest[0].strip())
            self.statements[-1] = replace(last, members=(*last.members[:-1], member))

    def side(self, piece: Piece) -> EquationSide | None:
        """Parse a piece on its own and return the last side of its last statement; None if it cannot be parsed."""
        reader = Reading(self.notation, {})
        reader.take(piece)
        side = reader.statements[-1].members[-1] if reader.statements else None
        return side if side and side.is_read else None

    def joined(self, side: EquationSide, rest: EquationSide) -> EquationSide:
        """Parse a formula and its rest, such as "a" and "+ b", as one formula."""
        text = f"{side.text} {rest.text}"
        unread = replace(side, text=text, formula=Formula("unread", data=(f"“{rest.text}” may belong to the formula",)))
        return replace(self.side(Piece("maths", text, side.line)) or unread, doubt=rest.doubt)

    def _words_split_off(self, found: list[Token]) -> list[Token]:
        """Turn the name of an unknown function into a word if its argument is a condition, an equality, a size or text,
        as in `\\text{if}(θ > 0)`."""
        for n, (token, after) in enumerate(zip_longest(found, found[1:])):
            if token.inner:
                found[n] = replace(token, inner=tuple(self._words_split_off([*token.inner])))
            elif token.kind == "unknown" and token.text != CHOICE and after and after.is_group():
                kinds = {t.kind for t in after.inner}
                if kinds & {"=", "relation"} or kinds == {"text"} or self._is_size(after.inner):
                    found[n] = replace(token, kind="text")
        return found

    def _row(self, row: Sequence[Token], piece: Piece, how: str) -> None:
        if _is_numeral(row[:3]):
            self._skip("a numeral", row[:1], piece)
            row = row[1:]
        sides, relation = _sides(row)
        for one, other in pairwise(sides):
            _write_out_update(one.tokens, other.tokens)
        if relation == "∈":  # followed by a set, as in W ∈ ℝ^{n×m}
            self._skip("a set", sides.pop().tokens, piece)
            relation = ""
        if not any(side.tokens or side.texts for side in sides):
            self._skip("an equality without its sides", row, piece)
            return
        begins_with_equals = len(sides) > 1 and not sides[0].tokens
        between = self.before.strip()
        goes_on = self.open or (begins_with_equals and (not relation or (relation == "±" and not between)))
        cut_off = piece.typed and self.open and any(c.isalpha() for c in between) and row[0].is_sign(*_OPERATORS)
        self.open = not sides[-1].tokens and row[-1].kind == "="
        for n, side in enumerate(sides):
            self._skip_texts(side, piece, first=n == 0 and (begins_with_equals or not goes_on))
            self._skip_annotations(side, piece)
        members = [self._member(side, piece) for side in sides if side.tokens]
        if not members:
            return
        if cut_off:  # as in "a = word - b"
            unread = Formula("unread", data=(f"“{between}” may belong to the formula",))
            members[0] = replace(members[0], formula=unread)
        self._note_function(sides[0].tokens, members)
        if goes_on and self.statements:
            place = self._continued() if begins_with_equals and piece.display else -1
            before = self.statements[place]
            members, relation = [*before.members, *members], before.relation or relation
            self.statements[place] = replace(before, members=tuple(members), relation=relation)
        else:
            display = piece.display and how not in ("&", "text")
            self.statements.append(FormulaChain(tuple(members), display, relation, self.before, piece.announced))
        self.before = ""

    def _continued(self) -> int:
        """Return the index of the statement that a displayed "= b" continues. This is the last statement, or the last
        displayed one if only equalities within sentences follow, such as "where z = wᵀh"."""
        for place in reversed(range(len(self.statements))):
            if self.statements[place].display:
                return place
            if len(self.statements[place].members) == 1 or self._is_gradient_or_update(self.statements[place]):
                break
        return -1

    def _is_gradient_or_update(self, statement: FormulaChain) -> bool:
        """Return whether a statement is about the derivative of a loss, or about the variable of an update."""
        name, notation = name_of(statement.members[0].formula), self.notation
        slopes = tuple(f"∂{loss}/" for loss in (notation.loss, *notation.totals))
        variable = notation.variable and name.startswith(notation.variable)
        return bool(variable) or any(one.startswith(slopes) for one in (name, *notation.meanings.get(name, ())))

    def _cut_at_relation(self, row: Sequence[Token]) -> Iterator[Sequence[Token]]:
        """Yield a row in one part, or `a = b` and `≠ 0` for the row `a = b ≠ 0`. If the notation has a `variable`,
        `≠ 0` is not cut off, because it may be the condition of a case."""
        relations = ("≈",) if self.notation.variable else ("≈", "!=")
        kinds = [token.kind for token in row]
        for n, token in enumerate(row):
            number = kinds[n + 1 :] == ["number"] or (kinds[n + 1 :] == ["sign", "number"] and row[n + 1].is_sign("-"))
            if "=" in kinds[:n] and token.kind == "relation" and token.text in relations and number:
                yield row[:n]
                yield row[n:]
                return
        yield row

    def _note_function(self, head: Sequence[Token], members: Sequence[EquationSide]) -> None:
        """Record the function that an equality defines, as in φ(z) = …."""
        function, primes, argument = head[:1], head[1:-1], head[-1:]
        named = [token.kind for token in argument] == ["group"] and all(token.is_sign("'") for token in primes)
        if len(members) < 2 or not members[-1].is_read or not named or function[0].kind not in _FUNCTION_KINDS:
            return
        try:
            variable = Parser(argument[0].inner, self.notation).whole().name
        except Unread:
            return
        if variable:
            self.functions.append((function[0].text + "'" * len(primes), variable, members[-1].formula))

    def _member(self, side: _Side, piece: Piece) -> EquationSide:
        line = piece.line + side.tokens[0].line
        text = _valid_latex(piece.text[side.tokens[0].start : side.tokens[-1].end])
        parser = Parser(_without_stops(side.tokens), self.notation)
        try:
            formula = parser.whole()
        except (Unread, RecursionError) as error:
            if closed := _closed(side.tokens):
                self.interrupted.append(Skipped(line, closed[-1].text, "a bracket that is not closed"))
                self.skipped.append(self.interrupted[-1])
                return replace(self._member(replace(side, tokens=closed), piece), doubt=closed[-1].text)
            why = error.why if isinstance(error, Unread) else "too many nested brackets"
            self.skipped.append(Skipped(line, text, f"cannot be read: {why}"))
            return EquationSide(text, line, Formula("unread", data=(why,)))
        inside = (
            _function_word([word, *(t for t in every(side.tokens) if t.start > word.start)]) for word in side.texts
        )
        for why, part in parser.to_check:
            self._skip(why, part, piece)
        variant = None
        if side.numbered:  # parsed by another reader, whose skipped texts do not count
            other = Reading(self.notation, {})._member(_Side(side.numbered, []), piece)
            variant = replace(other, remark=f"{side.numbered[-1].plain} is read as a factor")
        return EquationSide(text, line, formula, next(filter(None, inside), ""), variant)

    def _skip_annotations(self, side: _Side, piece: Piece) -> None:
        """Remove from the tokens of a side what is not part of its formula: an array size after an operand or alone, as
        in "(H × 1)", the number of the equation, a dash before words, and the values of an index."""
        kept = list(_without_stops(side.tokens))
        if _ends_with_number(kept):
            numbered = [*kept]
            self._skip("the number of an equation", [kept.pop()], piece)
            if not _ends_with_dots(kept):  # otherwise it may be a factor
                side.numbered = numbered
                self.interrupted.append(self.skipped[-1])
        elif side.texts and [token.text for token in kept[-2:]] == ["-", "-"] and side.texts[-1].start > kept[-1].start:
            self._skip("a dash", kept[-2:], piece)
            del kept[-2:]
        kept = list(_without_stops(kept))
        if self._is_size(kept) or self._are_sizes(kept):
            self._skip("a size", kept, piece)
            kept = []
        side.tokens.clear()
        for token in kept:
            operand = not side.tokens or side.tokens[-1].kind in ("letter", "number", "group")
            if operand and token.is_group("(", "[") and self._is_size(token.inner):
                self._skip("a size", [token], piece)
            elif operand and token.is_group("(", "[") and _is_range(token.inner):
                self._skip("the values of an index", [token], piece)
            else:
                side.tokens.append(token)

    def _skip(self, why: str, left_out: Sequence[Token], piece: Piece) -> None:
        if left_out:
            text = piece.text[left_out[0].start : left_out[-1].end]
            self.skipped.append(Skipped(piece.line + left_out[0].line, text, why))

    def _are_sizes(self, kept: Sequence[Token]) -> bool:
        """Return whether tokens are sizes in brackets, with or without signs of multiplication: (1, H)(H, 1)."""
        sizes = [token for token in kept if not token.is_sign("·", "@")]
        return bool(sizes) and all(token.is_group("(") and self._is_shape(token.inner) for token in sizes)

    def _is_shape(self, inner: Sequence[Token]) -> bool:
        """Return whether tokens are a size, or a shape as in programs: H, 1."""
        return _is_tuple(inner) or self._is_size(
            [replace(token, kind="sign", text="·") if token.text == "," else token for token in inner]
        )

    def _is_size(self, inner: Sequence[Token]) -> bool:
        """Return whether tokens are a size, such as H × 1."""
        notation = self.notation
        names = notation.meanings.keys() | notation.same.keys() | notation.losses | notation.powers
        factors = [[*part] for times, part in groupby(inner, lambda t: t.is_sign("·")) if not times]
        operands = [factor[0] for factor in factors]
        return (
            len(factors) in (2, 3)
            and all(len(factor) == 1 or (len(factor) == 3 and factor[1].is_sign("_")) for factor in factors)
            and all(
                t.kind == "number" or (t.kind == "letter" and t.text.isascii() and t.text not in names)
                for t in operands
            )
            and (any(t.kind == "letter" for t in operands) or all(t.text == "1" for t in operands))
        )

    def _skip_texts(self, side: _Side, piece: Piece, *, first: bool) -> None:
        """Add the words of a side to `skipped`. Add the words inside a formula, or between an = and a formula, to
        `interrupted` too."""
        for token in side.texts:
            skipped = Skipped(piece.line + token.line, token.text, "words among the mathematics")
            self.skipped.append(skipped)
            before = not first or any(t.start < token.start for t in side.tokens)
            behind = any(t.start > token.start for t in every(side.tokens))
            operand = token.kind == "word" and bool(self.statements)
            if (before and behind) or operand or not any(c.isalpha() for c in token.text):
                self.interrupted.append(skipped)


def _write_out_update(left: list[Token], right: list[Token]) -> None:
    """Change the two sides of `a -= b` in place to those of `a = a - (b)`."""
    if [token.kind == "sign" for token in left[-2:]] == [False, True] and left[-1].is_sign(*_OPERATORS) and right:
        sign = left.pop()
        right[:] = *left, sign, replace(sign, kind="group", text="(", inner=tuple(right), end=right[-1].end)


def _function_word(tokens: Sequence[Token]) -> str:
    """Return the first word if it may be a function of the next token, as in \\text{signo} θ; otherwise ""."""
    word, operand = tokens[0], tokens[1:2]
    alone = operand and operand[0].kind in ("letter", "number", "group") and re.fullmatch(r"[^\W\d_]+", word.text)
    return word.text if alone and not any(t.kind in ("=", "relation") for t in tokens) else ""


def _is_numeral(beginning: Sequence[Token]) -> bool:
    """Return whether a row begins with a numeral in brackets and a derivative, as in (i) ∂J/∂b."""
    if [token.kind for token in beginning[:2]] != ["group", "macro"]:
        return False
    operand = next(iter(beginning[2].inner), None) if beginning[1].text == "frac" and beginning[2:] else beginning[1]
    derivative = operand is not None and operand.kind == "macro" and operand.text in ("partial", "nabla")
    return derivative and "".join(token.text for token in beginning[0].inner) in ("i", "ii", "iii", "iv")


def _ends_with_number(side: Sequence[Token]) -> bool:
    """Return whether a side ends with the number of an equation, as in "a....(2)", "a. (2)" or "a = b (2)"."""
    apart = len(side) > 1 and side[-1].spaced and (side[-2].kind != "sign" or side[-2].is_sign("."))
    if not (apart or _ends_with_dots(side[:-1])) or not side[-1].is_group("(", "["):
        return False
    return re.fullmatch(r"\d+(?:\.\d+)?[a-z]?", "".join(token.text for token in side[-1].inner)) is not None


def _ends_with_dots(side: Sequence[Token]) -> bool:
    return [token.text for token in side[-3:]] == [".", ".", "."]


def _is_tuple(inner: Sequence[Token]) -> bool:
    """Return whether the tokens in a bracket are two whole numbers, as in `W.shape = (1, 3)`."""
    return [token.kind for token in inner] == ["number", "end", "number"] and all(
        re.fullmatch(r"[1-9]\d*|,", token.text) for token in inner
    )


def _is_range(inner: Sequence[Token]) -> bool:
    """Return whether the tokens in a bracket list the values of an index, as in (j = 1, …, H)."""
    dots = sum(t.is_sign(".") for t in inner) > 1 or any(t.text in ("dots", "ldots", "cdots") for t in inner)
    return dots and [t.kind for t in inner[:2]] == ["letter", "="] and inner[0].text in "ijklmn"


def _unwrapped(row: Sequence[Token]) -> Sequence[Token]:
    """Return a row without the brackets around a whole equality, as in the remark "(since a = b)"."""
    kept = _without_stops(row)
    wrapped = len(kept) == 1 and kept[0].is_group() and any(token.kind == "=" for token in kept[0].inner)
    return kept[0].inner if wrapped else row


_SIDE = r"\\(left|right)(?![A-Za-z])\.?"


def _valid_latex(text: str) -> str:
    """Return valid LaTeX for a part of a formula, without line breaks and unmatched brackets or environments."""
    if text.count("\\begin") != text.count("\\end"):
        text = re.sub(r"\\(?:begin|end)\{[^{}]*\}", "", text)
    if "\\begin" not in text:
        text = re.sub(r"\\\\|(?<!\\)&", " ", text)
    if sum(1 if side == "left" else -1 for side in re.findall(_SIDE, text)):
        text = re.sub(_SIDE, "", text)
    kept, depth = "", 0
    for part in re.findall(r"\\.|[^\\]|\\", text, re.DOTALL):
        if part == "}" and not depth:
            continue  # its opening brace stands before the part
        depth += {"{": 1, "}": -1}.get(part, 0)
        kept += part
    return kept.strip() + "}" * depth


def _without_stops(side: Sequence[Token]) -> Sequence[Token]:
    """Return a side without the punctuation at both ends, and without an unmatched bracket there."""
    kept = list(side)
    while kept and kept[-1].is_sign(".", ":", "□"):
        kept.pop()
    while kept and kept[0].is_sign(".", ":", "•"):
        kept.pop(0)
    if kept and kept[-1].kind == "close":
        kept.pop()
    elif kept and kept[0].kind == "open":
        kept.pop(0)
    return kept


def _closed(side: Sequence[Token]) -> list[Token]:
    """Close each unmatched opening bracket of a side at the end of the side. Return [] if no bracket is unmatched, if
    too many are, or if the side ends with an opening bracket."""
    kept = list(_without_stops(side))
    places = [n for n in range(1, len(kept)) if kept[n].kind == "open"]
    if not places or len(places) > MAX_DEPTH or kept[-1].kind == "open":
        return []
    for place in reversed(places):
        kept[place:] = [replace(kept[place], kind="group", inner=tuple(kept[place + 1 :]), end=kept[-1].end)]
    return kept


@dataclass
class _Row:
    """The tokens between two separators."""

    how: str
    """The separator before the row, such as "," or "row"."""
    tokens: list[Token]

    @property
    def hangs(self) -> bool:
        """True if the row ends with = or an operator, whose right operand is missing."""
        return self.tokens[-1].kind == "=" or self.tokens[-1].is_sign(*_OPERATORS)


_OPERATORS = ("+", "-", "·", "⊙", "@", "⊗", "/")
_CONTINUED_AFTER = ("", "row", "quad", "qquad", "text")
"""If one of these separators precedes an =, the = continues the statement before the separator."""


def _rows(found: Sequence[Token]) -> list[_Row]:
    """Split tokens into rows at line breaks, commas, words and arrows, except inside brackets and environments. A row
    goes on over a line break if the line ends, or the next line begins, with an operator or =."""
    rows: list[_Row] = []
    row = _Row("", [])
    separator: str | None = ""
    """The last separator before the current token; None within a row."""
    for token in found:
        if token.kind in ("row", "end"):
            separator = "row" if token.kind == "row" else token.text
            continue
        hangs = bool(row.tokens) and row.hangs
        if token.kind == "text" and separator is None and not hangs:
            separator = "text"
        operator = separator == "row" and token.is_sign(*_OPERATORS)
        if rows and (operator or (token.kind == "=" and separator in _CONTINUED_AFTER)) and not hangs:
            row = next((one for one in reversed(rows) if one.how not in ("&", "text")), rows[-1])
        elif separator is not None and (not hangs or separator in (",", ";")):
            row = _Row(separator, [])
            rows.append(row)
        row.tokens.append(token)
        separator = None
    return rows


def _sides(row: Sequence[Token]) -> tuple[list[_Side], str]:
    sides, relation = [_Side([], [])], ""
    for token in row:
        if token.kind in ("=", "relation"):
            relation = relation or (token.text if token.kind == "relation" else "")
            sides.append(_Side([], []))
        else:
            sides[-1].tokens += _without_texts([token], sides[-1].texts)
    for side in sides:
        if all(token.kind == "word" for token in side.tokens):
            side.texts += side.tokens
            side.tokens = []
    return sides, relation


def _without_texts(found: Iterable[Token], texts: list[Token]) -> Iterator[Token]:
    """Yield the tokens that are not words, and append the words to `texts`. Words in \\begin{cases} stay, because they
    are parts of conditions."""
    for token in found:
        if token.kind == "text":
            texts.append(token)
        else:
            inner = _without_texts(token.inner, texts) if token.is_group() else token.inner
            yield replace(token, inner=tuple(inner)) if token.inner else token
