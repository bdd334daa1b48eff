"""Parse tokens into formulas, by recursive descent."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from grader.derivations.bounds import Unread
from grader.derivations.formulas import Formula, Kind, derivative, name_of, named, number, structure, symbol
from grader.derivations.question import Notation
from grader.derivations.tokens import KEYWORDS, Token, every

CHOICE = "where"
"""Name of numpy's function that chooses between two values by a condition."""
_MULTIPLIED = {"·": "·", "⊙": "⊙", "@": "@", "⊗": "⊗", ".": ""}
BAR = "\u0304"
"""Combining character in the name of a quantity with a bar."""
TOTAL = "objective"
"""Name of the quantity that is the loss with a penalty."""


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


class Parser:
    """Parses one formula. Its methods raise `Unread` for tokens that they cannot parse."""

    def __init__(self, tokens: Sequence[Token], notation: Notation) -> None:
        self.tokens = tokens
        self.notation = notation
        self.at = 0
        self.bars = 0
        self.to_check: list[tuple[str, Sequence[Token]]] = []
        """(description, tokens) of each part that a person should check: a part that the formula leaves out, such as
        the label of a brace, or an unusual notation, such as a vector of ones."""

    def whole(self) -> Formula:
        """Parse all tokens as one formula."""
        made = self.sum()
        if token := self.peek():
            raise Unread(f"unexpected “{token.text}”")
        return made

    # ── the cursor ───────────────────────────────────────────────────────────────────────────────────

    def peek(self, ahead: int = 0) -> Token | None:
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else None

    def next(self) -> Token:
        token = self.peek()
        if token is None:
            raise Unread("the formula is incomplete")
        self.at += 1
        return token

    def sees(self, kind: str, *texts: str, ahead: int = 0) -> bool:
        token = self.peek(ahead)
        return token is not None and token.kind == kind and (not texts or token.text in texts)

    def sees_attached(self, kind: str, *texts: str, ahead: int = 0) -> bool:
        """Return whether `sees` is true for the token at offset `ahead`, and no white space precedes the token."""
        token = self.peek(ahead)
        return token is not None and not token.spaced and self.sees(kind, *texts, ahead=ahead)

    def takes(self, kind: str, *texts: str) -> bool:
        if not self.sees(kind, *texts):
            return False
        self.at += 1
        return True

    def argument(self) -> Sequence[Token]:
        """Consume an argument of a macro, ^ or _: one token, or a group in braces. Return its tokens."""
        token = self.next()
        if token.is_group("{"):
            return token.inner
        if token.kind == "number" and token.text.isdigit():  # \frac12
            digits = [replace(token, text=digit) for digit in token.text]
            self.tokens = [*self.tokens[: self.at - 1], *digits, *self.tokens[self.at :]]
            return digits[:1]
        return [token, self.next()] if token.kind == "macro" and self.sees("group", "{") else [token]

    def inside(self, tokens: Sequence[Token]) -> Parser:
        parser = Parser(tokens, self.notation)
        parser.to_check = self.to_check
        return parser

    # ── sums and products ────────────────────────────────────────────────────────────────────────────

    def sum(self) -> Formula:
        signs, terms = [], []
        while True:
            sign = "+"
            while self.sees("sign", "+", "-"):
                sign = "-" if (self.next().text == "-") != (sign == "-") else "+"
            signs.append(sign)
            terms.append(self.product())
            if not self.sees("sign", "+", "-"):
                break
        if len(terms) == 1 and signs == ["+"]:
            return terms[0]
        return Formula("sum", tuple(terms), tuple(signs))

    def product(self) -> Formula:
        signs, factors = [""], [self.factor()]
        while (token := self.peek()) is not None and self._goes_on(token):
            if token.is_sign("|") and self.sees("sign", "_", ahead=1):
                self._evaluated_at()
                continue
            if token.is_sign("/"):
                self.next()
                factors[-1] = self._fraction_of(factors[-1], self.factor())
                continue
            sign = _MULTIPLIED[self.next().text] if token.is_sign(*_MULTIPLIED) else ""
            factors.append(self._signed_factor())
            signs.append(sign)
        return Formula("product", tuple(factors), tuple(signs)) if len(factors) > 1 else factors[0]

    def _goes_on(self, token: Token) -> bool:
        if token.kind in ("close", "end", "row", "=", "relation", "text"):
            return False
        if token.is_sign("."):  # a product or a full stop
            after = self.peek(1)
            return after is not None and (after.spaced or not token.spaced) and after.kind not in ("sign", "number")
        if token.is_sign("|", "‖"):
            return not self.bars
        return token.kind != "sign" or token.text in ("/", *_MULTIPLIED)

    def _evaluated_at(self) -> None:
        """Skip `|_{θ = θ_t}` after a derivative, since all values are those at θ_t. Raise `Unread` for other points."""
        self.at += 2
        point = self.argument()
        places = [n for n, token in enumerate(point) if token.kind == "="]
        made = self.inside(point[places[-1] + 1 :] if places else point).whole()
        if not made.name or made.name != self.notation.variable:
            raise Unread("a derivative is evaluated at a point other than the variable")

    def _signed_factor(self) -> Formula:
        sign = self.next().text if self.sees("sign", "-", "+") else ""
        made = self.factor()
        return Formula("sum", (made,), (sign,)) if sign else made

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
            case "group":
                return self._bracket(token)
            case "grid":
                return self._grid(token)
            case "macro":
                return self._macro(token)
            case "sign" if token.text in ("|", "‖"):
                return self._bars(token.text)
            case "unknown":
                return self._unknown(token.text)
        raise Unread(f"unexpected “{token.text}”")

    def _number(self, token: Token) -> Formula:
        made = self._scripted(number(token.text))
        if made.kind == "element":
            raise Unread("an index stands after a number")
        return self._ones(made, token) if token.text == "1" and made.kind == "transposed" else made

    def _unknown(self, function: str) -> Formula:
        if function == CHOICE and (token := self.peek()) and len(cells := _columns(token.inner)) == 3:
            self.at += 1
            value, other = (self.inside(cell).whole() for cell in cells[1:])
            return self._scripted(_choice(value, self._condition(cells[0]), other))
        return self._name(function) if function in self.notation.functions else self._function(function)

    def _bracket(self, token: Token) -> Formula:
        inner = token.inner
        if not inner and token.text == "{" and self.takes("sign", "^"):
            if "".join(t.text for t in self.argument()).lower() != "t":
                raise Unread("a superscript stands before a name")
            return Formula("transposed", (self.factor(),))
        if any(t.kind == "relation" for t in inner) and token.text in ("[", "(", "\\{"):
            return _choice(number(1), self._condition(inner), number(0))
        if len(cells := _columns(inner)) > 1 and any(map(_is_dots, cells)):
            made = self._spread([cells], token)
        else:
            made = self.inside(inner).whole()
        return self._scripted(made)

    def _bars(self, sign: str) -> Formula:
        self.bars += 1
        made = self.sum()
        self.bars -= 1
        if not self.takes("sign", sign):
            raise Unread(f"“{sign}” has no closing “{sign}”")
        if sign == "|" and not self.sees("sign", "_"):
            return self._scripted(Formula("applied", (made,), ("abs",)))
        return self._norm(made)

    def _norm(self, made: Formula) -> Formula:
        found = self.scripts()
        order = found.layer or found.word or "2"
        if replace(found, layer="", word="", powers=[]) != Scripts() or not re.fullmatch("(?:[ℓL]_?)?[12]|F", order):
            raise Unread("norms of this order are not supported")
        return self._finished(Formula("norm", (made,), (order[-1],)), found)

    # ── scripts ──────────────────────────────────────────────────────────────────────────────────────

    def scripts(self, base: str = "") -> Scripts:
        found = Scripts()
        while True:
            if self.takes("sign", "^"):
                self._above(self._script(), base, found)
            elif self.takes("sign", "_"):
                self._below(self._script(), base, found)
            elif self.takes("sign", "'"):
                found.primes += 1
            elif self.sees("sign", ".") and self.sees_attached("letter", "T", ahead=1):
                self.at += 2
                found.transposed = not found.transposed
            else:
                return found

    def _script(self) -> Sequence[Token]:
        """Consume a superscript or subscript, which may be in brackets, as in `W^(2)`. Return its tokens."""
        return [self.next()] if self.sees("group", "(", "[") else self.argument()

    def _above(self, tokens: Sequence[Token], base: str, found: Scripts) -> None:
        flat = self._without_transposition(tokens, found)
        if not flat:
            return
        text = "".join(t.plain for t in flat)
        layer = re.match(r"[(\[](\d)[)\]]", text)
        last = re.fullmatch(r"[(\[]?L(?P<before>-1)?[)\]]?", text) if self.notation.layers else None
        if not base or base == "e":
            found.powers.append(self.inside(flat).whole())
        elif layer or last:
            if found.layer:  # `h_1^{(1)}`: the subscript was an element index and not the layer
                found.elements += (found.layer,)
            if last:
                found.layer = str(self.notation.layers - bool(last["before"]))
                self.to_check.append(("the number of a layer", flat))
            elif layer:
                found.layer = layer[1]
                self._above(flat[1:], base, found)
        elif not found.time and re.fullmatch(r"[(\[]?(t(?:[+-]1)?|new|old)[)\]]?", text):
            found.time = text.strip("()[]")
        elif re.fullmatch(r"[(\[][ijklmn][)\]]", text):
            found.elements += (f"({text[1]})",)
        elif re.fullmatch(r"\d", text) and base not in self.notation.powers and not found.layer:
            found.layer = text
        else:
            self._power(flat, base, found)

    def _power(self, tokens: Sequence[Token], base: str, found: Scripts) -> None:
        if base == "δ" and [token.kind for token in tokens] == ["letter"]:  # an error has no powers
            found.word += tokens[0].text
        else:
            found.powers.append(self.inside(tokens).whole())

    def _without_transposition(self, tokens: Sequence[Token], found: Scripts) -> list[Token]:
        """Remove T and primes from a superscript, and record them in `found`. Return the tokens that remain. A t or
        a star that is alone or behind a bracket means T if the notation has no time steps."""
        flat = [t for t in _without_braces(tokens) if not t.is_sign("^")]
        while len(flat) == 1 and flat[0].is_group("(") and [t.kind for t in flat[0].inner] == ["group"]:
            flat = [*flat[0].inner]  # Microsoft Word's linear format writes a^((2))
        while flat and flat[-1].kind == "letter" and flat[-1].text == "T":
            flat, found.transposed = flat[:-1], not found.transposed
        last = flat[-1:] if len(flat) == 1 or (flat and flat[-2].is_group()) else []
        if last and (last[0].text == "t" or last[0].is_sign("·")) and not self.notation.variable:  # Wᵗ or W*
            self.to_check.append(("a transposition", last))
            flat, found.transposed = flat[:-1], not found.transposed
        while len(flat) > 1 and flat[0].kind == "letter" and flat[0].text == "T":
            flat, found.transposed = flat[1:], not found.transposed
        while flat and flat[-1].is_sign("'"):
            flat, found.primes = flat[:-1], found.primes + 1
        return flat

    def _below(self, tokens: Sequence[Token], base: str, found: Scripts) -> None:
        flat = [t for t in every(tokens) if t.kind not in ("group", "end")]
        text = "".join(t.text for t in flat)
        if text in ("t", "t+1", "t-1", "new", "old"):
            found.time = text
        elif found_time := re.fullmatch(r"(t(?:[+-]1)?)([ijkmn])|([ijkmn])(t(?:[+-]1)?)", text):
            found.time, element = found_time[1] or found_time[4], found_time[2] or found_time[3]
            found.elements += (element,)
        elif re.fullmatch(r"[ijklmnpqrsc•]{1,2}|[ijklmn][1-9]|[1-9][ijklmn]", text) or (
            base.isupper() and re.fullmatch(r"[1-9]{2}", text)
        ):
            found.elements += tuple(text)
        elif re.fullmatch(r"\d", text):
            if found.layer or base in self.notation.powers:
                found.elements += (text,)
            else:
                found.layer = text
        elif text:
            found.word += text

    def _scripted(self, made: Formula) -> Formula:
        """Parse the superscripts and subscripts after a bracket or a number, and apply them to its formula `made`."""
        found = self.scripts()
        if found.layer or found.time or found.word or found.primes or (found.elements and made.data[1:]):
            raise Unread("an index stands after a bracket or a number")
        return self._finished(made, found)

    def _finished(self, made: Formula, found: Scripts) -> Formula:
        if found.elements and made.kind != "symbol":
            made = Formula("element", (made,), found.elements)
        elif found.elements and not made.data[1:]:
            made = symbol(made.name, *found.elements)
        for power in found.powers:
            made = Formula("power", (made, power))
        return Formula("transposed", (made,)) if found.transposed else made

    # ── names ────────────────────────────────────────────────────────────────────────────────────────

    def _letter(self, token: Token) -> Formula:
        base = token.text
        following = self.peek()
        if base == "I" and following and following.is_group() and any(t.kind == "relation" for t in following.inner):
            self.to_check.append(("the letter I as an indicator function", [token]))
            return self._indicator(token)
        named = self._sees_name() and not self.tokens[self.at].spaced
        delta = base == "δ" and (
            self._is_in_a_derivative() or (self.notation.delta_differentiates and self._sees_name())
        )
        if (base in ("d", "∂") and named) or delta:
            return self._differential()
        if base == "Δ" and self.sees("letter"):
            base += self.next().text
        if base == "e" and self.sees("sign", "^"):
            self.next()
            return Formula("applied", (self.inside(self.argument()).whole(),), ("exp",))
        return self._name(base)

    def _sees_name(self) -> bool:
        return self.sees("letter") or self.sees("macro", "hat")

    def _is_in_a_derivative(self) -> bool:
        """Return whether the last token is one of the two δ in δJ / δW."""
        for begin in (self.at - 1, self.at - 4):
            texts = [token.text for token in self.tokens[max(begin, 0) : begin + 4]]
            if len(texts) == 4 and (texts[0], texts[2], texts[3]) == ("δ", "/", "δ"):
                return texts[1] in self.notation.losses | self.notation.totals
        return False

    def _name(self, base: str) -> Formula:
        notation = self.notation
        digit, time = self._digit_behind(base), self._time_behind()
        found = self.scripts(base)
        if time and found.time:
            raise Unread(f"two time steps, such as t and t+1, stand after {base}")
        found.time = found.time or time
        if digit:
            if found.layer and found.layer != digit:
                raise Unread(f"two different layer numbers stand after {base}")
            found.layer = digit
        if found.layer and found.time in ("t+1", "t-1") and not notation.variable:
            raise Unread(f"{base} has both a layer and a time step")
        primes = "'" * found.primes
        if base in notation.functions:
            function = notation.functions[base] + primes
        else:
            function = notation.functions.get(base + primes, "")
        if function and not found.layer:
            return self._apply_letter(base, function, found)
        if base in notation.losses or base in notation.totals:
            return self._loss(base, found)
        name = self._full_name(base, found) + primes
        return self._finished(symbol(name, *found.elements), found)

    def _digit_behind(self, base: str) -> str:
        """Consume and return the layer after the letter `base`: "2" in `W2` or `h(2)`; "" if there is none."""
        token, notation = self.peek(), self.notation
        if token is None or token.spaced or base in notation.powers | notation.losses | notation.functions.keys():
            return ""
        inner = token.inner if token.is_group("(") else (token,)
        if [t.kind for t in inner] != ["number"] or len(inner[0].text) > 1:
            return ""
        self.at += 1
        return inner[0].text

    def _time_behind(self) -> str:
        """Consume and return the time step after a letter: "t+1" in `θ(t+1)`, "t" in `θt`. Return "" if there is none,
        or if the notation has no `variable`."""
        if self.notation.variable and self.takes("letter", "t"):
            if not (self.sees_attached("sign", "+") and self.sees_attached("number", "1", ahead=1)):
                return "t"
            self.at += 2
            return "t+1"
        token = self.peek()
        found = re.fullmatch(r"\((t(?:[+-]1)?)\)", token.plain) if token and self.notation.variable else None
        self.at += found is not None
        return found[1] if found else ""

    def _full_name(self, base: str, found: Scripts) -> str:
        time = found.time if base[0] != "Δ" else ""
        suffix = found.layer or time or found.word
        name = base + {"new": "t+1", "old": "t", "next": "t+1"}.get(suffix, suffix)
        return self.notation.same.get(name, name)

    def _loss(self, base: str, found: Scripts) -> Formula:
        totals = self.notation.totals
        if found.primes and self.sees("group", "("):  # L'(θ_t)
            by = self._variable(self.inside(self.next().inner).whole())
            return Formula("derivative", (symbol(self.notation.loss), by), ("prime",))
        if found.transposed or found.powers or (found.layer and not totals):
            raise Unread(f"the loss {base} has a superscript or an index")
        if found.primes and not totals:
            return symbol(f"{base}'")
        if self.sees("group", "(") and not self._is_a_factor():
            self.next()
        if found.word == "~":
            return symbol(TOTAL if totals else self.notation.loss)
        index = found.word or found.layer or "".join(found.elements) or "'" * found.primes
        if index and not totals:
            self.to_check.append(("an index of the loss", self.tokens[self.at - 1 : self.at]))
        return symbol(f"{base}{index}" if totals and (index or base in totals) else self.notation.loss)

    def _is_a_factor(self) -> bool:
        """Return whether the bracket after the loss is a factor, as in J(a − b), and not an argument, as in J(W)."""
        ahead = self.inside(self.tokens[self.at :])
        inner = ahead.next().inner
        return ahead.scripts().transposed or (
            any(t.is_sign("-", "+") for t in every(inner)) and not any(t.kind == "end" for t in every(inner))
        )

    def _apply_letter(self, base: str, function: str, found: Scripts) -> Formula:
        if self.sees("group", "(", "["):
            made = Formula("applied", (self.inside(self.next().inner).whole(),), (function,))
        elif found.primes and not found.powers:
            return symbol(function)
        else:
            return self._finished(symbol(base), found)
        return self._scripted(self._finished(made, found))

    # ── functions ────────────────────────────────────────────────────────────────────────────────────

    def _function(self, name: str) -> Formula:
        found = self.scripts()
        if found.layer or found.time or found.elements or found.word not in ("", "e"):
            raise Unread(f"the function {name} has an index")
        axis = self._axis() if name == "sum" else ()
        arguments = self._arguments()
        kind, data = _CALLS.get((name, len(arguments)), ("applied", (name + "'" * found.primes, *axis)))
        made = self._finished(Formula(kind, arguments, data), found)
        return self._scripted(made)

    def _axis(self) -> tuple[str, ...]:
        """Return the argument `axis` of the call whose bracket comes next, such as ("0",); () if it has none."""
        token = self.peek()
        for cell in _columns(token.inner) if token and token.is_group("(") else ():
            if found := re.fullmatch(r"axis=(-?\d)", "".join(part.plain for part in cell)):
                return (found[1],)
        return ()

    def _arguments(self) -> tuple[Formula, ...]:
        if self.sees("group", "(", "[", "\\{"):
            group = self.next()
            cells = _columns(group.inner)
            if any(map(_is_dots, cells)):
                return (self._spread([cells], group),)
            keywords = [cell for cell in cells if any(token.kind == "=" for token in cell)]
            if any("".join(t.plain for t in cell).partition("=")[0] not in KEYWORDS for cell in keywords):
                raise Unread("an argument of a function is not known")
            self.to_check += (("a keyword argument", cell) for cell in keywords)
            cells = [cell for cell in cells if cell not in keywords]
            return tuple(self.inside(part).whole() for part in cells)
        return (self._signed_factor(),)

    # ── macros ───────────────────────────────────────────────────────────────────────────────────────

    def _macro(self, token: Token) -> Formula:
        read = {
            "frac": self._fraction,
            "hat": lambda: self._accented("\u0302"),
            "bar": lambda: self._accented(BAR),
            "tilde": lambda: self._accented("\u0303"),
            "nabla": self._gradient,
            "partial": self._gradient if self.sees("sign", "_") else self._differential,
            "sum": self._total,
            "ones": lambda: self._indicator(token),
            "underbrace": self._braced,
            "overbrace": self._braced,
        }.get(token.text)
        if read is None:
            raise Unread(f"the macro \\{token.text} is not known")
        return read()

    def _accented(self, mark: str) -> Formula:
        """Parse a letter with an accent, such as θ̃, as a name. The loss with an accent is the loss with a penalty."""
        inner = [*_without_braces(self.argument())]
        if not inner or inner[0].kind != "letter" or (inner[1:] and not inner[1].is_sign("_", "^")):
            raise Unread("an accent stands over more than a letter")
        self.tokens = [*inner[1:], *self.tokens[self.at :]]
        self.at = 0
        if inner[0].text in self.notation.losses | self.notation.totals:
            return self._loss(inner[0].text, Scripts(word="~"))
        return self._name(unicodedata.normalize("NFC", inner[0].text + mark))

    def _braced(self) -> Formula:
        """Parse the formula in \\underbrace or \\overbrace, and add the label of the brace to `to_check`."""
        made = self.inside(self.argument()).whole()
        if self.takes("sign", "_", "^"):
            self.to_check.append(("a label", self.argument()))
        return made

    def _fraction(self) -> Formula:
        both = self.argument(), self.argument()
        if not all(map(_begins_differential, both)):
            return self._scripted(Formula("quotient", tuple(self.inside(part).whole() for part in both)))
        over, under = (self.inside(part[1:])._differential(whole=True) for part in both)
        return self._scripted(self._fraction_of(over, under))

    # ── derivatives ──────────────────────────────────────────────────────────────────────────────────

    def _differential(self, *, whole: bool = False) -> Formula:
        """Parse the operand of ∂ or d: one factor, or all tokens if `whole`.

        Return the derivative of the loss with respect to the operand, which is what `dW2` means in programs. For a
        fraction such as ∂J/∂W, `_fraction_of` uses only the operands.
        """
        loss = symbol(self.notation.loss)
        if self.peek() is None or self.sees("sign", "/"):
            return Formula("derivative", (loss, loss), ("operand follows",))
        of = self._untransposed(self.whole() if whole else self.factor())
        return Formula("derivative", (loss, of), ("differential",))

    def _fraction_of(self, over: Formula, under: Formula) -> Formula:
        """Return a quotient, or a derivative if both parts are differentials, such as ∂J and ∂W."""
        if not over.data or not under.data or over.kind != "derivative" or under.kind != "derivative":
            return Formula("quotient", (over, under))
        of = self._operand() if over.data[0] == "operand follows" else over.parts[1]
        made = self._derivative(of, self._variable(under.parts[1]))
        token = self.peek()
        short = token is not None and len(list(itertools.islice(every(token.inner), 9))) < 9
        if token is not None and token.is_group("(") and short:  # "(θ_t)" behind a derivative by θ
            try:
                point = self.inside(token.inner).whole()
            except Unread:
                return made
            self.at += point.kind == "symbol" and point.name == made.parts[1].name
        return made

    def _derivative(self, of: Formula, by: Formula) -> Formula:
        """Return a derivative, or the one that `Notation.same` names for it."""
        made = derivative(of, by)
        other = self.notation.same.get(name_of(made), "")
        if "/" not in other:
            return made
        self.to_check.append((f"{name_of(made)} as {other}", self.tokens[max(self.at - 1, 0) : self.at]))
        return derivative(of, named(other).parts[1])

    def _variable(self, formula: Formula) -> Formula:
        """Return the variable of a derivative: x for both ∂/∂x and ∂/∂xᵀ. Raise `Unread` for other formulas."""
        name = self._untransposed(formula)
        if name.kind != "symbol":
            raise Unread("the variable of a derivative is not a name")
        return name

    def _untransposed(self, formula: Formula) -> Formula:
        """Return x for xᵀ if x is a name, and add the transposition to `to_check`. Return other formulas unchanged."""
        if formula.kind != "transposed" or formula.parts[0].kind != "symbol":
            return formula
        self.to_check.append(("a transposition", self.tokens[max(self.at - 1, 0) : self.at]))
        return formula.parts[0]

    def _operand(self) -> Formula:
        """Parse the operand of ∂/∂x or ∇: a bracket, or a product up to the next + or -."""
        self.takes("sign", "·")
        return self.factor() if self.sees("group") else self.product()

    def _gradient(self) -> Formula:
        if self.sees("sign", "^"):
            raise Unread("second derivatives are not supported")
        if self.takes("sign", "_"):
            by = self._variable(self.inside(self.argument()).whole())
        elif self.notation.variable:
            by = symbol(self.notation.variable)
        elif self.sees("letter"):  # ∇W2 J, as people type it
            first = self._variable(self.factor())
            named = self._sees_loss() and first.name != self.notation.loss
            return self._derivative(self.factor() if named else symbol(self.notation.loss), first)
        else:
            raise Unread("∇ has no variable")
        token = self.peek()
        if self._sees_loss() or (token is not None and token.kind == "group"):
            return self._scripted(self._derivative(self.factor(), by))
        operand = token is not None and (
            self._goes_on(token)
            and not token.is_sign(*_MULTIPLIED, "/")
            and token.kind != "grid"
            and (token.kind != "macro" or token.text != "nabla")
            and (token.kind == "sign" or bool(self.notation.variable))
        )
        if operand:
            return self._derivative(self._operand(), by)
        return self._scripted(self._derivative(symbol(self.notation.loss), by))

    def _sees_loss(self) -> bool:
        token = self.peek()
        while token is not None and token.is_group("{"):
            token = next(iter(token.inner), None)
        known = self.notation.losses | self.notation.totals
        return token is not None and token.kind == "letter" and token.text in known

    # ── sums, cases, matrices ────────────────────────────────────────────────────────────────────────

    def _total(self) -> Formula:
        if self._axis():
            return self._function("sum")
        index, limits = "", list[Formula]()
        while self.sees("sign", "_", "^"):
            sign, script = self.next().text, self.argument()
            if sign == "_" and script and script[0].kind == "letter":
                index = script[0].text
            elif sign == "^":
                limits = [self.inside(script).whole()]
        made = self.product()
        return Formula("total", (made, *limits), (index,))

    def _indicator(self, one: Token) -> Formula:
        """Parse an indicator such as `1[θ > 0]` or `\\mathbb{1}_{\\{θ > 0\\}}`: 1 where the condition holds, else 0.

        A 1 without a condition is a vector of ones. It is parsed as the number 1, or as a row of ones if transposed.
        """
        place = self.at
        below = self.takes("sign", "_")
        condition = self.argument() if below else self.next().inner if self.sees("group") else ()
        if any(t.kind in ("relation", "=") for t in every(condition)):
            return _choice(number(1), self._condition(condition), number(0))
        if below:
            raise Unread("vectors of ones with a size are not supported")
        self.at = place
        return self._ones(self._scripted(number(1)), one)

    def _ones(self, made: Formula, one: Token) -> Formula:
        """Add a vector of ones to `to_check`. Return a row of ones if `made` is transposed; otherwise `made`."""
        self.to_check.append(("a vector of ones", [one]))
        return Formula("ones") if made.kind == "transposed" else made

    def _condition(self, tokens: Sequence[Token]) -> Formula:
        left_out = ("text", "word", "end", "open", "close")
        self.to_check += (("words of a case", [token]) for token in tokens if token.kind in ("text", "word"))
        tokens = [token for token in tokens if not token.is_sign(".", ":")]
        kept = [token for token in tokens if token.kind not in left_out]
        if _is_more_than_a_condition(tokens):
            raise Unread("a part of a case is neither its value nor its condition")
        if begin := _end_of_word(kept, 0):
            self.to_check.append(("words of a case", kept[:begin]))
            kept = kept[begin:]
        if len(kept) == 1 and kept[0].is_group():
            return self._condition(kept[0].inner)
        if not kept:
            return Formula("otherwise")
        places = [n for n, t in enumerate(kept) if t.kind in ("relation", "=")]
        if len(places) != 1:
            raise Unread("a condition is not a single comparison")
        left, right = self.inside(kept[: places[0]]).whole(), self.inside(kept[places[0] + 1 :]).whole()
        return Formula("relation", (left, right), (kept[places[0]].text,))

    def _grid(self, grid: Token) -> Formula:
        return self._cases(grid) if grid.text == "cases" else self._scripted(self._matrix(grid))

    def _cases(self, grid: Token) -> Formula:
        parts: list[Formula] = []
        for row in _cut(grid.inner, "row"):
            separators = (n for n, token in enumerate(row) if n and token.kind in ("text", "end", "word"))
            words = (n for n in range(1, len(row)) if _end_of_word(row, n))  # typed like products of letters
            if (place := next(itertools.chain(separators, words), None)) is None:
                raise Unread("a case has no condition")
            parts += [self.inside(row[:place]).whole(), self._condition(row[place:])]
        if any(condition.kind == "otherwise" for condition in parts[1:-2:2]):
            raise Unread("a case has no condition")
        return Formula("cases", tuple(parts))

    def _matrix(self, grid: Token) -> Formula:
        rows = [_columns(row) for row in _cut(grid.inner, "row")]
        flat = [cell for row in rows for cell in row]
        if any(_is_dots(cell) for cell in flat):
            return self._spread(rows, grid)
        is_vector = len(flat) > 1 and (len(rows) == 1 or all(len(row) == 1 for row in rows))
        if is_vector and self._is_pattern(flat):
            return self._spread(rows, grid)
        width = len(rows[0]) if rows else 0
        if not width or any(len(row) != width for row in rows):
            raise Unread("the rows of a matrix have different lengths")
        return Formula("block", tuple(self.inside(cell).whole() for cell in flat), (str(width),))

    def _is_pattern(self, cells: Sequence[Sequence[Token]]) -> bool:
        """Return whether the cells of a vector follow one pattern with indices 1, 2, …, such as a_1, a_2, a_3."""
        if any(token.kind == "grid" for token in every(token for cell in cells for token in cell)):
            return False  # parsing each cell twice would take twice as long for each level
        made = [self.inside(_of_any_element(cell, str(number))).whole() for number, cell in enumerate(cells, 1)]
        patterns = {structure(one) for one in made}
        return len(patterns) == 1 and "•" in patterns.pop()

    def _spread(self, rows: list[list[list[Token]]], vector: Token) -> Formula:
        """Parse a vector that is written with dots, such as (a_1, …, a_n). All elements follow the pattern of the first
        one.

        Args:
            rows: The tokens of each cell, in rows.
            vector: The token of the whole vector.
        """
        self.to_check.append(("the other elements of a vector", [vector]))
        if len(rows) != 1 and any(len(row) != 1 for row in rows):
            raise Unread("matrices with dots are not supported")
        cells = [cell for row in rows for cell in row if not _is_dots(cell)]
        pattern = _of_any_element(cells[0]) if cells else []
        if not any(t.text == "•" for t in every(pattern)):
            raise Unread("the first element of a vector with dots has no index 1")
        made = self.inside(pattern).whole()
        return Formula("spread", (made,), ("•", "row" if len(rows) == 1 else "column"))


