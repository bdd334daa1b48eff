"""The formula that is shown is LaTeX that can be drawn, whatever it was cut out of."""

from __future__ import annotations

import itertools
import re

import pytest

from grader.model import Judgement
from grader.render.latex import mended
from tests.unit.derivations.conftest import Ask

G = r"\nabla_{a^{(2)}}J"
BRACKETS = [(rf"\{size}{left}", rf"\{other}{right}") for size, other in [("left", "right"), ("bigl", "bigr")]
            for left, right in [("(", ")"), ("[", "]"), (r"\{", r"\}")]] + [("(", ")")]  # fmt: skip
FRAMES = [r"X", r"\boxed{X}", r"\mathbf{X}", r"\color{red}{X}", r"{X}", r"\underbrace{X}_{y}", r"\boldsymbol{{X}}"]
WHOLE = [rf"$${G} = X$$", rf"$$\boxed{{{G} = X}}$$", rf"$$\begin{{aligned}}{G} &= y \\ &= X\end{{aligned}}$$",
         rf"$\color{{blue}}{{{G} = X}}$"]  # fmt: skip


def assert_drawable(found: Judgement) -> None:
    said = found.formula
    depth = 0
    for sign in re.findall(r"\\.|[{}]", said):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0, said
    assert depth == 0, said
    assert len(re.findall(r"\\left(?![a-z])", said)) == len(re.findall(r"\\right(?![a-z])", said)), said
    assert len(re.findall(r"\\begin\{", said)) == len(re.findall(r"\\end\{", said)), said
    assert mended(said) == said or "\\begin" in said


@pytest.mark.long
@pytest.mark.parametrize("whole", WHOLE)
def test_brackets_and_frames_are_shown_in_pairs(ask: Ask, whole: str) -> None:
    for (left, right), outer, inner in itertools.product(BRACKETS, FRAMES, FRAMES):
        value = f"{left}{inner.replace('X', chr(92) + 'hat y')} - y{right}"
        for made in (outer.replace("X", value), rf"2{outer.replace('X', value)} - {value}"):
            (found,) = ask("q1.1", whole.replace("X", made)).judgements
            assert r"\hat y" in found.formula
            assert_drawable(found)


def test_a_formula_over_several_lines_is_shown_without_their_marks(ask: Ask) -> None:
    said = rf"$$\begin{{aligned}}{G} &= \left( \hat y \right. \\ &\quad \left. - y \right)\end{{aligned}}$$"
    (found,) = ask("q1.1", said).judgements
    assert "&" not in found.formula
    assert "\\\\" not in found.formula
    assert_drawable(found)
