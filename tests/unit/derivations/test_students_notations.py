"""Notations of students' notebooks and of other courses."""

from __future__ import annotations

import pytest

from grader.assignments.catalogue import Assignment
from grader.derivations.locate import WrittenAnswers
from grader.derivations.opinions import opinions, with_answers_elsewhere
from grader.model import Shelf
from tests.unit.derivations.conftest import Ask

RIGHT = (Shelf.RIGHT, Shelf.RIGHT_WITH_REMARKS)
ANOTHER_LOSS = r"""$$L^{'}(\theta)=L(\theta)+\lambda||\theta||_{1}$$
$$\frac{\partial{L^{'}}}{\partial{w}}=\frac{\partial{L}}{\partial{w}}+\lambda sgn(w)$$
$$w^{t+1}\leftarrow w^{t}-\eta \frac{\partial{L^{'}}}{\partial{w}}$$
$$=w^{t}-\eta\frac{\partial{L}}{\partial{w}}-\eta \lambda sgn(w^{t})$$"""
OWN_LOSS = r"""$$\begin{align*}\text{Let } f(x_i) &= \ln(1 + e^{-z_i}) + (1 - y_i)z_i \\
\text{Base on (5)} => \dfrac{d}{dz_i}\ln(1 + e^{-z_i}) &= \sigma(z_i) - 1 \tag{7} \\
\text{Base on (7)} => \dfrac{df}{dz_i} &= \sigma(z_i) - 1 + (1 - y_i) \\
&= \sigma(z_i) - y_i \tag{8}\end{align*}$$"""


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("q1.1", r"$\part_{a^{(2)}} J = \hat y - y$"),
        ("q1.1", r"$forward\ calculation: \frac{\part J}{\part a^{(2)}} = \hat y - y$"),
        ("q1.1", r"$l = -y\ln a - (1-y)\ln(1-a)$, $a = \sigma(z)$: $\frac{\delta l}{\delta z} = a - y$"),
        ("q1.1", OWN_LOSS),
        ("q1.3", "```python\nda2 = y_hat - y\nda2 = (1, 1)\ndW2 = da2 @ h1.T\n```"),
        ("q1.4", r"$\nabla_{h^{(1)}} J = W^{(2)t}(\hat y - y)$"),
        ("q3.2", ANOTHER_LOSS),
    ],
)
def test_the_notation_is_read(ask: Ask, question: str, answer: str) -> None:
    found = ask(question, answer)
    assert {one.shelf for one in found.judgements} <= {*RIGHT}
    for old, new in ((" - y", " + y"), ("-y", "+y"), ("- \\eta", "+ \\eta"), ("-\\eta", "+\\eta"), ("-=", "+=")):
        answer = answer.replace(old, new)
    assert not {one.shelf for one in ask(question, answer).judgements} & {*RIGHT}


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("q1.2", r"$\nabla_{b^{(2)}}J = [r, 1](\hat y - y)$, $r = 3$"),
        ("q1.3", r"$\nabla_{W^{(2)}}J = (\hat y - y) h^{(3)T}$"),
        ("q3.2", r"$\theta_{t+1} = \theta_t - \eta (g_t + \lambda \sin(\theta_t))$"),
    ],
)
def test_what_looks_like_a_notation_is_not_dropped(ask: Ask, question: str, answer: str) -> None:
    assert ask(question, answer).shelf not in RIGHT


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (
            "q3.2",
            r"$$\theta_{t+1} = \theta_t - \eta g_t - \eta\begin{cases} \lambda & unless\ \theta_t > 0 \\"
            r" -\lambda & unless\ \theta_t < 0 \end{cases}$$",
        ),
        ("q3.2", r"$\theta_{t+1} = \theta_t - \eta g_t - \eta \lambda (I(\theta_t>0)-I(\theta_t<0))$"),
        ("q1.4", r"$\nabla_{h^{(1)}} J = W^{(2)t}(\hat y - y)$"),
        ("q1.4", r"$\nabla_{h^{(1)}} J = V^T(\hat y - y)$"),
        ("q1.1", r"$\nabla_{a^{(2)}}J = \hat y - y\ rather$"),
    ],
)
def test_unusual_notations_get_no_automatic_marks(ask: Ask, question: str, answer: str) -> None:
    assert not ask(question, answer).is_proven


