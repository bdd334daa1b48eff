"""A place among tokens, with what one asks there."""

from __future__ import annotations

from collections.abc import Sequence

from grader.written.bounds import MAX_DEPTH, Unread
from grader.written.tokens import Token

_CLOSES = {"(": ")", "[": "]", "{": "}", "<": ">", "|": "|", "‖": "‖"}


class Cursor:
    def __init__(self, tokens: Sequence[Token], depth: int = 0) -> None:
        self._tokens = tokens
        self._at = 0
        self.depth = depth
        if depth > MAX_DEPTH:
            raise Unread("brackets inside brackets without end")

    def peek(self, ahead: int = 0) -> Token | None:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else None

    def next(self) -> Token:
        token = self.peek()
        if token is None:
            raise Unread("a formula that breaks off")
        self._at += 1
        return token

    def skip(self, count: int = 1) -> None:
        self._at += count

    def sees(self, kind: str, text: str | None = None, ahead: int = 0) -> bool:
        token = self.peek(ahead)
        return token is not None and token.kind == kind and (text is None or token.text == text)

    def takes(self, kind: str, text: str | None = None) -> bool:
        if self.sees(kind, text):
            self._at += 1
            return True
        return False

    @property
    def rest(self) -> Sequence[Token]:
        return self._tokens[self._at :]

    def argument(self) -> Sequence[Token]:
        """What a macro or a script takes: a group without its braces, or one token."""
        if self.sees("{"):
            return self.bracketed()
        if self.sees("open", "("):  # h^(1), which LaTeX would not raise, and people mean
            return [Token("open", "("), *self.bracketed(), Token("close", ")")]
        token = self.next()
        if token.kind == "macro" and self.sees("{") and token.text == "hat":
            return [token, Token("{", "{"), *self.bracketed(), Token("}", "}")]
        if token.kind == "number" and len(token.text) > 1:
            raise Unread(f"{token.text} after ^ or _ without braces")
        return [token]

    def bracketed(self) -> Sequence[Token]:
        """The tokens between the bracket that stands here and its partner; the cursor is then behind it."""
        opening = self.next()
        if opening.kind not in ("{", "open"):
            raise Unread(f"{opening} where a bracket belongs")
        kind = "}" if opening.kind == "{" else "close"
        want = "}" if opening.kind == "{" else _CLOSES[opening.text]
        waiting: list[tuple[str, str]] = [(kind, want)]
        start = self._at
        while waiting:
            token = self.next()
            if token.kind == "{":
                waiting.append(("}", "}"))
            elif token.kind == "open":
                waiting.append(("close", _CLOSES[token.text]))
            elif token.kind in ("}", "close") and (token.kind, token.text) != waiting.pop():
                raise Unread("brackets that do not match")
        return self._tokens[start : self._at - 1]

    def inside(self, tokens: Sequence[Token]) -> Cursor:
        return Cursor(tokens, self.depth + 1)


def show(tokens: Sequence[Token]) -> str:
    """For messages: near enough to what was written."""
    said = ""
    for token in tokens:
        glue = " " if token.spaced or (said[-1:].isalpha() and token.kind in ("letter", "word")) else ""
        said += glue + str(token)
    return said.strip()
