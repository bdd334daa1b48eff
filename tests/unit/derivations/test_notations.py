"""Notations of other courses and countries."""

from __future__ import annotations

import pytest

from grader.assignments.catalogue import Assignment
from grader.derivations.opinions import opinions
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
        ("q1.1", AGAIN),
        ("q1.1", "dJ/da(2) = dJ/dŷ * dŷ/da(2)\n\n=> dJ/da(2) = ŷ - y"),
        ("q1.1", "Multiply both:\n$$-y(1-h^{(2)}) + (1-y)h^{(2)} = h^{(2)} - y$$"),
        ("q1.1", r"$\nabla_{a^{\text{(2)}}}J = h^{\text{(2)}} - \mathtt{y}$"),
        ("q1.1", r"$\nabla_{a{(2)}}J = h{(2)} - y$"),
        ("q1.1", r"$\nabla_{a^{(2)}}J: \hat y - y$"),
        ("q1.1", r"$$\fbox{$\nabla_{a^{(2)}}J = \hat y - y$}$$"),
        ("q1.3", r"$\nabla_{W^{(2)}}J = (\hat y - y) . h^{(1)\top}$"),
        ("q3.1", "theta -= eta * (g + 2 * lam * theta)"),
        ("q3.1", r"$\theta_t = \theta_{t-1} - \eta(g_{t-1} + 2\lambda\theta_{t-1})$"),
        ("q3.1", r"$(\theta_{t+1})_i = (\theta_t)_i - \eta\left((g_t)_i + 2\lambda(\theta_t)_i\right)$"),
        ("q3.1", r"$\theta_\text{nuevo} = \theta_\text{viejo} - \eta\,(g + 2\lambda\,\theta_\text{viejo})$"),
        ("q3.1", r"$w^{(t+1)} = w^{(t)} - \eta\left[\nabla E(w^{(t)}) + 2\lambda w^{(t)}\right]$"),
        ("q3.2", r"$$\theta_{t+1} = \theta_t - \eta(g_t + \lambda\,\text{sign}(\theta_t))$$ with slopes ($\pm 1$)."),
        ("q1.1", r"$\delta = h_2 - y \approx -0.4$"),
        ("q1.3", r"With $z^{[2]} = W^{[2]}\vec a + b$: $\frac{\partial L}{\partial W^{[2]}} = (\hat y - y)\vec a^T$"),
        ("q1.1", "J = -y ln ŷ - (1-y) ln(1-ŷ)\nSo ∇_{a2} J = (ŷ-y)/(ŷ(1-ŷ)) * ŷ(1-ŷ)\n= ŷ - y"),
        ("q1.4", "a2 = W2 h1 + b2\nThen dJ/dh1 = dJ/da2 * da2/dh1\n= W2ᵀ (ŷ - y)"),
        ("q1.1", "∇_{a2}J = ŷ - y.this is because of the sigmoid"),
        ("q1.3", "E_out = yhat - y\ndW2 = E_out * h1.T"),
        ("q3.1", "θ ← θ - η(g + 2λθ)  # update"),
        ("q3.1", r"$w \leftarrow (1 - 2\eta\lambda) w - \eta\hat g$"),
        ("q1.1", r"$\nabla_{a_2} J = h_2 - y = 0.3 - 1 = -0.7$"),
        ("q1.2", r"$k = \frac{\partial a_2}{\partial b_2} = 1$, $\frac{\partial J}{\partial b_2} = (h_2 - y) k$"),
        ("q1.2", r"$\frac{\partial J}{\partial b^{(l)}} = \delta^{(l)}$, $g = \hat y - y$"),
        ("q1.1", r"$\frac{\partial J^{(i)}}{\partial z^{(i)}} = \hat y^{(i)} - y^{(i)}$"),
        ("q1.4", r"$\nabla_{a_2} J = h_2 - y = 0.3 - 1 = -0.7$, so $\nabla_{h_1}J = W_2^T\,\nabla_{a_2} J$"),
    ],
)
def test_the_notation_is_read(ask: Ask, question: str, answer: str) -> None:
    assert {one.shelf for one in ask(question, answer).judgements} <= set(RIGHT)


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


