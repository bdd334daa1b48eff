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


_TIME_STEPS = {"new": "t+1", "old": "t", "next": "t+1"}


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
        """Number of open bars | or ‖. Inside them, the next bar closes a pair and does not open another one."""
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
        """Return the next token, or the one `ahead` tokens behind it; None at the end. The cursor stays."""
        place = self.place + ahead
        if place < len(self.tokens):
            return self.tokens[place]
        return None

    def next(self) -> Token:
        """Consume and return the next token. Raise `Unread` at the end."""
        token = self.peek()
        if token is None:
            raise Unread("the formula is incomplete")
        self.place += 1
        return token

    def sees(self, kind: str, *texts: str, ahead: int = 0) -> bool:
        """Return whether the next token has this kind and, if texts are given, one of them. The cursor stays."""
        token = self.peek(ahead)
        if token is None or token.kind != kind:
            return False
        return not texts or token.text in texts

    def takes(self, kind: str, *texts: str) -> bool:
        """Consume the next token if it has this kind and, if texts are given, one of them. Return whether it has."""
        if not self.sees(kind, *texts):
            return False
        self.place += 1
        return True

    def argument(self) -> Sequence[Token]:
        """Consume an argument of a macro, ^ or _: one token, or a group in braces. Return its tokens."""
        token = self.next()
        if token.is_group("{"):
            return token.inner
        if token.kind != "number" or not token.text.isdigit():
            return [token]
        digits = [replace(token, text=digit) for digit in token.text]  # \frac12
        self.tokens = [*self.tokens[: self.place - 1], *digits, *self.tokens[self.place :]]
        return digits[:1]

    def inside(self, tokens: Sequence[Token]) -> Parser:
        """Return a parser for the tokens of a part, which adds to the same list `to_check`."""
        parser = Parser(tokens, self.notation)
        parser.to_check = self.to_check
        return parser

    def parsed(self, tokens: Sequence[Token]) -> Formula:
        """Parse all tokens of a bracket or an argument as one formula."""
        return self.inside(tokens).whole()

    def check(self, why: str) -> None:
        """Let a person check the last token."""
        start = max(self.place - 1, 0)
        last_token = self.tokens[start : self.place]
        self.to_check.append((why, last_token))

    # ── sums and products ────────────────────────────────────────────────────────────────────────────

    def sum(self) -> Formula:
        """Parse products with + or - between them. Several signs in a row become one: a - -b is a + b."""
        signs = []
        terms: list[Formula] = []
        while not terms or self.sees("sign", "+", "-"):
            is_negative = False
            while self.sees("sign", "+", "-"):
                if self.next().text == "-":
                    is_negative = not is_negative
            signs.append("-" if is_negative else "+")
            terms.append(self.product())
        if signs == ["+"]:
            return terms[0]
        return Formula("sum", tuple(terms), tuple(signs))

    def product(self) -> Formula:
        """Parse factors up to the next + or -, with the sign of multiplication before each ("" for none). A / divides
        only the factor before it."""
        signs, factors = [""], [self.factor()]
        while self._goes_on():
            if self.sees("sign", "|") and self.sees("sign", "_", ahead=1):
                self._evaluated_at()
            elif self.takes("sign", "/"):
                factors[-1] = self._fraction_of(factors[-1], self.factor())
            else:
                sign = _MULTIPLIED[self.next().text] if self.sees("sign", *_MULTIPLIED) else ""
                signs.append(sign)
                factors.append(self.factor())
        if len(factors) == 1:
            return factors[0]
        return Formula("product", tuple(factors), tuple(signs))

    def _goes_on(self) -> bool:
        """Return whether a product goes on with the next token."""
        token = self.peek()
        if token is None:
            return False
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
        name = self.parsed(point).name
        if not name or name != self.notation.variable:
            raise Unread("a derivative is evaluated at a point other than the variable")

    def factor(self) -> Formula:
        """Parse one factor with its superscripts and subscripts: a number, name, bracket, call, macro or norm."""
        token = self.next()
        match token.kind:
            case "number":
                return self._number(token)
            case "letter":
                return self._letter(token)
            case "word":
                return self._name(token.text)
            case "unknown" if token.text in self.notation.functions:
                return self._name(token.text)
            case "unknown" | "function":
                return self._function(token.text)
            case "group":
                return self._scripted(self.parsed(token.inner))
            case "grid":
                return self._cases(token)
            case "macro":
                return self._macro(token)
            case "sign" if token.text in ("|", "‖"):
                return self._bars(token.text)
        raise Unread(f"unexpected “{token.text}”")

    def _number(self, token: Token) -> Formula:
        """Return the formula for a number and its powers."""
        scripts = self.scripts()
        if scripts.is_indexed or scripts.transposed:
            raise Unread("an index stands after a number")
        return self._finished(number(token.text), scripts)

    def _bars(self, sign: str) -> Formula:
        """Parse what follows an opening bar: an absolute value |x|, or a norm ‖x‖ or |x|_2. The index of a norm is its
        order: 1, 2 or F; by default 2."""
        self.bars += 1
        formula = self.sum()
        self.bars -= 1
        if not self.takes("sign", sign):
            raise Unread(f"“{sign}” has no closing “{sign}”")
        if sign == "|" and not self.sees("sign", "_"):
            return self._scripted(Formula("applied", (formula,), ("abs",)))
        scripts = self.scripts()
        order = scripts.layer or scripts.word or "2"
        is_order = re.fullmatch("(?:[ℓL]_?)?[12]|F", order)
        if not is_order or scripts.elements or scripts.time or scripts.primes:
            raise Unread("norms of this order are not supported")
        return self._finished(Formula("norm", (formula,), (order[-1],)), scripts)

    # ── scripts ──────────────────────────────────────────────────────────────────────────────────────

    def scripts(self, base: str = "") -> Scripts:
        """Parse the primes, superscripts and subscripts that follow.

        Args:
            base: The name that they follow. By default, they follow something else, such as a bracket: a superscript is
                then a power, and no layer or time step.
        """
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
        if self.sees("group", "(", "["):
            return [self.next()]
        return self.argument()

    def _above(self, tokens: Sequence[Token], base: str, scripts: Scripts) -> None:
        """Parse a superscript of `base`, and record it in `scripts`: a transposition, layer, time step or number of an
        example, or else a power."""
        script = self._without_transposition(tokens, scripts)
        if not script:
            return
        text = "".join(token.plain for token in script)
        layer = re.match(r"[(\[](\d)[)\]]", text)
        time = _TIME.fullmatch(text)
        if not base:
            scripts.powers.append(self.parsed(script))
        elif layer:
            if scripts.layer:  # `h_1^{(1)}`: the subscript was an element index and not the layer
                scripts.elements += (scripts.layer,)
            scripts.layer = layer[1]
            self._above(script[1:], base, scripts)
        elif time and not scripts.time:
            scripts.time = time[1]
        elif re.fullmatch(r"[(\[][ijklmn][)\]]", text):  # the number of an example, as in y⁽ⁱ⁾
            scripts.elements += (f"({text[1]})",)
        elif re.fullmatch(r"\d", text) and base not in self.notation.power_letters and not scripts.layer:
            scripts.layer = text
        else:
            scripts.powers.append(self.parsed(script))

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
        """Record a subscript of `base` in `scripts`: a time step, element indices, a layer, or else a part of the name.
        Two digits are element indices of a matrix, which has a capital letter."""
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
        elif scripts.layer or base in self.notation.power_letters:  # the name has its layer, or no layers at all
            scripts.elements += (text,)
        else:
            scripts.layer = text

    def _scripted(self, formula: Formula) -> Formula:
        """Parse the superscripts and subscripts after a bracket, and apply them to its formula."""
        scripts = self.scripts()
        has_elements = formula.data[1:] and scripts.elements
        if has_elements or replace(scripts, elements=()).is_indexed:
            raise Unread("an index stands after a bracket or a number")
        return self._finished(formula, scripts)

    def _finished(self, formula: Formula, scripts: Scripts) -> Formula:
        """Apply the element indices, powers and transposition in `scripts` to a formula. The other scripts are parts of
        a name, which the caller has used."""
        if scripts.elements and formula.kind != "symbol":
            formula = Formula("element", (formula,), scripts.elements)
        elif scripts.elements and not formula.data[1:]:
            formula = symbol(formula.name, *scripts.elements)
        for power in scripts.powers:
            formula = Formula("power", (formula, power))
        if scripts.transposed:
            return Formula("transposed", (formula,))
        return formula

    # ── names ────────────────────────────────────────────────────────────────────────────────────────

    def _letter(self, token: Token) -> Formula:
        """Parse a factor that begins with a letter: a differential such as dW, a power of e, or a name."""
        following = self.peek()
        is_name = self.sees("letter") or self.sees("macro", "hat")
        if token.text in ("d", "∂") and is_name and following and not following.spaced:
            return self._differential()
        if token.text == "e" and self.takes("sign", "^"):
            exponent = self.parsed(self.argument())
            return Formula("applied", (exponent,), ("exp",))
        return self._name(token.text)

    def _name(self, base: str) -> Formula:
        """Parse the scripts behind a name, and return the formula for it: a function, the loss, or a quantity under its
        usual name (`Notation.other_names`). A layer or time step becomes a part of the name: "h1", "θt+1".

        Args:
            base: The letter or word, which was consumed.
        """
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
        if base in notation.functions:  # a prime stands for the derivative: sigmoid' for f' if f is sigmoid
            function = notation.functions[base] + primes
        if function and not scripts.layer:
            return self._apply_letter(base, function, scripts)
        if base in notation.loss_letters or base in notation.totals:
            return self._loss(base, scripts)
        suffix = scripts.layer or scripts.time or scripts.word
        name = base + _TIME_STEPS.get(suffix, suffix)
        usual_name = notation.other_names.get(name, name)
        return self._finished(symbol(usual_name + primes, *scripts.elements), scripts)

    def _digit_behind(self, base: str) -> str:
        """Consume and return the layer after the letter `base`: "2" in `W2` or `h(2)`; "" if there is none."""
        token, notation = self.peek(), self.notation
        without_layer = notation.power_letters | notation.loss_letters | notation.functions.keys()
        if token is None or token.spaced or base in without_layer:
            return ""
        layer = re.fullmatch(r"\d|\(\d\)", token.plain)
        if layer is None:
            return ""
        self.place += 1
        return layer[0].strip("()")

    def _loss(self, base: str, scripts: Scripts) -> Formula:
        """Return the symbol for a letter of the loss. Skip its argument, as in J(W); but a bracket with + or -, as in
        J (a - b), is a factor. An index is kept in the name if it can tell the loss with a penalty from the one without
        (`Notation.totals`)."""
        totals = self.notation.totals
        if scripts.transposed or scripts.powers or (scripts.layer and not totals):
            raise Unread(f"the loss {base} has a superscript or an index")
        argument = self.peek()
        is_called = argument is not None and argument.is_group("(")
        if scripts.primes:
            if is_called:
                raise Unread(f"the function {base}' may be a derivative or another loss")
            return symbol(base + "'" * scripts.primes)
        if argument is not None and is_called:
            is_factor = any(token.is_sign("-", "+") for token in every(argument.inner))
            self.place += not is_factor
        index = scripts.word or scripts.layer or "".join(scripts.elements)
        if totals and (index or base in totals):
            return symbol(base + index)
        if index:
            self.check("an index of the loss")
        return symbol(self.notation.loss)

    def _apply_letter(self, base: str, function: str, scripts: Scripts) -> Formula:
        """Return the formula for the letter `base` of a function: a call if a bracket follows, otherwise a symbol.
        `function` is the usual name, such as "sigmoid'"."""
        if self.sees("group", "(", "["):
            argument = self.parsed(self.next().inner)
            formula = Formula("applied", (argument,), (function,))
            return self._scripted(self._finished(formula, scripts))
        if scripts.primes and not scripts.powers:
            return symbol(function)
        return self._finished(symbol(base), scripts)

    # ── functions ────────────────────────────────────────────────────────────────────────────────────

    def _function(self, name: str) -> Formula:
        """Parse the scripts and arguments of a function. Primes stand for derivatives and stay in the name: "tanh'"."""
        scripts = self.scripts()
        if replace(scripts, primes=0).is_indexed:
            raise Unread(f"the function {name} has an index")
        arguments = self._arguments()
        primes = "'" * scripts.primes
        kind, data = _CALLS.get((name, len(arguments)), ("applied", (name + primes,)))
        formula = Formula(kind, arguments, data)
        return self._scripted(self._finished(formula, scripts))

    def _arguments(self) -> tuple[Formula, ...]:
        """Parse the arguments of a function: those in the bracket that follows, or else the next factor."""
        if not self.sees("group", "(", "[", "\\{"):
            return (self.factor(),)
        arguments = cut_at(self.next().inner, lambda token: token.kind == "end")
        return tuple(map(self.parsed, arguments))

    # ── macros ───────────────────────────────────────────────────────────────────────────────────────

    def _macro(self, token: Token) -> Formula:
        """Parse the arguments or operand of a macro, and return the formula for both."""
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
        if not accented or accented[0].kind != "letter":
            raise Unread("an accent stands over more than a letter")
        letter, *scripts = accented
        if scripts and not scripts[0].is_sign("_", "^"):
            raise Unread("an accent stands over more than a letter")
        self.tokens = [*scripts, *self.tokens[self.place :]]
        self.place = 0
        return self._name(unicodedata.normalize("NFC", letter.text + mark))

    def _braced(self) -> Formula:
        """Parse the formula in \\underbrace or \\overbrace, and add the label of the brace to `to_check`."""
        formula = self.parsed(self.argument())
        if self.takes("sign", "_", "^"):
            self.to_check.append(("a label", self.argument()))
        return formula

    def _fraction(self) -> Formula:
        """Parse the two arguments of \\frac: a derivative if both begin with a differential, otherwise a quotient."""
        over, under = self.argument(), self.argument()
        if _begins_differential(over) and _begins_differential(under):
            function = self.inside(over[1:])._differential(to_the_end=True)
            variable = self.inside(under[1:])._differential(to_the_end=True)
            return self._scripted(self._fraction_of(function, variable))
        parts = (self.parsed(over), self.parsed(under))
        return self._scripted(Formula("quotient", parts))

    # ── derivatives ──────────────────────────────────────────────────────────────────────────────────

    def _differential(self, *, to_the_end: bool = False) -> Formula:
        """Parse the operand of ∂ or d: one factor, or all tokens if `to_the_end`.

        Return the derivative of the loss with respect to the operand, which is what `dW2` means in programs. For a
        fraction such as ∂J/∂W, `_fraction_of` uses only the operands.
        """
        loss = symbol(self.notation.loss)
        if self.peek() is None or self.sees("sign", "/"):
            return Formula("derivative", (loss, loss), ("operand follows",))
        operand = self.whole() if to_the_end else self.factor()
        return Formula("derivative", (loss, self._untransposed(operand)), ("differential",))

    def _fraction_of(self, numerator: Formula, denominator: Formula) -> Formula:
        """Return a quotient, or a derivative if both parts are differentials, such as ∂J and ∂W."""
        if not (_is_differential(numerator) and _is_differential(denominator)):
            return Formula("quotient", (numerator, denominator))
        operand = numerator.parts[1]
        if numerator.data[0] == "operand follows":
            operand = self._operand()
        variable = self._variable(denominator.parts[1])
        result = self._derivative(operand, variable)
        point = self.peek()
        if point is not None and point.is_group("(") and len(point.plain) < MAX_POINT:
            self.place += self._is_variable(point.inner, result.parts[1].name)
        return result

    def _is_variable(self, point: Sequence[Token], variable: str) -> bool:
        """Return whether the point in brackets behind a derivative is its variable itself, and so changes nothing."""
        try:
            return self.parsed(point).name == variable
        except Unread:
            return False

    def _derivative(self, function: Formula, variable: Formula) -> Formula:
        """Return a derivative, or the one that `Notation.other_names` names for it."""
        name = name_of(derivative(function, variable))
        usual_name = self.notation.other_names.get(name, "")
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
        if self.sees("group"):
            return self.factor()
        return self.product()

    def _gradient(self) -> Formula:
        """Parse the variable and the operand of ∇. The variable is its index, or that of the notation, or the next
        factor; without an operand, the loss is differentiated."""
        if self.sees("sign", "^"):
            raise Unread("second derivatives are not supported")
        if self.takes("sign", "_"):
            variable = self._variable(self.parsed(self.argument()))
        elif self.notation.variable:
            variable = symbol(self.notation.variable)
        else:  # ∇W2 J, as people type it
            variable = self._variable(self.factor())
        if self._sees_loss() or self.sees("group"):
            return self._scripted(self._derivative(self.factor(), variable))
        if self._sees_operand():
            return self._derivative(self._operand(), variable)
        loss = symbol(self.notation.loss)
        return self._scripted(self._derivative(loss, variable))

    def _sees_loss(self) -> bool:
        """Return whether the next token is a letter of the loss, perhaps in braces."""
        token = self.peek()
        while token is not None and token.is_group("{"):
            token = next(iter(token.inner), None)
        if token is None or token.kind != "letter":
            return False
        return token.text in self.notation.loss_letters | self.notation.totals

    def _sees_operand(self) -> bool:
        """Return whether the next token begins the operand of ∇, and is not the next factor."""
        token = self.peek()
        if token is None or not self._goes_on() or token.is_sign(*_MULTIPLIED, "/"):
            return False
        if token.kind == "sign":
            return True
        return self.notation.variable != "" and token.text != "nabla"

    # ── sums and cases ───────────────────────────────────────────────────────────────────────────────

    def _total(self) -> Formula:
        """Parse the limits and the summand of Σ. Of the lower limit, as in i = 1, only the index is used. The summand
        goes up to the next + or -."""
        index, limits = "", list[Formula]()
        while self.sees("sign", "_", "^"):
            sign, script = self.next().text, self.argument()
            if sign == "^":
                limits = [self.parsed(script)]
            elif script and script[0].kind == "letter":
                index = script[0].text
        summand = self.product()
        return Formula("total", (summand, *limits), (index,))

    def _cases(self, grid: Token) -> Formula:
        """Parse the rows of \\begin{cases}. The first separator or word in a row divides the value from the
        condition."""
        parts = []
        for row in cut_at(grid.inner, lambda token: token.kind == "row"):
            # n > 0: a separator at the beginning of the row belongs to no condition
            separators = [n for n, token in enumerate(row) if token.kind in ("text", "end", "word") and n > 0]
            if not separators:
                raise Unread("a case has no condition")
            place = separators[0]
            value = self.parsed(row[:place])
            parts += [value, self._condition(row[place:])]
        return Formula("cases", tuple(parts))

    def _condition(self, tokens: Sequence[Token]) -> Formula:
        """Parse the condition of a case: a comparison, or `otherwise` if there are only words. Words are left out and
        added to `to_check`; raise `Unread` if they may contain a part of the value."""
        condition = []
        for token in tokens:
            if token.kind not in ("text", "word"):
                condition.append(token)
                continue
            self.to_check.append(("words of a case", [token]))
            if re.search(r"[\d*/×·]", token.text):
                raise Unread("a part of a case is neither its value nor its condition")
        while condition and _is_stop(condition[0]):
            condition.pop(0)
        while condition and _is_stop(condition[-1]):
            condition.pop()
        if not condition:
            return Formula("otherwise")
        signs = [token for token in condition if token.kind in ("relation", "=")]
        if len(signs) != 1:
            raise Unread("a condition is not a single comparison")
        place = condition.index(signs[0])
        left_side, right_side = self.parsed(condition[:place]), self.parsed(condition[place + 1 :])
        return Formula("relation", (left_side, right_side), (signs[0].text,))


