"""The rows of a case distinction, taken apart: values, and the conditions that they hold under."""

from __future__ import annotations

from collections.abc import Sequence

from grader.written.bounds import Unread
from grader.written.cursor import show
from grader.written.tokens import Token
from grader.written.tree import Relation

RELATIONS: dict[str, Relation] = {
    ">": ">", "<": "<", "=": "=", "\\gt": ">", "\\lt": "<", "\\ge": ">=", "\\geq": ">=", "\\le": "<=", "\\leq": "<=",
    "\\geqslant": ">=", "\\leqslant": "<=",
}  # fmt: skip
_IF = frozenset(["if", "for", "when", "where", "for all"])
_ELSE = frozenset(["otherwise", "else", "elsewhere"])


def halves(row: Sequence[Token]) -> tuple[Sequence[Token], Sequence[Token]]:
    """A value and its condition: behind an &, a comma, or the word "if"."""
    for n, token in enumerate(row):
        if token.kind in ("text", "&") or str(token) in (",", "\\quad"):
            rest = row[n:] if token.kind == "text" else row[n + 1 :]
            return row[:n], [t for t in rest if t.kind != "&"]
    raise Unread("a case without its condition")


def parts(condition: Sequence[Token]) -> tuple[Sequence[Token], Relation, Sequence[Token]] | None:
    """What is compared, and how; None is "otherwise"."""
    said = " ".join(t.text.strip(" ,.:") for t in condition if t.kind == "text")
    bare = [t for t in condition if t.kind != "text" and str(t) not in (",", ".", "\\quad")]
    if said in _ELSE and not bare:
        return None
    if said and said not in _IF:
        raise Unread(f"the words “{said}”")
    at = [n for n, t in enumerate(bare) if str(t) in RELATIONS]
    if len(at) != 1:
        raise Unread(f"the condition {show(bare)}")
    return bare[: at[0]], RELATIONS[str(bare[at[0]])], bare[at[0] + 1 :]


def split(tokens: Sequence[Token], at: str) -> list[list[Token]]:
    """At a sign that stands outside all brackets."""
    found: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += {"open": 1, "{": 1, "close": -1, "}": -1}.get(token.kind, 0)
        if depth == 0 and str(token) == at:
            found.append([])
        else:
            found[-1].append(token)
    return found