def _choice(value: Formula, condition: Formula, other: Formula) -> Formula:
    """Return the formula that is `value` where the condition holds, and `other` elsewhere."""
    return Formula("cases", (value, condition, other, Formula("otherwise")))


_CALLS: Mapping[tuple[str, int], tuple[Kind, tuple[str, ...]]] = {
    ("transpose", 1): ("transposed", ()),
    ("dot", 2): ("product", ("", "@")),
    ("outer", 2): ("product", ("", "⊗")),
    ("multiply", 2): ("product", ("", "⊙")),
    ("power", 2): ("power", ()),
    ("norm", 1): ("norm", ("2",)),
}
"""(function, number of arguments) → (kind, data) of the node. Calls of other functions become `applied` nodes."""


def _is_more_than_a_condition(tokens: Sequence[Token]) -> bool:
    """Return whether the tokens behind the value of a case are more than a condition, as in "1, 5 if θ > 0" and
    "1 if θ > 0, 5"."""
    groups = itertools.groupby(tokens, lambda token: token.kind in ("text", "word", "end"))
    parts = [
        part for part in ([*group] for separates, group in groups if not separates) if _end_of_word(part, 0) < len(part)
    ]
    compared = ("relation", "=")
    return any(
        one[-1].kind not in compared and other[0].kind not in compared for one, other in itertools.pairwise(parts)
    ) or any(token.kind == "text" and re.search(r"[\d*/×·]", token.text) for token in tokens)


