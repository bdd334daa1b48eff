"""Numbers, names, functions, fractions, brackets, norms and cases, each with its scripts."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence

from grader.written import names
from grader.written.bounds import MAX_DEPTH, Unfinished, Unread
from grader.written.cases import halves, parts, split
from grader.written.cursor import Cursor, show
from grader.written.derive import derivative
from grader.written.names import finished, is_differential, is_name
from grader.written.notation import Notation
from grader.written.rebuild import put_in
from grader.written.shapes import standing_alone
from grader.written.tokens import Token
from grader.written.tree import (
    SUMMED,
    Applied,
    Cases,
    Condition,
    Formula,
    Labelled,
    Norm,
    Number,
    Power,
    Product,
    Quotient,
    Sign,
    Sum,
    Symbol,
    Total,
    Transposed,
)
from grader.written.tree import names as names_in

_FUNCTIONS = {
    "exp": "exp", "ln": "log", "log": "log", "sign": "sign", "sgn": "sign", "signum": "sign", "sigmoid": "sigmoid",
    "diag": "diag", "abs": "abs", "sqrt": "sqrt",
}  # fmt: skip
_CALLS: dict[str, Sign] = {"dot": "@", "matmul": "@", "outer": "⊗", "multiply": "⊙"}
_FRACTIONS = ("frac", "dfrac", "tfrac", "cfrac")
_COUNTERS = ("i", "j", "k", "m", "n")
DOTS = frozenset(["dots", "ldots", "cdots", "vdots", "ddots"])
_BRACES = ("underbrace", "overbrace")


class Factors(ABC):
    """Reads one factor where its cursor stands. `grammar.py` adds sums and products of them."""

    def __init__(self, cursor: Cursor, notation: Notation) -> None:
        self._cursor = cursor
        self._notation = notation
        self._bars = 0
        self._nested = 0

    @abstractmethod
    def sum(self) -> Formula:
        """As far as it goes."""

    @abstractmethod
    def product(self) -> Formula:
        """The same, without + and −."""

    @abstractmethod
    def inside(self, tokens: Sequence[Token]) -> Formula:
        """A formula of its own, all of these tokens."""

    def is_power(self) -> bool:
        """`**`, as in programs."""
        after = self._cursor.peek(1)
        return self._cursor.sees("sign", "*") and str(after) == "*" and after is not None and not after.spaced

    def begins_a_factor(self, token: Token) -> bool:
        if token.kind == "{" and str(self._cursor.peek(1)) in ("+", "-"):
            raise Unread("a sign at the beginning of a group, which may be a sum or a product")
        if token.kind in ("letter", "number", "word", "open", "{"):
            return True
        if token.kind == "begin":
            return True
        if token.kind == "macro":
            return is_name(token) or token.text in (*_FRACTIONS, *_BRACES, "nabla", "partial", "sqrt", "sum")
        return token.text in ("|", "‖") and self._bars == 0

    def factor(self) -> Formula:
        """Functions of functions, bars and powers nest without brackets, so they are counted here."""
        self._nested += 1
        if self._nested > MAX_DEPTH:
            raise Unread("functions inside functions without end")
        found = self._called(self._atom())
        self._nested -= 1
        return found

    def _called(self, found: Formula) -> Formula:
        """`A.dot(B)`, `x**2`"""
        while True:
            if self._cursor.sees("sign", ".") and self._cursor.sees("word", "dot", 1):
                self._cursor.skip(2)
                found = Product(found, (("@", self._inside_bracket()),))
            elif self.is_power():
                self._cursor.skip(2)
                found = Power(found, _number(self.factor()))
            elif not self._takes_the_place():
                return found

    def _takes_the_place(self) -> bool:
        """`|_{\\theta = \\theta_t}` behind a derivative, and the same without a bar behind a bracket."""
        bars = int(self._cursor.sees("sign", "|"))
        if not self._cursor.sees("sign", "_", bars):
            return False
        ahead = self._cursor.inside(self._cursor.rest[bars + 1 :])
        sides = split(ahead.argument(), "=") if ahead.peek() is not None else []
        if len(sides) > 2 or (len(sides) < 2 and not bars) or not all(side and is_name(side[0]) for side in sides):
            return False
        made = [self.inside(side) for side in sides]
        if not all(isinstance(one, Symbol) and one.name == self._notation.variable for one in made):
            return False
        self._cursor.skip(bars + 1)
        self._cursor.argument()
        return True

    def _atom(self) -> Formula:
        token = self._cursor.peek()
        if token is None:
            raise Unread("a formula that breaks off")
        if token.kind == "number":
            return self._number()
        if token.kind == "word":
            return self._function()
        if token.kind == "begin":
            return self._cases()
        if token.text in ("|", "‖"):
            return self._norm()
        if token.kind in ("open", "{"):
            return self._bracket()
        if token.kind == "macro" and token.text not in names.GREEK and not is_name(token):
            return self._macro(token)
        if self._is_program_differential():
            return self._inline_derivative()
        if is_name(token):
            return self._name(token)
        raise Unread(f"{token}" if token.kind != "text" else f"the words “{token.text}”")

    def _number(self) -> Formula:
        number = Number(float(self._cursor.next().text))
        around = names.scripts(self._cursor)
        if around.index:
            raise Unread(f"a number with the index {around.index}")
        if around.primes:
            raise Unread("a number with a prime")
        return finished(number, around.numbers, around.transposed)

    def _bracket(self) -> Formula:
        if self._cursor.sees("{") and (name := self._braced_name()) is not None:
            return name
        found = self._inside_bracket()
        if self._takes_the_place():
            return found
        around = names.scripts(self._cursor)
        if isinstance(found, Symbol) and around.index in _COUNTERS and around == names.Scripts(index=around.index):
            return Symbol(f"{found.name}_{around.index}")
        if around.index or around.primes:
            raise Unread(f"a bracket with {around.index or 'a prime'}")
        return finished(found, around.numbers, around.transposed)

    def _braced_name(self) -> Formula | None:
        """`{W}^{(2)}`, `\\mathbf{h}^{(1)}`: the braces belong to the name."""
        ahead = self._cursor.inside(self._cursor.rest)
        inside = list(ahead.bracketed())
        while len(inside) > 1 and inside[0].kind == "{" and inside[-1].kind == "}":
            inside = inside[1:-1]
        accented = len(inside) > 1 and inside[0].kind == "macro" and inside[0].text in ("hat", "widehat")
        letters = [t for t in inside if t.kind not in ("{", "}")]
        if not (is_name(inside[0]) if len(inside) == 1 else accented and len(letters) == 2):
            return None
        if len(inside) == 1 and self._function_of(inside[0]):
            return None
        self._cursor.bracketed()
        name = names.base(Cursor(inside), self._notation)
        around = names.scripts(self._cursor)
        if name in self._notation.of_arguments:
            name, around = names.total(name, around, self._notation), names.Scripts()
            names.loss_arguments(self._cursor, self._notation)
        return names.dressed_name(name, "", around, self._notation)

    def _inside_bracket(self) -> Formula:
        return self.inside(self._cursor.bracketed())

    def _norm(self) -> Formula:
        bar = self._cursor.next()
        double = bar.text == "‖" or self._cursor.takes("sign", "|")
        self._bars += 1
        found = self.sum()
        self._bars -= 1
        self._closing_bar(double)
        around = names.scripts(self._cursor)
        if around == names.Scripts(primes=1) and not double:
            return Applied("sign", found)  # |z|′
        if around.transposed or around.primes or around.index not in ("", "1", "2", "F"):
            raise Unread("a norm with odd scripts")
        if not double and not around.index:
            return finished(Applied("abs", found), around.numbers, False)
        return finished(Norm(found, 1 if around.index == "1" else 2), around.numbers, False)

    def _closing_bar(self, double: bool) -> None:
        token = self._cursor.next()
        if token.text not in ("|", "‖") or (token.text == "‖") > double:
            raise Unread("a bar without its partner")
        if double and token.text == "|" and self._cursor.next().text != "|":
            raise Unread("a bar without its partner")

    # ── functions ────────────────────────────────────────────────────────────────────────────────────

    def _name(self, token: Token) -> Formula:
        if token.kind == "letter" and token.text == "e" and self._cursor.sees("sign", "^", 1):
            self._cursor.skip(2)
            return self._after_function(Applied("exp", self.inside(self._cursor.argument())))
        if function := self._function_of(token):
            self._cursor.skip()
            return self._applied(function, str(token))
        return names.symbol(self._cursor, self._notation)

    def _function_of(self, token: Token) -> str:
        letter = token.text if token.kind == "letter" else names.GREEK.get(token.text, "")
        return self._notation.functions.get(letter, "")

    def _applied(self, function: str, said: str) -> Formula:
        """A letter that is a function: its argument stands in a bracket, or it is not read."""
        around = names.scripts(self._cursor)
        if around.index or around.numbers or around.transposed or around.primes > 1:
            raise Unread(f"{said} with scripts")
        if around.primes and not (self._cursor.sees("open") or self._cursor.sees("{")):
            return Symbol(f"{function}'")  # of one of the activations
        if not (self._cursor.sees("open") or self._cursor.sees("{")):
            raise Unread(f"{said} without an argument in brackets")
        name = f"{function}'" if around.primes else function
        return self._after_function(Applied(name, self._inside_bracket()))

    def _after_function(self, made: Formula) -> Formula:
        around = names.scripts(self._cursor)
        if around.index or around.primes:
            raise Unread("a function's value with an index")
        return finished(made, around.numbers, around.transposed)

    def _function(self) -> Formula:
        word = self._cursor.next().text
        if word == "np":
            if not self._cursor.takes("sign", "."):
                raise Unread("np")
            return self._atom()
        if word in _CALLS:
            return self._call(word)
        if word not in _FUNCTIONS:
            raise Unread(word)
        if word == "exp" and self._cursor.takes("sign", "^"):
            return self._after_function(Applied("exp", self.inside(self._cursor.argument())))
        if word == "log" and self._cursor.sees("sign", "_") and str(self._cursor.peek(1)) == "e":
            self._cursor.skip(2)
        primes = names.scripts(self._cursor) if word == "sigmoid" else names.Scripts()
        if primes not in (names.Scripts(), names.Scripts(primes=1)):
            raise Unread(f"{word} with scripts")
        made = Applied(_FUNCTIONS[word] + "'" * primes.primes, self._argument_of(word))
        return self._after_function(made)

    def _argument_of(self, word: str) -> Formula:
        if word == "sqrt" and self._cursor.sees("open", "["):
            raise Unread("a root of another order")
        if self._cursor.sees("open") or self._cursor.sees("{"):
            return self._inside_bracket()
        minus = self._cursor.takes("sign", "-")
        found = self.factor()
        token = self._cursor.peek()
        if token is not None and self.begins_a_factor(token):
            raise Unread(f"{word} a b, which may be {word}(a) b or {word}(a b)")
        return Sum(((-1, found),)) if minus else found

    def _call(self, word: str) -> Formula:
        parts = split(self._cursor.bracketed(), ",")
        if len(parts) != 2:
            raise Unread(f"{word} of {len(parts)} arguments")
        left, right = map(self.inside, parts)
        return self._after_function(Product(left, ((_CALLS[word], right),)))

    # ── macros ───────────────────────────────────────────────────────────────────────────────────────

    def _macro(self, token: Token) -> Formula:
        if token.text == "nabla":
            found = names.gradient(self._cursor, self._notation)
            if not isinstance(found, str):
                return found
            return self._derived(self.product() if is_name(self._cursor.peek()) else self.factor(), found)
        if token.text == "partial":
            return self._inline_derivative()
        self._cursor.skip()
        if token.text in _FRACTIONS:
            return self._fraction()
        if token.text in _BRACES:
            return self._braced()
        if token.text == "sum":
            return self._total()
        raise (Unfinished if token.text in DOTS else Unread)(str(token))

    def _fraction(self) -> Formula:
        token = self._cursor.peek()
        if token is not None and token.kind == "number" and len(token.text) == 2:  # \frac12
            self._cursor.skip()
            return Quotient(Number(float(token.text[0])), Number(float(token.text[1])))
        over, under = self._cursor.argument(), self._cursor.argument()
        if is_differential(over) and is_differential(under):
            return self._derivative(over, under)
        made = Quotient(self.inside(over), self.inside(under))
        around = names.scripts(self._cursor)
        if around.index or around.primes:
            raise Unread("a fraction with an index")
        return finished(made, around.numbers, around.transposed)

    def _derivative(self, over: Sequence[Token], under: Sequence[Token]) -> Formula:
        """`\\frac{\\partial J}{\\partial W}` is a name; of a formula, above or behind, it is worked out."""
        inside = self._cursor.inside
        if len(over) == 1:
            return self._derived(self.product(), names.differential(inside(under), self._notation))
        if names.is_of_a_formula(inside(over)) or names.is_of_a_power(inside(over), self._notation):
            return self._derived(self.inside(over[1:]), names.differential(inside(under), self._notation))
        made = names.fraction_of_differentials(inside(over), inside(under), self._notation)
        self._evaluated_there(names.differential(inside(under), self._notation))
        return made

    def _evaluated_there(self, by: str) -> None:
        """`\\frac{\\partial L}{\\partial\\theta}(\\theta_t)`, which says where, and no more than by what."""
        if self._cursor.sees("open", "("):
            ahead = self._cursor.inside(self._cursor.inside(self._cursor.rest).bracketed())
            made = names.symbol(ahead, self._notation) if is_name(ahead.peek()) else None
            if isinstance(made, Symbol) and made.name == by and ahead.peek() is None:
                self._cursor.bracketed()

    def _derived(self, of: Formula, by: str) -> Formula:
        return derivative(of, by, self._notation)

    def _braced(self) -> Formula:
        """`\\underbrace{a}_{words}`: the words say what a is. `\\underbrace{a}_{= b}` is b where a cannot be read."""
        braced = self._cursor.argument()
        is_labelled = self._cursor.takes("sign", "_") or self._cursor.takes("sign", "^")
        label = [t for t in self._cursor.argument() if t.kind != "text"] if is_labelled else []
        is_equal = bool(label) and str(label[0]) == "="
        if not label or standing_alone(label) is not None:
            return self.inside(braced)
        said = self.inside(label[1:] if is_equal else label)
        if not names_in(said) and not is_equal:
            raise Unread(f"what {show(label)[:30]} below a brace is for")
        try:
            return Labelled(self.inside(braced), said)
        except Unfinished:
            if is_equal:
                return said
            raise

    def _total(self) -> Formula:
        """`\\sum_j`, `\\sum_{j=1}^{H}`, as far as the product behind it goes, which has elements j in it."""
        over = show(self._cursor.argument()) if self._cursor.takes("sign", "_") else ""
        to = show(self._cursor.argument()) if self._cursor.takes("sign", "^") else ""
        letter = over.removesuffix("=1")
        if letter not in _COUNTERS or (over != letter) != bool(to) or not re.fullmatch("[A-Zndm]?", to):
            raise Unfinished("\\sum")
        of = self.product()
        summed = {name: Symbol(f"{name[:-2]}{SUMMED}") for name in names_in(of) if name.endswith(f"_{letter}")}
        if not summed:
            raise Unfinished(f"a sum over {letter} of something without it")
        return Total(put_in(of, summed), self._notation.sizes.get(to, ""))

    # ── derivatives on one line ──────────────────────────────────────────────────────────────────────

    def _is_program_differential(self) -> bool:
        after = self._cursor.peek(1)
        return self._cursor.sees("letter", "d") and is_name(after) and after is not None and not after.spaced

    def _inline_derivative(self) -> Formula:
        """`dJ/da2`, `\\partial L / \\partial W^{(2)}`, `dW2`, which is of the loss, and `\\partial/\\partial x (…)`."""
        self._cursor.skip()
        if self._cursor.sees("sign", "/") and str(self._cursor.peek(1)) in ("d", "\\partial"):
            self._cursor.skip(2)
            by = self._differential_name()
            return self._derived(self.product(), by)
        top = self._differential_name()
        if not self._cursor.sees("sign", "/"):
            return Symbol(self._notation.derivative(self._notation.loss, top))
        after = self._cursor.peek(1)
        if after is None or str(after) not in ("d", "\\partial", "\\delta"):
            raise Unread("a derivative that breaks off")
        self._cursor.skip(2)
        return Symbol(self._notation.derivative(top, self._differential_name()))

    def _differential_name(self) -> str:
        if not is_name(self._cursor.peek()):
            raise Unread("a derivative of something that is not one name")
        match names.symbol(self._cursor, self._notation):
            case Symbol(name):
                return name
            case Transposed(Symbol(name)):
                return f"{name}ᵀ"
            case _:
                raise Unread("a derivative of something that is not one name")

    # ── cases ────────────────────────────────────────────────────────────────────────────────────────

    def _cases(self) -> Formula:
        environment = self._cursor.next().text
        if environment not in ("cases", "dcases", "rcases"):
            raise Unfinished(f"\\begin{{{environment}}}")
        within: list[Token] = []
        while not self._cursor.sees("end", environment):
            within.append(self._cursor.next())
        self._cursor.skip()
        return Cases(tuple(self._row(row) for row in split(within, "\\\\") if row))

    def _row(self, tokens: Sequence[Token]) -> tuple[Formula, Condition | None]:
        value, condition = halves(tokens)
        compared = parts(condition)
        if compared is None:
            return self.inside(value), None
        left, relation, right = compared
        return self.inside(value), Condition(self.inside(left), relation, self.inside(right))


def _number(found: Formula) -> float:
    if isinstance(found, Number):
        return found.value
    raise Unread("a power that is not a number")
