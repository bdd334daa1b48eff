"""Parse tokens into formulas, by recursive descent."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from grader.derivations.bounds import Unread
from grader.derivations.formula_tree import Formula, Kind, derivative, name_of, named, number, symbol
from grader.derivations.lexer import Token, cut_at, every
from grader.derivations.question import Notation

_MULTIPLIED = {"·": "·", "⊙": "⊙", "@": "@", "⊗": "⊗", ".": ""}
BAR = "\u0304"
"""Combining character in the name of a quantity with a bar."""
TOTAL = "objective"
"""Name of the quantity that is the loss with a penalty."""
MAX_POINT = 12
"""Largest number of characters of the point in brackets behind a derivative, as in ∂L/∂θ (θ_t)."""
_TIME = re.compile(r"[(\[]?(t(?:[+-]1)?|new|old)[)\]]?")


@dataclass
class Scripts:
    """The parsed superscripts and subscripts of a name or a bracket."""

    layer: str = ""
    """The digit of a layer, as in h⁽¹⁾."""
    elements: tuple[str, ...] = ()
    """Element indices, as in w_ij."""
    powers: list[Formula] = field(default_factory=list)
    transposed: bool = False
    primes: int = 0
    time: str = ""
    """A time step: "t", "t+1", "t-1", "new" or "old"."""
    word: str = ""
    """Any other subscript, which becomes part of the name: "max" in θ_{max}."""

    @property
    def is_indexed(self) -> bool:
        """True if there is more than powers and transpositions."""
        return bool(self.layer or self.elements or self.primes or self.time or self.word)


class Parser:
    """Parses one formula. Its methods raise `Unread` for tokens that they cannot parse."""

    def __init__(self, tokens: Sequence[Token], notation: Notation) -> None:
        self.tokens = tokens
        self.notation = notation
        self.place = 0
        self.bars = 0
        self.to_check: list[tuple[str, Sequence[Token]]] = []
        """(description, tokens) of each part that a person should check: a part that the formula leaves out, such as
        the label of a brace, or an unusual notation, such as a vector of ones."""

    def whole(self) -> Formula:
        """Parse all tokens as one formula."""
        formula = self.sum()
        token = self.peek()
        if token is not None:
            raise Unread(f"unexpected “{token.text}”")
        return formula

    # ── the cursor ───────────────────────────────────────────────────────────────────────────────────

    def peek(self, ahead: int = 0) -> Token | None:
        place = self.place + ahead
        return self.tokens[place] if place < len(self.tokens) else None

    def next(self) -> Token:
        token = self.peek()
        if token is None:
            raise Unread("the formula is incomplete")
        self.place += 1
        return token

    def sees(self, kind: str, *texts: str, ahead: int = 0) -> bool:
        token = self.peek(ahead)
        return token is not None and token.kind == kind and (not texts or token.text in texts)

    def takes(self, kind: str, *texts: str) -> bool:
        if not self.sees(kind, *texts):
            return False
        self.place += 1
        return True

    def argument(self) -> Sequence[Token]:
        """Consume an argument of a macro, ^ or _: one token, or a group in braces. Return its tokens."""
        token = self.next()
        if token.is_group("{"):
            return token.inner
        if token.kind == "number" and token.text.isdigit():  # \frac12
            digits = [replace(token, text=digit) for digit in token.text]
            self.tokens = [*self.tokens[: self.place - 1], *digits, *self.tokens[self.place :]]
            return digits[:1]
        return [token]

    def inside(self, tokens: Sequence[Token]) -> Parser:
        parser = Parser(tokens, self.notation)
        parser.to_check = self.to_check
        return parser

    def check(self, why: str) -> None:
        """Let a person check the last token."""
        self.to_check.append((why, self.tokens[max(self.place - 1, 0) : self.place]))

    # ── sums and products ────────────────────────────────────────────────────────────────────────────

    def sum(self) -> Formula:
        signs: list[str] = []
        terms: list[Formula] = []
        while not terms or self.sees("sign", "+", "-"):
            sign = "+"
            while self.sees("sign", "+", "-"):
                sign = "-" if (self.next().text == "-") != (sign == "-") else "+"
            signs.append(sign)
            terms.append(self.product())
        return terms[0] if signs == ["+"] else Formula("sum", tuple(terms), tuple(signs))

    def product(self) -> Formula:
        signs, factors = [""], [self.factor()]
        while (token := self.peek()) is not None and self._goes_on(token):
            if token.is_sign("|") and self.sees("sign", "_", ahead=1):
                self._evaluated_at()
            elif self.takes("sign", "/"):
                factors[-1] = self._fraction_of(factors[-1], self.factor())
            else:
                signs.append(_MULTIPLIED[self.next().text] if token.is_sign(*_MULTIPLIED) else "")
                factors.append(self.factor())
        return Formula("product", tuple(factors), tuple(signs)) if len(factors) > 1 else factors[0]

    def _goes_on(self, token: Token) -> bool:
        """Return whether a product goes on with this token."""
        if token.is_sign("."):  # a product or a full stop
            factor = self.peek(1)
            return factor is not None and factor.kind not in ("sign", "number")
        if token.is_sign("|", "‖"):
            return not self.bars
        if token.kind == "sign":
            return token.text in ("/", *_MULTIPLIED)
        return token.kind not in ("close", "end", "row", "=", "relation", "text")

    def _evaluated_at(self) -> None:
        """Skip `|_{θ = θ_t}` after a derivative, since all values are those at θ_t. Raise `Unread` for other points."""
        self.place += 2
        *_, point = cut_at(self.argument(), lambda token: token.kind == "=") or [[]]
        name = self.inside(point).whole().name
        if not name or name != self.notation.variable:
            raise Unread("a derivative is evaluated at a point other than the variable")

    def factor(self) -> Formula:
        token = self.next()
        match token.kind:
            case "number":
                return self._number(token)
            case "letter":
                return self._letter(token)
            case "word":
                return self._name(token.text)
            case "function":
                return self._function(token.text)
            case "unknown":
                is_defined = token.text in self.notation.functions
                return self._name(token.text) if is_defined else self._function(token.text)
            case "group":
                return self._scripted(self.inside(token.inner).whole())
            case "grid":
                return self._cases(token)
            case "macro":
                return self._macro(token)
            case "sign" if token.text in ("|", "‖"):
                return self._bars(token.text)
        raise Unread(f"unexpected “{token.text}”")

    def _number(self, token: Token) -> Formula:
        scripts = self.scripts()
        if scripts.is_indexed or scripts.transposed:
            raise Unread("an index stands after a number")
        return self._finished(number(token.text), scripts)

    def _bars(self, sign: str) -> Formula:
        self.bars += 1
        formula = self.sum()
        self.bars -= 1
        if not self.takes("sign", sign):
            raise Unread(f"“{sign}” has no closing “{sign}”")
        if sign == "|" and not self.sees("sign", "_"):
            return self._scripted(Formula("applied", (formula,), ("abs",)))
        scripts = self.scripts()
        order = scripts.layer or scripts.word or "2"
        if scripts.elements or scripts.time or scripts.primes or not re.fullmatch("(?:[ℓL]_?)?[12]|F", order):
            raise Unread("norms of this order are not supported")
        return self._finished(Formula("norm", (formula,), (order[-1],)), scripts)

    # ── scripts ──────────────────────────────────────────────────────────────────────────────────────

    def scripts(self, base: str = "") -> Scripts:
        scripts = Scripts()
        while self.sees("sign", "^", "_", "'"):
            sign = self.next().text
            if sign == "'":
                scripts.primes += 1
            elif sign == "^":
                self._above(self._script(), base, scripts)
            else:
                self._below(self._script(), base, scripts)
        return scripts

    def _script(self) -> Sequence[Token]:
        """Consume a superscript or subscript, which may be in brackets, as in `W^(2)`. Return its tokens."""
        return [self.next()] if self.sees("group", "(", "[") else self.argument()

    def _above(self, tokens: Sequence[Token], base: str, scripts: Scripts) -> None:
        script = self._without_transposition(tokens, scripts)
        if not script:
            return
        text = "".join(token.plain for token in script)
        layer = re.match(r"[(\[](\d)[)\]]", text)
        time = _TIME.fullmatch(text)
        if not base:
            scripts.powers.append(self.inside(script).whole())
        elif layer:
            if scripts.layer:  # `h_1^{(1)}`: the subscript was an element index and not the layer
                scripts.elements += (scripts.layer,)
            scripts.layer = layer[1]
            self._above(script[1:], base, scripts)
        elif time and not scripts.time:
            scripts.time = time[1]
        elif re.fullmatch(r"[(\[][ijklmn][)\]]", text):
            scripts.elements += (f"({text[1]})",)
        elif re.fullmatch(r"\d", text) and base not in self.notation.powers and not scripts.layer:
            scripts.layer = text
        else:
            scripts.powers.append(self.inside(script).whole())

    def _without_transposition(self, tokens: Sequence[Token], scripts: Scripts) -> list[Token]:
        """Remove T and primes at the end of a superscript, and record them in `scripts`. Return the tokens that remain.
        A t alone means T if the notation has no time steps."""
        script = [token for token in _without_braces(tokens) if not token.is_sign("^")]
        while script and script[-1].kind == "letter" and script[-1].text == "T":
            script.pop()
            scripts.transposed = not scripts.transposed
        if len(script) == 1 and script[0].text == "t" and not self.notation.variable:  # Wᵗ
            self.to_check.append(("a transposition", script))
            scripts.transposed = not scripts.transposed
            return []
        while script and script[-1].is_sign("'"):
            script.pop()
            scripts.primes += 1
        return script

    def _below(self, tokens: Sequence[Token], base: str, scripts: Scripts) -> None:
        text = "".join(token.text for token in every(tokens) if token.kind not in ("group", "end"))
        time_of_element = re.fullmatch(r"(t(?:[+-]1)?)([ijkmn])", text)
        if _TIME.fullmatch(text):
            scripts.time = text
        elif time_of_element:
            scripts.time = time_of_element[1]
            scripts.elements += (time_of_element[2],)
        elif re.fullmatch(r"[ijklmnpqrsc]{1,2}|[ijklmn][1-9]|[1-9][ijklmn]" + "|[1-9]{2}" * base.isupper(), text):
            scripts.elements += tuple(text)
        elif not re.fullmatch(r"\d", text):
            scripts.word += text
        elif scripts.layer or base in self.notation.powers:
            scripts.elements += (text,)
        else:
            scripts.layer = text

    def _scripted(self, formula: Formula) -> Formula:
        """Parse the superscripts and subscripts after a bracket, and apply them to its formula."""
        scripts = self.scripts()
        if replace(scripts, elements=()).is_indexed or (scripts.elements and formula.data[1:]):
            raise Unread("an index stands after a bracket or a number")
        return self._finished(formula, scripts)

    def _finished(self, formula: Formula, scripts: Scripts) -> Formula:
        if scripts.elements and formula.kind != "symbol":
            formula = Formula("element", (formula,), scripts.elements)
        elif scripts.elements and not formula.data[1:]:
            formula = symbol(formula.name, *scripts.elements)
        for power in scripts.powers:
            formula = Formula("power", (formula, power))
        return Formula("transposed", (formula,)) if scripts.transposed else formula

    # ── names ────────────────────────────────────────────────────────────────────────────────────────

    def _letter(self, token: Token) -> Formula:
        sees_name = self.sees("letter") or self.sees("macro", "hat")
        if token.text in ("d", "∂") and sees_name and not self.tokens[self.place].spaced:
            return self._differential()
        if token.text == "e" and self.takes("sign", "^"):
            return Formula("applied", (self.inside(self.argument()).whole(),), ("exp",))
        return self._name(token.text)

    def _name(self, base: str) -> Formula:
        notation = self.notation
        digit = self._digit_behind(base)
        scripts = self.scripts(base)
        if digit and scripts.layer:
            raise Unread(f"two layer numbers stand after {base}")
        scripts.layer = scripts.layer or digit
        if scripts.layer and scripts.time:
            raise Unread(f"{base} has both a layer and a time step")
        primes = "'" * scripts.primes
        function = notation.functions.get(base + primes, "")
        if base in notation.functions:
            function = notation.functions[base] + primes
        if function and not scripts.layer:
            return self._apply_letter(base, function, scripts)
        if base in notation.losses or base in notation.totals:
            return self._loss(base, scripts)
        name = self._full_name(base, scripts) + primes
        return self._finished(symbol(name, *scripts.elements), scripts)

    def _digit_behind(self, base: str) -> str:
        """Consume and return the layer after the letter `base`: "2" in `W2` or `h(2)`; "" if there is none."""
        token, notation = self.peek(), self.notation
        if token is None or token.spaced or base in notation.powers | notation.losses | notation.functions.keys():
            return ""
        layer = re.fullmatch(r"\d|\(\d\)", token.plain)
        if layer is None:
            return ""
        self.place += 1
        return layer[0].strip("()")

    def _full_name(self, base: str, scripts: Scripts) -> str:
        suffix = scripts.layer or scripts.time or scripts.word
        name = base + {"new": "t+1", "old": "t", "next": "t+1"}.get(suffix, suffix)
        return self.notation.same.get(name, name)

    def _loss(self, base: str, scripts: Scripts) -> Formula:
        totals = self.notation.totals
        if scripts.transposed or scripts.powers or (scripts.layer and not totals):
            raise Unread(f"the loss {base} has a superscript or an index")
        if scripts.primes and self.sees("group", "("):
            raise Unread(f"the function {base}' may be a derivative or another loss")
        if scripts.primes:
            return symbol(base + "'" * scripts.primes)
        argument = self.peek()
        if argument is not None and argument.is_group("("):
            is_factor = any(token.is_sign("-", "+") for token in every(argument.inner))
            self.place += not is_factor
        index = scripts.word or scripts.layer or "".join(scripts.elements)
        if index and not totals:
            self.check("an index of the loss")
        return symbol(f"{base}{index}" if totals and (index or base in totals) else self.notation.loss)

    def _apply_letter(self, base: str, function: str, scripts: Scripts) -> Formula:
        if self.sees("group", "(", "["):
            formula = Formula("applied", (self.inside(self.next().inner).whole(),), (function,))
            return self._scripted(self._finished(formula, scripts))
        if scripts.primes and not scripts.powers:
            return symbol(function)
        return self._finished(symbol(base), scripts)

    # ── functions ────────────────────────────────────────────────────────────────────────────────────

    def _function(self, name: str) -> Formula:
        scripts = self.scripts()
        if replace(scripts, primes=0).is_indexed:
            raise Unread(f"the function {name} has an index")
        arguments = self._arguments()
        kind, data = _CALLS.get((name, len(arguments)), ("applied", (name + "'" * scripts.primes,)))
        return self._scripted(self._finished(Formula(kind, arguments, data), scripts))

    def _arguments(self) -> tuple[Formula, ...]:
        if not self.sees("group", "(", "[", "\\{"):
            return (self.factor(),)
        arguments = cut_at(self.next().inner, lambda token: token.kind == "end")
        return tuple(self.inside(argument).whole() for argument in arguments)

    # ── macros ───────────────────────────────────────────────────────────────────────────────────────

    def _macro(self, token: Token) -> Formula:
        match token.text:
            case "frac":
                return self._fraction()
            case "hat":
                return self._accented("\u0302")
            case "bar":
                return self._accented(BAR)
            case "nabla":
                return self._gradient()
            case "partial":
                return self._gradient() if self.sees("sign", "_") else self._differential()
            case "sum":
                return self._total()
            case "ones":
                self.check("a vector of ones")
                return self._number(replace(token, kind="number", text="1"))
            case "underbrace" | "overbrace":
                return self._braced()
        raise Unread(f"the macro \\{token.text} is not known")

    def _accented(self, mark: str) -> Formula:
        """Parse a letter with an accent, such as θ̃, as a name."""
        accented = list(_without_braces(self.argument()))
        scripts = accented[1:]
        if not accented or accented[0].kind != "letter" or (scripts and not scripts[0].is_sign("_", "^")):
            raise Unread("an accent stands over more than a letter")
        self.tokens = [*scripts, *self.tokens[self.place :]]
        self.place = 0
        return self._name(unicodedata.normalize("NFC", accented[0].text + mark))

    def _braced(self) -> Formula:
        """Parse the formula in \\underbrace or \\overbrace, and add the label of the brace to `to_check`."""
        formula = self.inside(self.argument()).whole()
        if self.takes("sign", "_", "^"):
            self.to_check.append(("a label", self.argument()))
        return formula

    def _fraction(self) -> Formula:
        over, under = self.argument(), self.argument()
        if _begins_differential(over) and _begins_differential(under):
            differentials = [self.inside(part[1:])._differential(to_the_end=True) for part in (over, under)]
            return self._scripted(self._fraction_of(*differentials))
        return self._scripted(Formula("quotient", (self.inside(over).whole(), self.inside(under).whole())))

    # ── derivatives ──────────────────────────────────────────────────────────────────────────────────

    def _differential(self, *, to_the_end: bool = False) -> Formula:
        """Parse the operand of ∂ or d: one factor, or all tokens if `to_the_end`.

        Return the derivative of the loss with respect to the operand, which is what `dW2` means in programs. For a
        fraction such as ∂J/∂W, `_fraction_of` uses only the operands.
        """
        loss = symbol(self.notation.loss)
        if self.peek() is None or self.sees("sign", "/"):
            return Formula("derivative", (loss, loss), ("operand follows",))
        operand = self._untransposed(self.whole() if to_the_end else self.factor())
        return Formula("derivative", (loss, operand), ("differential",))

    def _fraction_of(self, over: Formula, under: Formula) -> Formula:
        """Return a quotient, or a derivative if both parts are differentials, such as ∂J and ∂W."""
        if not over.data or not under.data or over.kind != "derivative" or under.kind != "derivative":
            return Formula("quotient", (over, under))
        operand = self._operand() if over.data[0] == "operand follows" else over.parts[1]
        result = self._derivative(operand, self._variable(under.parts[1]))
        point = self.peek()
        if point is not None and point.is_group("(") and len(point.plain) < MAX_POINT:
            self.place += self._is_variable(point.inner, result.parts[1].name)
        return result

    def _is_variable(self, point: Sequence[Token], variable: str) -> bool:
        try:
            return self.inside(point).whole().name == variable
        except Unread:
            return False

    def _derivative(self, function: Formula, variable: Formula) -> Formula:
        """Return a derivative, or the one that `Notation.same` names for it."""
        name = name_of(derivative(function, variable))
        usual_name = self.notation.same.get(name, "")
        if "/" in usual_name:
            self.check(f"{name} as {usual_name}")
            variable = named(usual_name).parts[1]
        return derivative(function, variable)

    def _variable(self, formula: Formula) -> Formula:
        """Return the variable of a derivative: x for both ∂/∂x and ∂/∂xᵀ. Raise `Unread` for other formulas."""
        name = self._untransposed(formula)
        if name.kind != "symbol":
            raise Unread("the variable of a derivative is not a name")
        return name

    def _untransposed(self, formula: Formula) -> Formula:
        """Return x for xᵀ if x is a name, and let a person check it. Return other formulas unchanged."""
        if formula.kind != "transposed" or formula.parts[0].kind != "symbol":
            return formula
        self.check("a transposition")
        return formula.parts[0]

    def _operand(self) -> Formula:
        """Parse the operand of ∂/∂x or ∇: a bracket, or a product up to the next + or -."""
        self.takes("sign", "·")
        return self.factor() if self.sees("group") else self.product()

    def _gradient(self) -> Formula:
        if self.sees("sign", "^"):
            raise Unread("second derivatives are not supported")
        if self.takes("sign", "_"):
            variable = self._variable(self.inside(self.argument()).whole())
        elif self.notation.variable:
            variable = symbol(self.notation.variable)
        else:  # ∇W2 J, as people type it
            variable = self._variable(self.factor())
        if self._sees_loss() or self.sees("group"):
            return self._scripted(self._derivative(self.factor(), variable))
        if self._sees_operand():
            return self._derivative(self._operand(), variable)
        return self._scripted(self._derivative(symbol(self.notation.loss), variable))

    def _sees_loss(self) -> bool:
        token = self.peek()
        while token is not None and token.is_group("{"):
            token = next(iter(token.inner), None)
        losses = self.notation.losses | self.notation.totals
        return token is not None and token.kind == "letter" and token.text in losses

    def _sees_operand(self) -> bool:
        """Return whether the next token begins the operand of ∇, and is not the next factor."""
        token = self.peek()
        if token is None or not self._goes_on(token) or token.is_sign(*_MULTIPLIED, "/"):
            return False
        return token.kind == "sign" or (bool(self.notation.variable) and token.text != "nabla")

    # ── sums and cases ───────────────────────────────────────────────────────────────────────────────

    def _total(self) -> Formula:
        index, limits = "", list[Formula]()
        while self.sees("sign", "_", "^"):
            sign, script = self.next().text, self.argument()
            if sign == "^":
                limits = [self.inside(script).whole()]
            elif script and script[0].kind == "letter":
                index = script[0].text
        return Formula("total", (self.product(), *limits), (index,))

    def _cases(self, grid: Token) -> Formula:
        parts: list[Formula] = []
        for row in cut_at(grid.inner, lambda token: token.kind == "row"):
            separators = [n for n, token in enumerate(row) if n and token.kind in ("text", "end", "word")]
            if not separators:
                raise Unread("a case has no condition")
            value, condition = row[: separators[0]], row[separators[0] :]
            parts += [self.inside(value).whole(), self._condition(condition)]
        return Formula("cases", tuple(parts))

    def _condition(self, tokens: Sequence[Token]) -> Formula:
        words = [token for token in tokens if token.kind in ("text", "word")]
        self.to_check += (("words of a case", [word]) for word in words)
        if any(re.search(r"[\d*/×·]", word.text) for word in words):
            raise Unread("a part of a case is neither its value nor its condition")
        condition = [token for token in tokens if token not in words]
        while condition and (condition[0].kind == "end" or condition[0].is_sign(".")):
            condition.pop(0)
        while condition and (condition[-1].kind == "end" or condition[-1].is_sign(".")):
            condition.pop()
        if not condition:
            return Formula("otherwise")
        signs = [n for n, token in enumerate(condition) if token.kind in ("relation", "=")]
        if len(signs) != 1:
            raise Unread("a condition is not a single comparison")
        place = signs[0]
        sides = [self.inside(side).whole() for side in (condition[:place], condition[place + 1 :])]
        return Formula("relation", tuple(sides), (condition[place].text,))


_CALLS: Mapping[tuple[str, int], tuple[Kind, tuple[str, ...]]] = {
    ("transpose", 1): ("transposed", ()),
    ("dot", 2): ("product", ("", "@")),
    ("multiply", 2): ("product", ("", "⊙")),
    ("power", 2): ("power", ()),
    ("norm", 1): ("norm", ("2",)),
}
"""(function, number of arguments) → (kind, data) of the node. Calls of other functions become `applied` nodes."""


def _begins_differential(tokens: Sequence[Token]) -> bool:
    if not tokens:
        return False
    first, *operand = tokens
    if first.kind == "macro":
        return first.text == "partial"
    if first.kind != "letter":
        return False
    return first.text in ("d", "∂") or (first.text == "δ" and (not operand or operand[0].kind == "letter"))


def _without_braces(tokens: Iterable[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.is_group("{"):
            yield from _without_braces(token.inner)
        else:
            yield token
