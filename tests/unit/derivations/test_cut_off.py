"""Formulas whose end is cut off: what may be the rest of one is read with it, or the formula is unread."""

from __future__ import annotations

import pytest

from grader.model import Comparison, Shelf
from tests.unit.derivations.conftest import Ask

NEW = r"\theta_{t+1}"
PARTS = r"\nabla_{a^{(2)}} J = \frac{\hat y-y}{\hat y(1-\hat y)}$ $\cdot \hat y(1-\hat y) = \hat y-y"
STEP = r"\theta_t - \eta g_t"
SIGN = r"\eta\lambda \operatorname{sign}(\theta_t)"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("q3.2", f"[\n{NEW} = {STEP}\n- {SIGN}\n]"),
        ("q3.2", "θ_{t+1} = θ_t - η g_t - η λ θ_t / |θ_t|"),
    ],
)
def test_a_right_formula_in_parts_is_recognized(ask: Ask, question: str, answer: str) -> None:
    (found,) = ask(question, answer).judgements
    assert found.points == found.possible


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("q1.4", r"$\nabla_{h^{(1)}} J = W^{(2)T}$ $\cdot \frac{\hat y-y}{\hat y}$ $\cdot \hat y$"),
        ("q1.1", f"${PARTS}$"),
        ("q3.2", "θ_{t+1} = θ_t\n - η g_t\n - ηλ sign(θ_t)"),
        ("q3.2", f"${NEW} = {STEP}$\n$- {SIGN}$"),
        ("q3.2", f"${NEW} = {STEP}$ minus ${SIGN}$"),
        ("q1.4", r"$\nabla_{h^{(1)}} J = W^{(2)T}$ $\cdot \frac{\hat y-y}{\hat y}$ times $\hat y$."),
        ("q1.3", r"$\nabla_{W^{(2)}} J = \delta$ with $\delta = (\hat y-y)$ times $h^{(1)T}$"),
    ],
)  # fmt: skip
def test_a_formula_before_words_and_its_rest_is_not_called_different(ask: Ask, question: str, answer: str) -> None:
    assert all(one.comparison is not Comparison.DIFFERS for one in ask(question, answer).judgements)


@pytest.mark.parametrize(
    ("answer", "formula"),
    [
        (r"$\nabla_{W^{(2)}} J = \hat y-y$. Now $h^{(1)T}$.", r"\hat y-y"),
        ("∂J/∂W2 = ŷ-y, a number", r"\hat y  -y"),
    ],
)
def test_a_wrong_formula_is_shown_with_what_belongs_to_it(ask: Ask, answer: str, formula: str) -> None:
    (found,) = ask("q1.3", answer).judgements
    assert (found.formula, found.points is not None and not found.remarks) == (formula, False)


@pytest.mark.parametrize(
    "answer",
    [
        "∂J/∂h<sup>(1)</sup> = **(W<sup>(2)</sup>)<sup>T</sup> (ŷ − y)**",
        "∂J/∂𝐡₁ = 𝐖₂ᵀ(ŷ − y)",
    ],
    ids=["HTML", "bold"],
)
def test_scripts_and_variants_of_characters_keep_their_meaning(ask: Ask, answer: str) -> None:
    (found,) = ask("q1.4", answer).judgements
    assert (found.points, found.remarks) == (found.possible, ())


def test_an_element_whose_index_counts_two_things_is_different(ask: Ask) -> None:
    by = r"\frac{\partial J}{\partial W^{(1)}_{jk}}"
    _, found = ask("q1.5", rf"${by} = (\hat y-y)\,w_j^{{(2)}}\,h_j^{{(1)}} (1-h_j^{{(1)}})\,x_j$").judgements
    assert found.mistake == "The shapes do not fit: the index j is used for axes of different lengths."


@pytest.mark.parametrize(
    "answer",
    [
        r"$\nabla_{b_2}J$ = $\hat y - y$ - $h_1$",
        r"$\nabla_{b_2}J$ = $\hat y - y$ $h_1$",
        r"$\nabla_{b_2}J$ = ($\hat y - y$) / 2",
        r"$\nabla_{b_2}J = \hat y - y$ / 2 because",
        r"$\nabla_{b_2}J = 2 \cdot$ $(\hat y - y)$",
        "$$\\nabla_{b_2}J = \\hat y - y$$\n\n$$+ b_2$$",
        "dJ/db2 = yhat - y\n* 2",
    ],
)
def test_a_wrong_formula_in_parts_is_not_right(ask: Ask, answer: str) -> None:
    assert ask("q1.2", answer).shelf in (Shelf.OTHER_VALUE, Shelf.UNREAD)
