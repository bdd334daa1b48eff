from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.render.formulas import LONGEST, pieces


def formulas(answer: str) -> list[tuple[str, bool]]:
    return [(piece.tex, piece.display) for piece in pieces(answer) if piece.tex]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("so $x$ is", [("x", False)]),
        (r"\(x\) and \[y\]", [("x", False), ("y", True)]),
        ("$$\na = b\n$$", [("a = b", True)]),
        (r"\begin{align*} a &= b \\ &= c \end{align*}", [(r"\begin{aligned} a &= b \\ &= c \end{aligned}", True)]),
        (r"$a\$b$", [(r"a\$b", False)]),
        (r"a \\[2pt] b", []),
    ],
)
def test_a_formula_is_found_between_its_signs(answer: str, found: list[tuple[str, bool]]) -> None:
    assert formulas(answer) == found


@pytest.mark.parametrize("answer", ["it costs $5", "$5 here\n\nand $6 there", r"\$x\$", "$$", r"\[ open", "$" * 3])
def test_what_is_not_closed_is_words(answer: str) -> None:
    assert formulas(answer) == []


def test_what_is_too_long_is_shown_as_it_was_written() -> None:
    assert formulas(f"${'x' * (LONGEST + 1)}$") == []


SIGNS = ["$", "$$", "\\", "[", "]", "(", ")", "a", "\n", "\n\n", r"\begin{align}"]


@given(st.lists(st.sampled_from(SIGNS), max_size=60).map("".join))
def test_the_pieces_joined_are_the_answer(answer: str) -> None:
    assert "".join(piece.source for piece in pieces(answer)) == answer


@pytest.mark.parametrize("unit", ["$$", r"\[", "$", r"\begin{align}", "$\n\n", "$a\\"])
def test_no_answer_takes_long(unit: str) -> None:
    """Beside an honest answer of the same length."""
    assert _seconds(unit * (20_000 // len(unit))) < 100 * _seconds("the gradient $a$ is " * 1_000)


def _seconds(answer: str) -> float:
    started = time.process_time()
    pieces(answer)
    return time.process_time() - started
