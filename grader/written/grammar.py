"""Tokens → one formula. Either everything is read, or `Unread` says what is not.

    sum     = ["-"] product { ("+" | "-") product }
    product = factor { [sign] factor | "/" factor }

and a factor is what `factors.py` reads.
"""

from __future__ import annotations

from collections.abc import Sequence

from grader.written.bounds import Unfinished, Unread
from grader.written.cursor import Cursor, show
from grader.written.factors import DOTS, Factors
from grader.written.notation import Notation
from grader.written.tokens import Token
from grader.written.tree import Formula, Product, Quotient, Sign, Sum

_SIGNS: dict[str, Sign] = {
    "*": "·", "\\cdot": "·", "\\times": "·", "\\ast": "·", "\\bullet": "·", "\\odot": "⊙", "\\circ": "⊙",
    "\\bigodot": "⊙", "\\otimes": "⊗", "@": "@",
}  # fmt: skip


def read(tokens: Sequence[Token], notation: Notation) -> Formula:
    return _Reader(Cursor(tokens), notation).all()


class _Reader(Factors):
    def all(self) -> Formula:
        found = self.sum()
        left = self._cursor.rest
        if left:
            raise (Unfinished if any(token.text in DOTS for token in left) else Unread)(show(left[:12]))
        return found

    def sum(self) -> Formula:
        terms = [(self._leading_sign(), self.product())]
        while True:
            if self._cursor.takes("sign", "+"):
                terms.append((1, self.product()))
            elif self._cursor.takes("sign", "-"):
                terms.append((-1, self.product()))
            else:
                break
        return terms[0][1] if len(terms) == 1 and terms[0][0] == 1 else Sum(tuple(terms))

    def _leading_sign(self) -> int:
        if self._cursor.takes("sign", "-"):
            return -1
        self._cursor.takes("sign", "+")
        return 1

    def product(self) -> Formula:
        factors: list[tuple[Sign, Formula]] = [("", self.factor())]
        divided = False
        while (token := self._cursor.peek()) is not None:
            if self._cursor.takes("sign", "/"):
                sign, factor = factors.pop()
                factors.append((sign, Quotient(factor, self.factor())))
                divided = True
            elif token.text == "." and self._cursor.sees("sign", "*", 1):
                self._cursor.skip(2)
                factors.append(("⊙", self.factor()))
                divided = False
            elif str(token) in _SIGNS and not self.is_power():
                self._cursor.skip()
                factors.append((_SIGNS[str(token)], self.factor()))
                divided = False
            elif self.begins_a_factor(token):
                if divided:
                    raise Unread(f"a / b c, which may be (a / b) c or a / (b c): {show(self._cursor.rest[:6])}")
                factors.append(("", self.factor()))
            else:
                break
        return factors[0][1] if len(factors) == 1 else Product(factors[0][1], tuple(factors[1:]))

    def inside(self, tokens: Sequence[Token]) -> Formula:
        return _Reader(self._cursor.inside(tokens), self._notation).all()
