"""Columns of comments in aligned formulas: `a &= b && \\text{(chain rule)} \\\\`."""

from __future__ import annotations

from collections.abc import Sequence

from grader.written.tokens import Token


def apart(found: Sequence[Token]) -> tuple[list[Token], list[list[Token]]]:
    """The formula without them, and each of them: from a second & in a row, or one before a bracket of words, up to
    the end of the line."""
    kept: list[Token] = []
    comments: list[list[Token]] = []
    depth, in_comment = 0, False
    for n, token in enumerate(found):
        depth += {"begin": 1, "{": 1, "end": -1, "}": -1}.get(token.kind, 0)
        if depth <= 1 and (str(token) == "\\\\" or token.kind == "end"):
            in_comment = False
        elif depth <= 1 and token.kind == "&" and not in_comment and _begins(kept, found[n + 1 : n + 2]):
            in_comment = True
            comments.append([])
            continue
        (comments[-1] if in_comment else kept).append(token)
    return kept, comments


def _begins(before: Sequence[Token], after: Sequence[Token]) -> bool:
    is_second = bool(before) and before[-1].kind == "&"
    return is_second or (bool(after) and after[0].kind == "text" and after[0].text.lstrip().startswith("("))