def test_a_formula_whose_left_side_is_unread_is_not_called_different(ask: Ask) -> None:
    (found,) = ask("q1.1", r"$\nabla_{a^{(2)}, b^{(2)}}J = h^{(2)} + y$").judgements
    assert (found.comparison, found.words[:38]) == (Comparison.UNREAD, "Unread: the left side cannot be read: ")


def test_an_equation_that_is_not_solved_is_not_called_different(ask: Ask) -> None:
    (found,) = ask("q3.1", r"$2\theta_{t+1} - \theta_t = -\eta(g_t + 2\lambda\theta_t)$").judgements
    assert (found.comparison, found.words) == (Comparison.UNREAD, "Unread: the left side is more than θt+1.")


def test_an_index_that_is_summed_in_a_definition_is_its_own(ask: Ask) -> None:
    of_hidden = r"$a_j = \sum_k W^{(1)}_{jk} x_k + b^{(1)}_j$ and $h_j = f(a_j)$, so"
    gradient = r"$\frac{dJ}{dW^{(1)}_{jk}} = (\hat y - y)\, W^{(2)}_j f(a_j)(1-f(a_j))\, x_k$"
    assert ask("q1.5", f"{of_hidden} {gradient}").judgements[1].shelf in RIGHT


def test_a_lone_x_between_operands_may_be_a_times_sign(ask: Ask) -> None:
    (found,) = ask("q1.4", "dJ/dh1 = da2/dh1 x dJ/da2 = W2^T x (yhat - y)").judgements
    assert found.shelf is Shelf.RIGHT
    assert ask("q1.1", "dJ/da2 = dJ/dyhat x f'(a2)").shelf is Shelf.UNREAD
    assert ask("q1.4", "dJ/dh1 = W2^T x (y - yhat)").judgements[0].comparison is Comparison.DIFFERS
    assert ask("q1.5", "dJ/db1 = W2^T x (yhat - y)").judgements[0].points is None


@pytest.mark.parametrize("formula", ["∂J/∂h⁽¹⁾ = W⁽²⁾ᵀ（ŷ − y）", "∂J/∂h⁽¹⁾ ＝ W⁽²⁾ᵀ(ŷ − y)，是 H×1 的列向量。"])
def test_full_width_signs_are_read(ask: Ask, formula: str) -> None:
    assert ask("q1.4", formula).shelf in RIGHT


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("q1.1", "$$\\hat y - y$$\n\nsince $f' = f(1-f)$"),
        ("q1.3", r"$\overline{W^{(2)}} = \overline{a^{(2)}}\,{h^{(1)}}^\top = (\hat y - y){h^{(1)}}^\top$"),
        (
            "q1.5",
            "For $b^{(1)}$:\n$$W_2^T(\\hat y-y)\\odot h_1\\odot(1-h_1)$$\nFor $W^{(1)}$:\n"
            "$$(W_2^T(\\hat y-y)\\odot h_1\\odot(1-h_1))x^T$$",
        ),
        (
            "q1.5",
            r"""$$\bar{b_1} = W_2^T(\hat y-y)\odot h_1\odot(1-h_1)$$
$$\bar{W_1} = (W_2^T(\hat y-y)\odot h_1\odot(1-h_1))x^T$$""",
        ),
    ],
)
def test_formulas_without_the_left_side_of_the_handout(ask: Ask, question: str, answer: str) -> None:
    assert ask(question, answer).shelf in RIGHT


def test_a_row_of_ones_sums_the_rows_and_not_the_elements_of_a_column(ask: Ask) -> None:
    right = r"W_2^T(\hat y-y)\odot h_1\odot(1-h_1)"
    opinion = ask("q1.5", rf"$\nabla_{{b_1}}J = \mathbf{{1}}^\top({right})$ and $\nabla_{{W_1}}J = ({right})x^\top$")
    assert not opinion.is_proven


