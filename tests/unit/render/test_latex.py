"""Formulas that people are shown: mended where only one thing can have been meant, left alone where not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from grader.render.latex import mended
from tests.unit.derivations.test_reader import ANSWERS


@pytest.mark.parametrize(
    ("broken", "drawn"),
    [
        (r"a \\ b", r"\begin{aligned}a \\ b\end{aligned}"),
        (r"\frac{a}{b", r"\frac{a}{b}"),
        (r"W^{(2)}^T", r"W^{(2)}{}^T"),
        (r"\left(a)", "(a)"),
        (r"\begin{align*}a&=b\end{align*}", r"\begin{aligned}a&=b\end{aligned}"),
        (r"\begin{align}$a$&=b\end{align}", r"\begin{aligned} a &=b\end{aligned}"),
        ('<span style="color:red">a</span>', "a"),
    ],
)
def test_what_can_only_mean_one_thing_is_mended(broken: str, drawn: str) -> None:
    assert mended(broken) == drawn


@pytest.mark.parametrize("hopeless", ["a}", r"\begin{cases} a", "{" * 9, r"\end{aligned}"])
def test_what_can_mean_several_things_is_not_drawn(hopeless: str) -> None:
    assert mended(hopeless) is None


@pytest.mark.parametrize(
    "sound",
    [
        r"\begin{cases} a & b > 0 \\ c & \text{otherwise} \end{cases}",
        r"\nabla_{W^{(2)}} J = (\hat y - y)\, {h^{(1)}}^\top",
        r"a < b \quad \left\{ x \right\}",
    ],
)
def test_a_sound_formula_is_left_as_it_is(sound: str) -> None:
    assert mended(sound) == sound


@given(latex=ANSWERS)
@settings(max_examples=60)
def test_mending_always_ends_in_balanced_braces_or_in_nothing(latex: str) -> None:
    found = (mended(latex) or "").replace("\\\\", "").replace(r"\{", "").replace(r"\}", "")
    assert found.count("{") == found.count("}")
