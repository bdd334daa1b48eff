"""Notations of other courses and countries."""

from __future__ import annotations

import pytest

from grader.model import Comparison, Shelf
from tests.unit.derivations.conftest import Ask

RIGHT = (Shelf.RIGHT, Shelf.RIGHT_WITH_REMARKS)


AGAIN = r"""$g \leftarrow \nabla_{\hat y} J$

$g \leftarrow \nabla_{a^{(2)}} J = g \odot f'(a^{(2)})$

$g = h^{(2)} - y$"""


ELEMENT_BY_ELEMENT = (
    r"$\partial J/\partial h^{{(1)}}_1 = (\hat y - y) W^{{(2)}}_{{1,1}}$, "
    r"$\partial J/\partial h^{{(1)}}_2 = (\hat y - y) W^{{(2)}}_{{1,{}}}$"
)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("q1.1", AGAIN.replace("h^{(2)} - y", "h^{(2)} + y")),
        ("q3.1", "theta -= eta * (g - 2 * lam * theta)"),
        ("q3.1", r"$\theta_t = \theta_{t-1} - \eta(g_{t-1} + \lambda\theta_{t-1})$"),
        ("q3.1", r"$w^{(t+1)} = w^{(t)} - \eta\left[\nabla E(w^{(t)}) + \lambda w^{(t)}\right]$"),
    ],
)
def test_another_value_in_the_notation_is_seen(ask: Ask, question: str, answer: str) -> None:
    assert {one.comparison for one in ask(question, answer).judgements} == {Comparison.DIFFERS}


def test_a_lone_x_between_operands_may_be_a_times_sign(ask: Ask) -> None:
    (found,) = ask("q1.4", "dJ/dh1 = da2/dh1 x dJ/da2 = W2^T x (yhat - y)").judgements
    assert found.shelf is Shelf.RIGHT
    assert ask("q1.1", "dJ/da2 = dJ/dyhat x f'(a2)").shelf is Shelf.UNREAD
    assert ask("q1.4", "dJ/dh1 = W2^T x (y - yhat)").judgements[0].comparison is Comparison.DIFFERS
    assert ask("q1.5", "dJ/db1 = W2^T x (yhat - y)").judgements[0].points is None


def test_a_row_of_ones_sums_the_rows_and_not_the_elements_of_a_column(ask: Ask) -> None:
    right = r"W_2^T(\hat y-y)\odot h_1\odot(1-h_1)"
    opinion = ask("q1.5", rf"$\nabla_{{b_1}}J = \mathbf{{1}}^\top({right})$ and $\nabla_{{W_1}}J = ({right})x^\top$")
    assert not opinion.is_proven


def test_numbers_between_a_row_of_ones_and_its_factor_change_nothing(ask: Ask) -> None:
    right = r"$\nabla_{W_1}J = (W_2^T(\hat y-y)\odot h_1\odot(1-h_1))x^T$"
    answer = r"$\nabla_{b_1}J = \mathbf{1}^\top (\hat y - y) (W_2^T\odot h_1\odot(1-h_1))$ " + right
    assert not ask("q1.5", answer).is_proven
    assert not ask("q1.2", r"$\nabla_{b_2}J = \mathbf{1}^\top\mathbf{1}(\hat y-y)$").is_proven


def test_nested_matrices_are_parsed_once(ask: Ask) -> None:
    depth = 25  # each level would double the work
    answer = "$" + r"\begin{bmatrix} a &" * depth + " y " + r"\end{bmatrix}" * depth + "$"
    assert ask("q1.1", answer).shelf is not Shelf.RIGHT


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("q1.1", r"$\nabla_{a_2} J = y - h_2 \neq h_2 - y$"),
        ("q1.4", ELEMENT_BY_ELEMENT.format("1")),
        (
            "q3.1",
            r"$\nabla J = \nabla J + 2\lambda\theta$, $\theta_{t+1} = \theta_t - \eta\nabla J - \eta\lambda\theta_t$",
        ),
        ("q3.1", r"$v_{t+1} = v_t - \eta(g_t + 2\lambda\theta_t)$"),
        ("q1.1", r"$\nabla_{a_2} J = h_2 - y = 0$"),
        ("q1.4", r"$g = y - h_2 = 0.6$, $\nabla_{h_1}J = W_2^T g$"),
        ("q1.3", r"$\delta = 1$, $\nabla_{W_2}J = \delta h_1^T$"),
        ("q1.3", r"$\frac{\partial J}{\partial W^{(l)}} = (h_2 - y) h^{(l)T}$"),
        ("q3.1", r"$c = 2\lambda = 0$, $\theta_{t+1} = \theta_t - \eta(g_t + c\theta_t)$"),
        ("q1.1", r"$\nabla_{a_2} J = h_2 - y \pm 1$"),
        ("q1.1", r"$\nabla_{a_2} J = h_2 - y \approx 2(h_2 - y) = 2h_2 - 2y$"),
        ("q1.1", r"$\nabla_{a_2} J = y - h_2 \neq h_2 - y \in \mathbb{R}$"),
        ("q1.2", r"$g = h_2 - y$, $g = 2g$, $\nabla_{b_2} J = g$"),
        ("q1.3", "```\ndelta = yhat - y\ndelta *= 2\ndW2 = np.dot(delta, h1.T)\n```"),
        ("q3.1", "dtheta = g\ndtheta += lam*theta\ntheta_new = theta - eta*(dtheta + 2*lam*theta)"),
        ("q1.4", r"$\nabla_{h_1}J = -W_2^T(h_2 - y)$, so $\partial J/\partial h^{(1)}_1 = (h_2 - y)W^{(2)}_1$"),
        ("q1.4", r"$\partial J/\partial h^{(1)}_1 = 0$, $\partial J/\partial h^{(1)}_2 = (h_2 - y)W^{(2)}_2$"),
        ("q1.4", r"$\nabla_{h^{(L-1)}}J = W_1^{(L)T}(h_2 - y)$"),
        ("q3.1", r"$\phi_{t+1} = \phi_t - \eta(g_t + \lambda\phi_t)$"),
    ],
)
def test_a_generous_notation_makes_no_wrong_answer_right(ask: Ask, question: str, answer: str) -> None:
    assert ask(question, answer).shelf not in RIGHT


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("q1.1", r"$\nabla_{a_2} J = h_2 - y \neq 0$"),
        ("q1.4", r"$\nabla_{h^{L-1}} J = (W^L)^T(h_2 - y)$"),
        ("q1.4", r"$\nabla_{h^{(1)}_2} J = (h_2 - y) W^{(2)}_{1,2}$"),
        ("q3.1", r"$\phi_{t+1} = \phi_t - \eta(g_t + 2\lambda\phi_t)$"),
    ],
)
def test_a_generous_notation_gets_no_automatic_marks(ask: Ask, question: str, answer: str) -> None:
    assert not ask(question, answer).is_proven


def test_a_definition_for_another_network_leaves_the_formula_unread(ask: Ask) -> None:
    said = r"With $z = w^T x$ and $p = \sigma(z)$: $\frac{\partial J}{\partial z} = p - y$"
    (found,) = ask("q1.1", said).judgements
    assert (found.shelf, found.automatic) == (Shelf.UNREAD, False)
    assert ask("q1.1", said.replace("p - y", "y - p")).shelf not in RIGHT
