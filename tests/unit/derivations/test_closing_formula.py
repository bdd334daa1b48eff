"""A final answer that is spelled out without a left side, behind all other formulas."""

from __future__ import annotations

import pytest

from grader.model import Shelf
from tests.unit.derivations.conftest import Ask

LEFT = {"q1.3": r"\frac{\partial J}{\partial W^{(2)}}", "q1.4": r"\nabla_{h^{(1)}}J", "q3.1": r"\theta_{t+1}"}
RIGHT = {
    "q1.3": r"(\hat y - y)(h^{(1)})^T",
    "q1.4": r"W^{(2)T}(\hat y - y)",
    "q3.1": r"\theta_t - \eta(g_t + 2\lambda\theta_t)",
}
WRONG = {
    "q1.3": r"(y - \hat y)(h^{(1)})^T",
    "q1.4": r"W^{(2)T}(\hat y + y)",
    "q3.1": r"\theta_t + \eta(g_t + 2\lambda\theta_t)",
}
OPEN = {
    "q1.3": r"\frac{\partial J}{\partial a^{(2)}} (h^{(1)})^T",
    "q1.4": r"W^{(2)T} \frac{\partial J}{\partial a^{(2)}}",
    "q3.1": r"\theta_t - \eta \nabla_\theta (\mathcal L + \lambda\|\theta\|_2^2)",
}
OTHER_SHAPES = {"q1.3": r"\hat y - y", "q1.4": r"(\hat y - y) x^T", "q3.1": r"1 - 2\eta\lambda"}
WORDS = (
    "So the final answer is $X$.",
    "Also $X$, was zu zeigen war.",
    "因此 $X$。",
    "$$X$$",
    "Donc $X$, où $y$ suit.",
)


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("question", LEFT)
def test_the_closing_formula_is_the_final_one(ask: Ask, question: str, words: str) -> None:
    def shelf(first: str, last: str) -> Shelf:
        said = f"${LEFT[question]} = {first}$\n\n{words.replace('X', last)}"
        (found,) = ask(question, said).judgements
        if found.shelf is not Shelf.RIGHT:
            assert (last if found.shelf is not Shelf.UNREAD else first) in found.formula
            assert found.mistake or found.remarks
        return found.shelf

    right, wrong, unread = RIGHT[question], WRONG[question], rf"\int {RIGHT[question]}"
    assert shelf(right, wrong) is Shelf.RIGHT_NOT_LAST
    assert shelf(wrong, right) is Shelf.RIGHT_WITH_REMARKS
    assert shelf(right, right) is Shelf.RIGHT
    assert shelf(wrong, wrong) is Shelf.OTHER_VALUE
    assert shelf(unread, right) is Shelf.RIGHT
    assert shelf(unread, wrong) is Shelf.OTHER_VALUE
    assert shelf(OPEN[question], right) is Shelf.RIGHT
    assert shelf(OPEN[question], wrong) in (Shelf.OTHER_VALUE, Shelf.RIGHT_NOT_LAST)


@pytest.mark.parametrize("question", LEFT)
def test_formulas_of_another_shape_and_names_are_mentions(ask: Ask, question: str) -> None:
    said = f"${LEFT[question]} = {RIGHT[question]}$, using $MORE$."
    for more in (OTHER_SHAPES[question], r"\hat y", "y"):
        (found,) = ask(question, said.replace("MORE", more)).judgements
        assert found.shelf in (Shelf.RIGHT, Shelf.RIGHT_WITH_REMARKS)
        assert found.formula == RIGHT[question]


@pytest.mark.parametrize("question", LEFT)
def test_what_stands_before_another_equality_is_not_last(ask: Ask, question: str) -> None:
    said = f"${LEFT[question]} = {RIGHT[question]}$ and not ${WRONG[question]}$, for $q = y + 1$."
    assert ask(question, said).judgements[0].shelf is Shelf.RIGHT_WITH_REMARKS


@pytest.mark.parametrize("question", LEFT)
def test_a_closing_mention_costs_a_right_answer_no_more_than_its_place(ask: Ask, question: str) -> None:
    for mention in (r"\sigma(a^{(2)})(1-\sigma(a^{(2)}))", r"2\lambda\theta_t", r"h^{(1)} \odot (1 - h^{(1)})"):
        (found,) = ask(question, f"${LEFT[question]} = {RIGHT[question]}$, using ${mention}$").judgements
        assert found.shelf in (Shelf.RIGHT, Shelf.RIGHT_WITH_REMARKS, Shelf.RIGHT_NOT_LAST)
        assert not found.automatic


def test_without_any_left_side_the_last_formula_of_the_right_shape_counts(ask: Ask) -> None:
    (found,) = ask("q1.3", r"$(\hat y - y)(h^{(1)})^T$, using $\sigma(a^{(2)})(1-\sigma(a^{(2)}))$").judgements
    assert found.shelf in (Shelf.RIGHT, Shelf.RIGHT_WITH_REMARKS)
