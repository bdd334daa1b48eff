"""Names for the loss with and without a penalty, letters that mean something else, and sums over a batch in code."""

from __future__ import annotations

import pytest

from grader.model import Shelf
from tests.unit.derivations.conftest import Ask

RIGHT = (Shelf.RIGHT, Shelf.RIGHT_WITH_REMARKS)


@pytest.mark.parametrize("loss", [r"L_{\text{data}}", "L_0", r"E_{in}", r"J_{old}", "C_0"])
def test_a_loss_with_an_index_may_be_the_one_without_the_penalty(ask: Ask, loss: str) -> None:
    rule = rf"$$w^{{t+1}} = w^t - \eta \frac{{\partial {loss}}}{{\partial w}} - 2\eta\lambda w^t$$"
    opinion = ask("q3.1", rule)
    assert (opinion.shelf, opinion.is_proven) == (Shelf.RIGHT_WITH_REMARKS, False)
    assert ask("q3.1", rule.replace("2", "")).shelf not in RIGHT


@pytest.mark.parametrize("error", ["E", "C^{(2)}", r"\mathbf{E}", r"\ell"])
def test_a_letter_for_the_loss_that_may_be_the_error_is_not_called_different(ask: Ask, error: str) -> None:
    answer = rf"With ${error} = \hat y - y$ it is $\nabla_{{W^{{(2)}}}} J = {error}\,(h^{{(1)}})^T$."
    assert ask("q1.3", answer).shelf is Shelf.UNREAD
    as_loss = rf"${error} = -y\ln\hat y - (1-y)\ln(1-\hat y)$, $\frac{{\partial {error}}}{{\partial a_2}} = \hat y - y$"
    assert ask("q1.1", as_loss).shelf in RIGHT


@pytest.mark.parametrize("gap", [r", \qquad ", ", ", r" \quad "])
def test_a_definition_behind_a_comma_is_no_factor(ask: Ask, gap: str) -> None:
    wrong = rf"$$\nabla_{{b^{{(2)}}}} J = h^{{(1)}} \delta{gap}\delta = \hat y - y$$"
    assert ask("q1.2", wrong).shelf is Shelf.OTHER_VALUE


@pytest.mark.parametrize("ones", [r"\mathbf{1}_n^T\mathbf{1}_n", "1_n", r"\boldsymbol{1}_{H}"])
def test_ones_of_a_size_are_not_the_number_one(ask: Ask, ones: str) -> None:
    assert ask("q1.1", rf"$\nabla_{{a^{{(2)}}}}J = (\hat y - y){ones}$").shelf is Shelf.UNREAD


@pytest.mark.parametrize("ones", [r"\mathbf{1}", r"\bm 1", r"\vec{1}", r"\mathbb{1}"])
def test_ones_are_shown_and_get_no_automatic_marks(ask: Ask, ones: str) -> None:
    opinion = ask("q1.1", rf"$\nabla_{{a^{{(2)}}}}J = {ones}(\hat y - y)$")
    assert (opinion.shelf, opinion.is_proven) == (Shelf.RIGHT, False)
    assert [one.why for one in opinion.judgements[0].skipped] == ["a vector of ones"]


def test_a_crossing_out_is_shown(ask: Ask) -> None:
    opinion = ask("q1.1", r"$\nabla_{a^{(2)}}J = \frac{(\hat y - y)\cancel{y}}{\cancel{y}} = \hat y - y$")
    assert (opinion.shelf, opinion.is_proven) == (Shelf.RIGHT, False)
    assert r"\cancel" in opinion.judgements[0].skipped[0].text
