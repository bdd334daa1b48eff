"""What people see of an answer: drawn where it can be mended safely, its source where not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from grader.written.bounds import MAX_CHARACTERS
from grader.written.display import Shown, shown
from tests.unit.written.test_reader import ANSWERS


def maths(answer: str) -> Shown:
    (formula,) = [piece for piece in shown(answer) if piece.kind != "words"]
    return formula


def test_words_and_formulas_keep_their_order() -> None:
    assert shown("Since $a$ holds:\n\n$$b$$") == (
        Shown("words", "Since "),
        Shown("maths", "a"),
        Shown("words", " holds:\n\n"),
        Shown("maths", "b", display=True),
    )


@pytest.mark.parametrize(
    ("broken", "drawn"),
    [
        (r"$a \\ b$", r"\begin{aligned}a \\ b\end{aligned}"),
        (r"$a &= b$", r"\begin{aligned}a &= b\end{aligned}"),
        (r"$\frac{a}{b$", r"\frac{a}{b}"),
        (r"$W^{(2)}^T$", r"W^{(2)}{}^T"),
        (r"$\left(a)$", "(a)"),
        (r"$$\begin{align*}a&=b\end{align*}$$", r"\begin{aligned}a&=b\end{aligned}"),
        (r"$$\begin{equation}a \tag{1}\end{equation}$$", "a "),
        (r"$$\begin{eqnarray}a&=&b\end{eqnarray}$$", r"\begin{aligned}a&=b\end{aligned}"),
        (r"\begin{align}$a$&=b\end{align}", r"\begin{aligned} a &=b\end{aligned}"),
        ('$<span style="color:red">a</span>$', "a"),
    ],
)
def test_what_can_only_mean_one_thing_is_mended(broken: str, drawn: str) -> None:
    formula = maths(broken)
    assert (formula.kind, formula.text) == ("maths", drawn)


@pytest.mark.parametrize(
    "hopeless", [r"$a}$", r"$\begin{cases} a$", "$" + "{" * 9 + "$", r"$\end{aligned}$", "$never closed"]
)
def test_what_can_mean_several_things_is_shown_as_it_was_written(hopeless: str) -> None:
    assert maths(hopeless).kind == "source"


def test_a_sound_formula_is_left_as_it_is() -> None:
    sound = r"\begin{cases} a & b > 0 \\ c & \text{otherwise} \end{cases}"
    assert maths(f"${sound}$") == Shown("maths", sound)


def test_a_very_long_answer_is_shown_as_source() -> None:
    assert shown("x" * (MAX_CHARACTERS + 1))[0].kind == "source"


@given(answer=ANSWERS)
@settings(max_examples=60)
def test_every_answer_can_be_shown(answer: str) -> None:
    assert all(piece.text for piece in shown(answer) if piece.kind != "maths")