@pytest.mark.parametrize(
    "words", ["The same as in Q1.1.", r"$\frac{\partial a_2}{\partial b_2} = 1$, see 1.1", "wie Q1.1"]
)
def test_an_answer_may_refer_to_another(ps4: Assignment, words: str) -> None:
    for formula, shelf in ((r"\hat y - y", Shelf.RIGHT_WITH_REMARKS), (r"y - \hat y", Shelf.OTHER_VALUE)):
        found = opinions(ps4.known_questions, {"q1.1": rf"$\nabla_{{a_2}}J = {formula}$", "q1.2": words})
        assert found["q1.2"].shelf is shelf
        assert not found["q1.2"].is_proven


def test_an_answer_that_names_no_other_or_several_is_left_unread(ps4: Assignment) -> None:
    for words in (
        "The same.",
        "By Q1.1 and Q1.3.",
        "It is 0.1.1 or 21.1",
        "it is 1.1 times bigger",
        "so 0.5 times 1.1",
    ):
        right = {"q1.1": r"$\nabla_{a_2}J = \hat y - y$", "q1.3": r"$\nabla_{W_2}J = (\hat y - y)h_1^T$"}
        assert opinions(ps4.known_questions, right | {"q1.2": words})["q1.2"].shelf is Shelf.UNREAD


@pytest.mark.parametrize("ending", ["\n\n---", "\n\n(5/5)", "\n\n:-)", "\n\n### 1.2", "\n\n(1, H)\n\n---\n"])
def test_a_line_of_signs_behind_an_answer_is_no_formula(ask: Ask, ending: str) -> None:
    opinion = ask("q1.1", rf"$\nabla_{{a^{{(2)}}}}J = \hat y - y${ending}")
    assert (opinion.shelf, opinion.judgements[0].remarks) == (Shelf.RIGHT, ())


@pytest.mark.parametrize("words", ["see page 3-4", "lines 3 - 4"])
def test_numbers_in_a_sentence_are_no_formula(ask: Ask, words: str) -> None:
    assert ask("q1.1", words).shelf is Shelf.UNREAD


def test_a_tilde_is_no_derivative(ask: Ask) -> None:
    step = r"so with one step $\tilde W_2 = W_2 - \eta(\hat y - y)h_1^T$"
    assert ask("q1.3", rf"$\nabla_{{W_2}}J = (\hat y-y)h_1^T$ {step}").shelf in RIGHT


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
        ("q3.1", "θ_{t+1} = θ_t - η(g_t + 2λθ_t)\nThe whole gradient is\ng_t + 2λθ_t"),
        ("q1.1", "∂J/∂a2 = h2 - y\nbecause the derivative of the sigmoid\nh2(1-h2)\ncancels."),
        ("q1.4", r"$\nabla_{h_1}J = W_2^T(h_2-y)$ where $\bar h_1 = 1-h_1$"),
        ("q1.1", r"dJ/da2 = h2 \- y"),
    ],
)
def test_what_stands_beside_a_right_answer_leaves_it_right(ask: Ask, question: str, answer: str) -> None:
    assert ask(question, answer).shelf in RIGHT


@pytest.mark.parametrize("answer", ["Q1.1 * h1^T", "Q1.1 times $h^{(1)T}$", "-(Q1.1)"])
def test_a_formula_with_another_question_in_it_is_left_unread(ps4: Assignment, answer: str) -> None:
    found = opinions(ps4.known_questions, {"q1.1": "$h_2-y$", "q1.3": answer})["q1.3"]
    assert (found.shelf, found.points) == (Shelf.UNREAD, None)


def test_bars_may_be_chained_over_the_questions(ps4: Assignment) -> None:
    given = {"q1.1": r"$\bar a_2 = h_2-y$", "q1.2": r"$\bar b_2 = \bar a_2$", "q1.3": r"$\bar W_2 = \bar b_2 h_1^T$"}
    assert {one.shelf for one in opinions(ps4.known_questions, given).values()} <= set(RIGHT)


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
