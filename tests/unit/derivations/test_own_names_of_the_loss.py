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


def test_a_loss_with_a_prime_may_be_a_new_loss(ask: Ask) -> None:
    new = r"$L' = L + \lambda\sum_i |\theta_i|$"
    for rule in (r"\theta - \eta\nabla L'", r"\theta - \eta(\nabla L + \lambda\, sign(\theta))"):
        assert ask("q3.2", rf"{new}, so $\theta \leftarrow {rule}$").shelf is not Shelf.OTHER_VALUE


@pytest.mark.parametrize("error", ["E", "C^{(2)}", r"\mathbf{E}", r"\ell"])
def test_a_letter_for_the_loss_that_may_be_the_error_is_not_called_different(ask: Ask, error: str) -> None:
    answer = rf"With ${error} = \hat y - y$ it is $\nabla_{{W^{{(2)}}}} J = {error}\,(h^{{(1)}})^T$."
    assert ask("q1.3", answer).shelf is Shelf.UNREAD
    as_loss = rf"${error} = -y\ln\hat y - (1-y)\ln(1-\hat y)$, $\frac{{\partial {error}}}{{\partial a_2}} = \hat y - y$"
    assert ask("q1.1", as_loss).shelf in RIGHT


def test_a_mean_over_the_batch_is_named_in_every_layout(ask: Ask) -> None:
    rows = r"$Z_1 = X W_1 + b_1$, $\nabla_{W_1}J = \frac1m X^T ((\hat y - y) W_2^T \odot h_1 \odot (1 - h_1))$"
    judged = ask("q1.5", rows).judgements[1]
    assert (judged.shelf, judged.mistake) == (Shelf.OTHER_VALUE, "It is what is asked, averaged over examples.")


@pytest.mark.parametrize("gap", [r", \qquad ", ", ", r" \quad "])
def test_a_definition_behind_a_comma_is_no_factor(ask: Ask, gap: str) -> None:
    wrong = rf"$$\nabla_{{b^{{(2)}}}} J = h^{{(1)}} \delta{gap}\delta = \hat y - y$$"
    assert ask("q1.2", wrong).shelf is Shelf.OTHER_VALUE


@pytest.mark.parametrize(
    "size", [r"($n_h \times 1$)", r"$[n_{hidden} \times 1]$", r"\in \mathbb R^{n_h \times 1}$, $n_h \times 1$"]
)
def test_a_size_may_have_indices(ask: Ask, size: str) -> None:
    answer = r"$\nabla_{h^{(1)}} J = W^{(2)T}(\hat y - y)"
    assert ask("q1.4", f"{answer}{'' if size[0] == chr(92) else '$ '}{size}").shelf in RIGHT


def test_a_dot_before_a_space_multiplies(ask: Ask) -> None:
    assert ask("q1.3", r"$\nabla_{W^{(2)}} J = (\hat y - y). (h^{(1)})^T$").shelf is Shelf.RIGHT


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


def test_what_equals_a_derivative_is_not_defined_by_it(ask: Ask) -> None:
    answer = r"""$$\frac{\partial a^{(2)}}{\partial h_j} = W_{1j}$$
$$\nabla_{h} J = W^T \delta \qquad \delta = \hat y - y$$"""
    assert ask("q1.4", answer).shelf in RIGHT


def test_without_layers_z_stands_before_the_activation_and_a_behind_it(ask: Ask) -> None:
    assert ask("q1.1", r"$\frac{dL}{dz} = a - y$").shelf is Shelf.RIGHT_WITH_REMARKS
    assert ask("q1.1", r"$\frac{dL}{dz} = z - y$").shelf is Shelf.OTHER_VALUE


@pytest.mark.parametrize(
    "answer",
    [
        r"We define the difference $E = \hat y - y$. Then $\nabla_{W^{(2)}}J = E h^{(1)T}$.",
        "```\nE = yhat - y\ndW2 = np.dot(E, h1.T)\n```",
        r"$J' = \hat y - y$, $\nabla_{W^{(2)}}J = J' h^{(1)T}$",
    ],
)
def test_the_error_is_defined_in_words_and_programs(ask: Ask, answer: str) -> None:
    assert ask("q1.3", answer).shelf in (Shelf.RIGHT, Shelf.UNREAD)


def test_a_letter_of_an_earlier_answer_is_not_called_different(ask: Ask) -> None:
    first = {"q1.1": r"$E = \hat y - y$, $\nabla_{a^{(2)}}J = E$"}
    assert ask("q1.4", r"$\nabla_{h^{(1)}}J = W^{(2)T}E$", first).shelf is Shelf.UNREAD


def test_a_loss_that_is_not_used_is_compared_with_the_questions(ask: Ask) -> None:
    squared = ask("q1.1", r"$L=\frac12(\hat y-y)^2$, $\nabla_{a^{(2)}}J=\hat y-y$")
    assert squared.shelf is Shelf.RIGHT_WITH_REMARKS


@pytest.mark.parametrize("beside", [" / 2", "²", " $(1-\\eta)$", "$\\quad (1-\\eta)$"])
def test_what_stands_right_beside_a_right_formula_is_told(ask: Ask, beside: str) -> None:
    assert ask("q3.1", rf"$\theta_{{t+1}}=\theta_t-\eta(g_t+2\lambda\theta_t)${beside}").shelf is not Shelf.RIGHT


def test_many_unclosed_brackets_are_no_internal_error(ask: Ask) -> None:
    for answer in ("$" + "(y" * 1000 + "$", "\\left(" * 2000 + "\\lef"):
        assert "Internal" not in ask("q1.1", answer).judgements[0].words