def test_an_answer_to_several_questions_counts_for_those_without_one(ps4: Assignment) -> None:
    text = r"$\nabla_{a_2}J = \hat y - y$, $\nabla_{b_2}J = \hat y - y$, $\nabla_{W_2}J = (\hat y - y) h_1^T$"
    written = WrittenAnswers(
        {"q1.1": (text, (5,))}, {}, {"a.ipynb": ("q1.1",)}, "", ((r"$\nabla_{h_1}J = W_2^T(\hat y-y)$", (9,)),)
    )
    found = with_answers_elsewhere(ps4.known_questions, written)
    assert {id: cells for id, (_, cells) in found.found.items()} == {
        "q1.1": (5,), "q1.2": (5,), "q1.3": (5,), "q1.4": (9,),
    }  # fmt: skip
    assert found.notes["q1.3"] == ("the answer was found in the answer to q1.1",)
    assert found.notes["q1.4"] == ("the answer was found in text that belongs to no question",)
    assert "q1.1" not in found.notes


def test_the_rule_for_one_penalty_is_no_answer_for_the_other(ps4: Assignment) -> None:
    written = WrittenAnswers({"q3.1": (r"$\theta_{t+1} = \theta_t - \eta(g_t + 2\lambda\theta_t)$", (5,))}, {}, {})
    assert {*with_answers_elsewhere(ps4.known_questions, written).found} == {"q3.1"}


RULE = r"\theta_{t+1} = \theta_t-\eta(g_t+\lambda "


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("q1.2", r"$\nabla_{b_2}J = (\hat y-y)^{t+1}$"),
        ("q1.3", r"$\nabla_{W_2}J = (\hat y-y)h_1^{t+1}$"),
        ("q1.2", r"$\nabla_{b_2}J = (\hat y-y)..(2)$"),
        ("q1.2", r"$\nabla_{b_2}J = \hat y-y --$ $2$"),
        ("q1.2", r"$\nabla_{b_2}J = (\hat y-y)(k=1. )$"),
        ("q1.2", r"$\nabla_{b_2}J = (\hat y-y)(y=1, ..., 2)$"),
        ("q3.2", rf"${RULE} c\theta_t)$"),
        ("q3.2", rf"${RULE} \operatorname{{heaviside}}(\theta_t))$"),
        ("q3.2", rf"${RULE} S(\theta_t))$, $S(\theta)_i = 1$ if $\theta_i>0$, else $0$"),
        ("q3.2", rf"${RULE} S(\theta_t))$, $\begin{{cases}}1&\theta_t>0\\0&\theta_t<0\end{{cases}} = S(\theta_t)$"),
        ("q3.2", rf"${RULE} \begin{{cases}}1cd&\theta_t>0\\-1cd&\theta_t<0\end{{cases}})$"),
    ],
)  # fmt: skip
def test_a_part_of_a_formula_is_not_dropped(ask: Ask, question: str, answer: str) -> None:
    found = ask(question, answer)
    assert found.shelf not in RIGHT
    assert not found.is_proven


def test_a_wrong_definition_with_the_loss_is_used_in_later_answers(ps4: Assignment) -> None:
    found = opinions(
        ps4.known_questions,
        {"q1.1": r"$\delta = \nabla_{a_2}J = J(\hat y-y)$", "q1.2": r"$\nabla_{b_2}J = \delta$"},
    )
    assert found["q1.2"].shelf not in RIGHT


@pytest.mark.parametrize(
    "rest", ["$\\hat y$ - y because of the rule", "$\\hat y$ - a vector", "$\\hat y - y$ * 2", "($\\hat y$ - $y$) / 2"]
)
def test_a_term_behind_the_dollars_belongs_to_the_formula(ask: Ask, rest: str) -> None:
    found = ask("q1.2", f"$\\nabla_{{b_2}}J$ = {rest}")
    assert found.shelf is (Shelf.UNREAD if rest.startswith("$\\hat y$") else Shelf.OTHER_VALUE)


@pytest.mark.parametrize(
    "rest",
    [" ⋅ 2", " – 1", "'", "_2", "2", "²", " / 2 because", r" $(1-\eta)$", " - **y**", r" $\hat y$", " ="],
)
def test_what_may_belong_to_a_right_formula_is_shown(ask: Ask, rest: str) -> None:
    found = ask("q1.2", rf"$\nabla_{{b_2}}J$ = $\hat y - y${rest}")
    assert not found.is_proven
    assert found.shelf is not Shelf.RIGHT or found.judgements[0].skipped
