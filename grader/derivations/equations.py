"""Build statements from pieces: chains of formulas a = b = c, with their lines in the answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from grader.derivations.bounds import MAX_CHARACTERS, MAX_STATEMENTS, Unread
from grader.derivations.formula_tree import Formula
from grader.derivations.lexer import Token, cut_at, every, grouped, plain, tokens
from grader.derivations.markdown import Piece, cut
from grader.derivations.names import Names
from grader.derivations.parser import Parser
from grader.derivations.question import Notation
from grader.model import Skipped


@dataclass(frozen=True)
class EquationSide:
    """One member of a statement: a side of an equality, or a formula alone."""

    text: str
    line: int
    formula: Formula
    doubt: str = ""
    """Text that may belong to the formula but was not parsed, such as "signo" in \\text{signo} θ."""

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

    @property
    def is_equality(self) -> bool:
        """True for an equality or one formula, false for a comparison."""
        return not self.relation

    @property
    def is_equation(self) -> bool:
        """True for an equality of several formulas."""
        return self.is_equality and len(self.members) > 1


@dataclass(frozen=True)
class FunctionDefinition:
    """An equation that defines a function, such as φ(z) = z²."""

    name: str
    variable: str
    body: Formula


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
    reading = Reading(replace(notation, words={**notation.words, **own}), own)
    pieces, reading.struck_out, styled = cut(answer, reading.notation)
    for piece in pieces:
        if piece.kind == "words":
            reading.take_words(piece)
        else:
            reading.take(piece)
    if reading.open:
        reading.skipped.append(Skipped(1, "=", "an equality without its right side"))
    if len(reading.statements) > MAX_STATEMENTS:
        raise Unread("the answer has too many formulas")
    reading.skipped = sorted((*reading.struck_out, *styled, *reading.skipped), key=lambda skipped: skipped.line)
    return reading


_MARKERS = re.compile(r"(?m)^[ \t]*[-*+•][ \t]+")
"""Matches the markers of list items."""
_LONE_SIGN = re.compile(r"[\d\s]*[-−+±/·×*⊙√^][\d\s.{}]*")
"""Matches text between formulas that is only an operator, perhaps with numbers, as in "$a$ + 2 $b$"."""
_TERM = re.compile(
    r"[ \t]*\)?[ \t]*(?:[-–—−+/·⋅•∙÷×⊙∘]|\*(?!\*)|\\\*|(?<=\s)\.)[ \t]*[*_]{0,3}(?:[^\W\d_](?![^\W\d_])|\d|\()"
    r"|\)?['^_]|[ \t]?\)?(?:[A-Za-z]_?)?\d"
)
"""Matches the beginning of words that may be a part of the formula before them: "- y because", or "2" behind "$y$"."""
_FEW_WORDS = re.compile(r"[^.:;!?\n\w]*|[^.,:;!?\n\w]*(?:[^\W\d_]+\s*){1,2}")
"""Matches at most two words without the end of a sentence. They may join two formulas, as "times" does."""
_WORDS_AND_NAME = re.compile(r"[ \t]*(?:[^\W\d_]{2,}[ \t]+){1,2}(?:[α-ωŷ∂∇]|[A-Za-z][_^(\d])")
"""Matches words and a name behind a formula, such as "signo θ"."""
_FUNCTION_KINDS = ("letter", "unknown", "function")
"""Kinds of tokens that may name a function which an equality defines."""
_NEUTRAL = ".,;#"
"""Punctuation between formulas that cannot be a part of one, unlike a minus sign or a bracket."""
_OPERATORS = ("+", "-", "·", "⊙", "@", "⊗", "/")
_NUMBER_OF_EQUATION = re.compile(r"[(\[]\d+(?:\.\d+)?[a-z]?[)\]]")
"""Matches the number of an equation, such as "(2)" or "[1.2a]"."""


@dataclass
class _Side:
    """The tokens of one member of a statement."""

    formula: list[Token] = field(default_factory=list)
    texts: list[Token] = field(default_factory=list)
    """Words that stood among the tokens of the formula."""
    doubt: str = ""
    """Words that may change the meaning of the formula."""

    def add(self, token: Token) -> None:
        self.formula += _without_texts([token], self.texts)

    def is_inside(self, text: Token, *, goes_on: bool) -> bool:
        """Return whether a text stands between parts of the formula, or between it and the formula that `goes_on`."""
        starts = [token.start for token in every(self.formula)]
        if not starts or max(starts) <= text.start:
            return False
        return goes_on or min(starts) < text.start


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
        self.functions: list[FunctionDefinition] = []
        self.words_behind = ""
        """The words that follow the last statement."""
        self.open = False
        """True if the last statement ends with =, and the right side is not parsed yet."""
        self.hangs = False
        """True if the last statement ends with an operator, whose right operand is missing."""

    @property
    def is_mathematics_alone(self) -> bool:
        """True if nothing was skipped, and the text outside the mathematics is only punctuation, markers of lists and
        stars of bold text."""
        if self.skipped:
            return False
        words = self.words.replace("**", "")
        if len(_MARKERS.findall(words)) > 1:  # a list; one marker alone may be a sign
            words = _MARKERS.sub("", words)
        characters = "".join(words.split())
        return not characters.strip(_NEUTRAL)

    def take_words(self, piece: Piece) -> None:
        """Add words, and note signs and terms in them that may belong to the formula before them."""
        text = piece.text.strip()
        follows_formula = self.statements and not self.words_behind
        term = _TERM.match(piece.text)
        if _LONE_SIGN.fullmatch(piece.text) and not _MARKERS.fullmatch(piece.text):
            self.interrupted.append(Skipped(piece.line, text, "signs beside the mathematics"))
        elif term and follows_formula:
            self._leave_last_formula_unread(term[0].strip())
        elif follows_formula and _WORDS_AND_NAME.match(piece.text):
            self._doubt_last_formula(text)
        self.words += f"{piece.text}\n"
        self.words_behind += piece.text

    @property
    def _last_member(self) -> EquationSide:
        return self.statements[-1].members[-1]

    def _replace_last_member(self, member: EquationSide) -> None:
        statement = self.statements[-1]
        members = (*statement.members[:-1], member)
        self.statements[-1] = replace(statement, members=members)

    def _leave_last_formula_unread(self, continuation: str) -> None:
        """Mark the last formula as not parsed, because a text behind it may be its continuation."""
        last = self._last_member
        why = f"“{continuation}” may belong to the formula"
        self.skipped.append(Skipped(last.line, continuation, why))
        self._replace_last_member(replace(last, formula=Formula("unread", data=(why,))))

    def _doubt_last_formula(self, doubt: str) -> None:
        """Note a text that may belong to the last formula (`EquationSide.doubt`). The formula stays as it is."""
        last = self._last_member
        if not last.doubt:
            self._replace_last_member(replace(last, doubt=doubt))

    def _may_be_rest(self, member: EquationSide) -> bool:
        """Return whether a formula may be the rest of the last one, as in "a times b"."""
        if member.formula.kind == "number" or not _FEW_WORDS.fullmatch(self.words_behind):
            return False
        last = self._last_member
        last_line = last.line + last.text.count("\n")
        return member.line <= last_line + 1

    def take(self, piece: Piece) -> None:
        """Add the statements in a piece of mathematics."""
        lexed = tokens(piece.text, self.notation.words)
        for row in _rows(grouped(lexed)):
            self._take_row(row, piece)

    def _take_row(self, row: _Row, piece: Piece) -> None:
        """Add the statement in a row of a piece, or append its members to the last statement if the row goes on with
        it, as "= c" does behind "a = b"."""
        first_token, last_token = row.tokens[0], row.tokens[-1]
        continues = self.hangs or first_token.is_sign(*_OPERATORS)
        self.hangs = last_token.is_sign(*_OPERATORS)
        if continues and self.statements and not self.words_behind.strip():
            # an operator at the break: the row is a part of the last formula, which is then incomplete
            self._leave_last_formula_unread(_source(row.tokens, piece))
            return
        sides, relation = _sides(row.tokens)
        if relation == "∈":  # followed by a set, as in W ∈ ℝ^{n×m}
            self._skip("a set", sides.pop().formula, piece)
            relation = ""
        if not any(side.formula or side.texts for side in sides):
            self._skip("an equality without its sides", row.tokens, piece)
            return
        begins_with_equals = len(sides) > 1 and not sides[0].formula
        goes_on = self.open or (begins_with_equals and not relation)
        self.open = not sides[-1].formula and last_token.kind == "="
        for number, side in enumerate(sides):
            self._skip_texts(side, piece, goes_on=goes_on or number > 0)
            self._skip_sizes(side, piece)
        members = tuple(self._member(side, piece) for side in sides if side.formula)
        if not members:
            return
        self._note_function(sides[0].formula, members)
        if not self.statements:
            goes_on = False
        elif len(sides) == 1 and not goes_on and self._may_be_rest(members[0]):
            words = f"{self.words_behind} {members[0].text}".split()
            self._doubt_last_formula(" ".join(words))
        if goes_on:
            begun = self.statements.pop()  # replaced by the longer statement
            statement = replace(begun, members=begun.members + members, relation=begun.relation or relation)
        else:
            display = piece.display and row.separator not in ("&", "text")
            statement = FormulaChain(members, display, relation, self.words_behind)
        self.statements.append(statement)
        self.words_behind = ""

    def _note_function(self, head: Sequence[Token], members: Sequence[EquationSide]) -> None:
        """Record the function that an equality defines, as in φ(z) = …."""
        if len(members) < 2 or not members[-1].is_read or len(head) < 2:
            return
        function, *primes, argument = head
        if function.kind not in _FUNCTION_KINDS or not argument.is_group():
            return
        if not all(token.is_sign("'") for token in primes):
            return
        try:
            variable = Parser(argument.inner, self.notation).whole().name
        except Unread:
            return
        if variable:
            name = function.text + "'" * len(primes)
            self.functions.append(FunctionDefinition(name, variable, members[-1].formula))

    def _member(self, side: _Side, piece: Piece) -> EquationSide:
        """Parse one side of a statement. If this fails, return a side whose formula is `unread`, with the reason.

        A number in brackets at the end is skipped as the number of the equation, but noted as a doubt, since it may
        also be a factor.
        """
        formula = _without_stops(side.formula)
        doubt = side.doubt
        if _ends_with_number(formula):
            equation_number = formula.pop()
            doubt = equation_number.plain  # with its brackets: "(2)"
            self._skip("the number of an equation", [equation_number], piece)
            self.interrupted.append(self.skipped[-1])
            formula = _without_stops(formula)
        line = piece.line + side.formula[0].line
        text = _valid_latex(_source(side.formula, piece))
        parser = Parser(formula, self.notation)
        try:
            parsed = parser.whole()
        except Unread as error:
            why = error.why
        except RecursionError:
            why = "too many nested brackets"
        else:
            for remark, part in parser.to_check:
                self._skip(remark, part, piece)
            return EquationSide(text, line, parsed, doubt)
        self.skipped.append(Skipped(line, text, f"cannot be read: {why}"))
        return EquationSide(text, line, Formula("unread", data=(why,)))

    def _skip(self, why: str, left_out: Sequence[Token], piece: Piece) -> None:
        """Add tokens of a piece that are left out to `skipped`."""
        if left_out:
            line = piece.line + left_out[0].line
            self.skipped.append(Skipped(line, _source(left_out, piece), why))

    def _skip_texts(self, side: _Side, piece: Piece, *, goes_on: bool) -> None:
        """Add the words of a side to `skipped`. Add the words inside a formula, or between an = and a formula, to
        `interrupted` too."""
        for text in side.texts:
            skipped = Skipped(piece.line + text.line, text.text, "words among the mathematics")
            self.skipped.append(skipped)
            is_inside = side.is_inside(text, goes_on=goes_on)
            if is_inside:
                side.doubt = text.text
            if is_inside or not any(map(str.isalpha, text.text)):
                self.interrupted.append(skipped)

    def _skip_sizes(self, side: _Side, piece: Piece) -> None:
        """Remove the sizes of arrays from a side: the whole side, or brackets after an operand, as in "a (H × 1)"."""
        if self._is_size(_without_stops(side.formula), with_commas=True):
            self._skip("a size", side.formula, piece)
            side.formula = []
        formula: list[Token] = []
        for token in side.formula:
            after_operand = not formula or formula[-1].kind in ("letter", "number", "group")
            if after_operand and token.is_group("(", "[") and self._is_size(token.inner):
                self._skip("a size", [token], piece)
            else:
                formula.append(token)
        side.formula = formula

    def _is_size(self, size: Sequence[Token], *, with_commas: bool = False) -> bool:
        """Return whether tokens are one or more sizes, such as H × 1, or (H, 1)(1, 1) `with_commas`."""
        groups = [token for token in size if not token.is_sign("·", "@")]
        if groups and all(token.is_group("(") for token in groups):
            return all(self._is_size(group.inner, with_commas=with_commas) for group in groups)
        factors = cut_at(size, lambda token: token.is_sign("·") or (with_commas and token.text == ","))
        if len(factors) not in (2, 3) or not all(map(self._is_length, factors)):
            return False
        lengths = [factor[0] for factor in factors]
        if any(length.kind == "letter" for length in lengths):
            return True
        return all(length.text == "1" for length in lengths)

    def _is_length(self, factor: Sequence[Token]) -> bool:
        """Return whether a factor may be the length of an axis: a number, or a letter that names no quantity."""
        length, *index = factor
        if index and not (len(index) == 2 and index[0].is_sign("_")):
            return False
        if length.kind == "number":
            return True
        if length.kind != "letter" or not length.text.isascii():
            return False
        notation = self.notation
        quantities = notation.meanings.keys() | notation.other_names.keys()
        return length.text not in quantities | notation.loss_letters | notation.power_letters


def _source(part: Sequence[Token], piece: Piece) -> str:
    """Return the text of a part of a piece."""
    start, end = part[0].start, part[-1].end
    return piece.text[start:end]


def _write_out_update(variable: list[Token], change: list[Token]) -> None:
    """Change the two sides of `a -= b` in place to those of `a = a - (b)`."""
    if len(variable) < 2 or not variable[-1].is_sign(*_OPERATORS) or not change:
        return
    if variable[-2].kind == "sign":
        return
    sign = variable.pop()
    bracket = replace(sign, kind="group", text="(", inner=tuple(change), end=change[-1].end)
    change[:] = *variable, sign, bracket


def _ends_with_number(formula: Sequence[Token]) -> bool:
    """Return whether a formula ends with the number of an equation, as in "a = b (2)" or "a = b. (2)"."""
    if len(formula) < 2:
        return False
    *_, preceding, last = formula
    if not last.spaced or (preceding.kind == "sign" and preceding.text != "."):
        return False
    return _NUMBER_OF_EQUATION.fullmatch(last.plain) is not None


_SIDE = r"\\(left|right)(?![A-Za-z])\.?"


def _valid_latex(text: str) -> str:
    """Return valid LaTeX for a part of a formula, without line breaks and unmatched brackets or environments."""
    if text.count("\\begin") != text.count("\\end"):
        text = re.sub(r"\\(?:begin|end)\{[^{}]*\}", "", text)
    if "\\begin" not in text:
        text = re.sub(r"\\\\|(?<!\\)&", " ", text)
    sides = re.findall(_SIDE, text)
    if sides.count("left") != sides.count("right"):
        text = re.sub(_SIDE, "", text)
    latex, depth = "", 0
    for part in re.findall(r"\\.|[^\\]|\\", text, re.DOTALL):
        if part == "}" and not depth:
            continue  # its opening brace stands before the part
        depth += {"{": 1, "}": -1}.get(part, 0)
        latex += part
    return latex.strip() + "}" * depth


def _without_stops(side: Sequence[Token]) -> list[Token]:
    """Return a side without the punctuation at both ends."""
    formula = list(side)
    while formula and formula[-1].is_sign(".", ":"):
        formula.pop()
    while formula and formula[0].is_sign(".", ":"):
        formula.pop(0)
    return formula


@dataclass
class _Row:
    """The tokens between two separators."""

    separator: str
    """The separator before the row, such as "," or "row"."""
    tokens: list[Token]

    @property
    def hangs(self) -> bool:
        """True if the row ends with = or an operator, whose right operand is missing."""
        last = self.tokens[-1]
        return last.kind == "=" or last.is_sign(*_OPERATORS)


_CONTINUED_AFTER = ("", "row", "quad", "qquad", "text")
"""If one of these separators precedes an =, the = continues the statement before the separator."""


def _rows(mathematics: Sequence[Token]) -> list[_Row]:
    """Split tokens into rows at line breaks, commas, words and arrows, except inside brackets and environments. A row
    goes on over a line break if the line ends, or the next line begins, with an operator or =."""
    rows: list[_Row] = []
    separator: str | None = ""
    """The last separator before the current token; None within a row."""
    row = _Row("", [])
    for token in mathematics:
        if token.kind in ("row", "end"):
            separator = "row" if token.kind == "row" else token.text
            continue
        hangs = bool(row.tokens) and row.hangs  # the row is incomplete, so no separator ends it
        if token.kind == "text" and separator is None and not hangs:
            separator = "text"
        is_linking = token.kind == "=" or (separator == "row" and token.is_sign(*_OPERATORS))
        # three cases: go back to an earlier row, begin a row, or go on with the current one
        if rows and is_linking and separator in _CONTINUED_AFTER and not hangs:
            row = _last_without_remark(rows)
        elif not rows or (separator is not None and not hangs):
            row = _Row(separator or "", [])
            rows.append(row)
        row.tokens.append(token)
        separator = None
    return rows


def _last_without_remark(rows: Sequence[_Row]) -> _Row:
    """Return the last row that is no remark behind a formula; the last row if all are."""
    for row in reversed(rows):
        if row.separator not in ("&", "text"):
            return row
    return rows[-1]


def _sides(row: Sequence[Token]) -> tuple[list[_Side], str]:
    """Split a row at = and relations. Return the sides, and the first sign of a relation."""
    sides, relation = [_Side()], ""
    for token in row:
        if token.kind in ("=", "relation"):
            sides.append(_Side())
        else:
            sides[-1].add(token)
        if token.kind == "relation" and not relation:
            relation = token.text
    for side in sides:
        if all(token.kind == "word" for token in side.formula):
            side.texts += side.formula
            side.formula = []
    for side, next_side in pairwise(sides):
        _write_out_update(side.formula, next_side.formula)
    return sides, relation


def _without_texts(mathematics: Iterable[Token], texts: list[Token]) -> Iterator[Token]:
    """Yield the tokens that are not words, and append the words to `texts`. Words in \\begin{cases} stay, because they
    are parts of conditions."""
    for token in mathematics:
        if token.kind == "text":
            texts.append(token)
        elif token.is_group():
            yield replace(token, inner=tuple(_without_texts(token.inner, texts)))
        else:
            yield token