def _begins_differential(tokens: Sequence[Token]) -> bool:
    if not tokens:
        return False
    first = tokens[0]
    return (first.kind == "macro" and first.text == "partial") or (
        first.kind == "letter"
        and first.text in ("d", "∂", "δ", "Δ")
        and (len(tokens) == 1 or first.text in "d∂" or tokens[1].kind == "letter")
    )


def _end_of_word(row: Sequence[Token], n: int) -> int:
    """Return the end of a word that begins at token `n`, such as "for" in `a for b > 0`; 0 if there is none. A word is
    two or more Latin letters with white space around them."""
    end = n
    if n and not row[n].spaced:
        return 0
    while end < len(row) and (end == n or not row[end].spaced) and re.fullmatch("[A-Za-z]", row[end].text):
        end += 1
    return end if end - n > 1 and (end == len(row) or row[end].spaced) else 0


def _without_braces(tokens: Iterable[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.is_group("{"):
            yield from _without_braces(token.inner)
        else:
            yield token


def _cut(tokens: Iterable[Token], kind: str) -> list[list[Token]]:
    """Split tokens at each token of this kind, and leave out empty parts."""
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if token.kind == kind:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def _columns(row: Iterable[Token]) -> list[list[Token]]:
    return _cut(row, "end")


def _is_dots(cell: Sequence[Token]) -> bool:
    return all(t.text in ("vdots", "dots", "cdots", "ldots", "ddots", ".") for t in cell)


def _of_any_element(tokens: Sequence[Token], number: str = "1") -> list[Token]:
    """Turn the formula of one element of a vector into that of any element: replace the index `number` by the
    placeholder •. For example, a_1 + 1 becomes a_• + 1."""
    made: list[Token] = []
    for token in tokens:
        index = bool(made) and made[-1].is_sign("_")
        inner = [*token.inner]
        first = inner[:1] if index and inner else [token] if index else []
        if first and first[0].kind == "number" and first[0].text == number:
            dot = replace(first[0], kind="letter", text="•")
            made.append(replace(token, inner=(dot, *inner[1:])) if inner else dot)
        else:
            made.append(replace(token, inner=tuple(_of_any_element(inner, number))))
    return made
