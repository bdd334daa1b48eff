"""Mathematics and words are told apart."""

from __future__ import annotations

import pytest

from grader.derivations.equations import read
from grader.derivations.lexer import plain
from grader.derivations.markdown import cut
from grader.derivations.question import Notation

NOTATION = Notation(frozenset(), "J", frozenset({"J"}))


def maths_and_words(answer: str) -> tuple[list[str], list[str]]:
    pieces, *_ = cut(plain(answer), NOTATION)
    maths = [" ".join(p.text.split()) for p in pieces if p.kind == "maths"]
    return maths, [" ".join(p.text.split()) for p in pieces if p.kind == "words"]


@pytest.mark.parametrize(
    "factor", ["(g + h)", "(H)", "(hidden)", "(hidden layer)^T", "(hidden layer) · x", "· (hidden layer)", "(1×H)"]
)
def test_a_bracket_that_may_be_a_factor_is_not_dropped(factor: str) -> None:
    assert maths_and_words(f"d = a {factor}")[0] != maths_and_words("d = a")[0]


@pytest.mark.parametrize(
    ("order", "is_read"), [("_2", True), ("", True), ("_t", False), ("_{t+1}", False), ("'", False)]
)
def test_a_norm_is_read_only_with_a_known_order(order: str, is_read: bool) -> None:
    (statement,) = read(rf"$J = \|y\|{order}$", NOTATION).statements
    assert statement.members[-1].is_read is is_read