_CALLS: Mapping[tuple[str, int], tuple[Kind, tuple[str, ...]]] = {
    ("transpose", 1): ("transposed", ()),
    ("dot", 2): ("product", ("", "@")),
    ("multiply", 2): ("product", ("", "⊙")),
    ("power", 2): ("power", ()),
    ("norm", 1): ("norm", ("2",)),
}
"""(function, number of arguments) → (kind, data) of the node. Calls of other functions become `applied` nodes."""


def _begins_differential(tokens: Sequence[Token]) -> bool:
    """Return whether the numerator or denominator of a fraction is a differential: it begins with ∂, d or δ. Since δ is
    also a name, it counts only alone or before a letter."""
    if not tokens:
        return False
    first, *operand = tokens
    if first.kind == "macro":
        return first.text == "partial"
    if first.kind != "letter":
        return False
    if first.text == "δ":
        return not operand or operand[0].kind == "letter"
    return first.text in ("d", "∂")


def _is_differential(formula: Formula) -> bool:
    """Return whether a formula is a differential, such as ∂J, and not a whole derivative."""
    return formula.kind == "derivative" and len(formula.data) > 0


def _is_stop(token: Token) -> bool:
    return token.kind == "end" or token.is_sign(".")


def _without_braces(tokens: Iterable[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.is_group("{"):
            yield from _without_braces(token.inner)
        else:
            yield token
