r"""What stands beside a formula: its number, names behind a gap, dots between factors, redefined functions, sizes."""

from __future__ import annotations

import time

import pytest

from grader.assignments.catalogue import Assignment
from grader.derivations.locate import WrittenAnswers
from grader.derivations.opinions import opinions, with_answers_elsewhere
from grader.model import Shelf
from tests.unit.derivations.conftest import Ask

RIGHT = (Shelf.RIGHT, Shelf.RIGHT_WITH_REMARKS)
BACK = r"W_2^T(\hat y-y)"


def cases(positive: str, negative: str) -> str:
    values = rf"\begin{{cases}}{positive} & \theta_t>0\\ {negative} & \theta_t<0\end{{cases}}"
    return rf"$\theta_{{t+1}}=\theta_t-\eta(g_t+\lambda{values})$"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("q1.1", r"$J = -t\ln y - (1-t)\ln(1-y)$, $\delta_k = y_k - t_k$"),
        ("q1.4", r"$W_2^T\delta$ where $\delta = \hat y - y$"),
        ("q3.2", cases("1, ", r"-1 \text{ if}")),
    ],
)
def test_a_right_formula_is_recognized(ask: Ask, question: str, answer: str) -> None:
    (found,) = ask(question, answer).judgements
    assert found.shelf in RIGHT


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("q1.1", r"$f(s) = s$, $\nabla_{a_2}J = f(a_2)-y$"),
        ("q1.1", r"$f_2(s) = \tanh(s)$, $\nabla_{a_2}J = f_2(a_2)-y$"),
        ("q1.1", "```\ndef f_2(s):\n    return s\nda2 = f_2(a2) - y\n```"),
        ("q1.1", r"$f(z)=cz$, $\nabla_{a_2}J=f(a_2)-y$"),
        ("q1.1", r"$f(x)=2x$, $\nabla_{a_2}J=f(a_2)-y$"),
        ("q1.2", "db2 = (yhat - y) . (2)"),
        ("q1.2", r"$\hat y - y$, $\hat y = q$, $q=a_2$"),
        ("q1.3", r"$\nabla_{W_2}J=(\hat y - y)h_1^{}T$"),
        (
            "q3.2",
            "Start with $\\theta_t>0$.\n\n$\\theta_{t+1} = \\theta_t - \\eta (g_t + \\lambda)$ for $\\theta_t<0$\n\n"
            "$\\theta_{t+1} = \\theta_t - \\eta (g_t - \\lambda)$ for $\\theta_t>0$",
        ),
        (
            "q3.2",
            "$sign(x)=-1$ for $x > 0$, $sign(x)=1$ for $x<0$, "
            r"$\theta_{t+1} = \theta_t - \eta (g_t + \lambda sign(\theta_t))$",
        ),
        ("q3.1", r"$$\theta_{t+1}=\theta_t-\eta g_t-\eta\lambda\theta_t. (2)$$"),
        ("q1.2", r"$$\nabla_{b_2}J = (\hat y - y) \quad 2$$"),
        ("q1.2", r"$$\nabla_{b_2}J = (\hat y - y) \text{ times } 2$$"),
        ("q1.2", "$$\\nabla_{a_2}J = \\hat y - y (1)$$\n$$\\nabla_{b_2}J = \\hat y - y$$ / 2"),
        ("q1.3", r"$\nabla_{W_2}J = (\hat y - y)h_1'$ where $h_1'(a_1) = h_1(1-h_1)$"),
        ("q1.4", rf"$$\nabla_{{h_1}}J = {BACK} \quad h_1$$"),
        ("q1.4", r"$\frac{\partial J}{\partial h_j} = (\hat y-y) t_j$"),
        ("q1.1", "```\nsigmoid = lambda z: z\nda2 = sigmoid(a2) - y\n```"),
        ("q1.4", "dh1 = W2.T (yhat - y) . 2"),
        ("q1.4", "dh1 = W2.T *(yhat - y)*\n    h1*(1-h1)"),
        ("q3.2", cases("1,5", "-1,5")),
        ("q3.2", cases(r"1 \text{ times } 2", r"-1\text{ times } 2")),
        ("q3.2", r"$u = |\theta_t| = S(\theta_t)$, $\theta_{t+1} = \theta_t - \eta(g_t + \lambda S(\theta_t))$"),
    ],
)
def test_what_may_change_the_value_is_shown(ask: Ask, question: str, answer: str) -> None:
    found = ask(question, answer)
    (judged,) = found.judgements
    assert judged.shelf is not Shelf.RIGHT
    assert judged.shelf is not Shelf.RIGHT_WITH_REMARKS or judged.remarks
    assert not found.is_proven


def test_a_redefined_function_counts_in_later_answers_too(ask: Ask) -> None:
    earlier = {"q1.1": r"$f(s) = 2s$, $\nabla_{a_2}J = f(a_2)-y$"}
    (found,) = ask("q1.2", r"$\nabla_{b_2}J = f(a_2)-y$", earlier).judgements
    assert "f may be defined as another function" in found.remarks


def test_a_formula_that_the_student_replaces_is_not_right_because_another_answer_stands_there(ps4: Assignment) -> None:
    text = r"$\nabla_{a_2}J = \hat y - y$, $\nabla_{b_2}J = \hat y - y$. Corrected: $\nabla_{a_2}J = y$"
    written = with_answers_elsewhere(ps4.known_questions, WrittenAnswers({"q1.1": (text, (1,))}, {}, {}))
    texts = {id: text for id, (text, _) in written.found.items()}
    assert opinions(ps4.known_questions, texts, elsewhere=written.elsewhere)["q1.1"].shelf is Shelf.RIGHT_NOT_LAST


@pytest.mark.parametrize("answer", ["db2 = yhat - y" + " . y" * 4_000, "db2 = yhat - y" + " ." * 9_000])
def test_many_dots_are_read_in_one_pass(ask: Ask, answer: str) -> None:
    begun = time.process_time()
    ask("q1.2", answer[:3_000])
    short = time.process_time()
    ask("q1.2", answer)
    assert time.process_time() - short < 40 * (short - begun)  # quadratic time takes 70 times as long


@pytest.mark.parametrize("answer", ["ifyf(…", r"$\nabla_{a_2}J = \operatorname{act}(\ldots)$"])
def test_dots_alone_as_an_argument_are_unread(ask: Ask, answer: str) -> None:
    (found,) = ask("q1.1", answer).judgements
    assert "Internal error" not in found.words


BOTH_RULES = r"""| L2 | $\theta_{t+1} = \theta_t - \eta (g_t + 2 \lambda \theta_t)$ |
| L1 | $\theta_{t+1} = \theta_t - \eta (g_t + \lambda \operatorname{sign}(\theta_t))$ |"""


def test_of_two_rules_in_one_text_the_first_is_right_but_not_last(ps4: Assignment) -> None:
    written = WrittenAnswers({"q3.1": (BOTH_RULES, (1,))}, {}, {})
    found = with_answers_elsewhere(ps4.known_questions, written)
    texts = {id: text for id, (text, _) in found.found.items()}
    both = opinions(ps4.known_questions, texts, elsewhere=found.elsewhere)
    shelves = {id: opinion.shelf for id, opinion in both.items()}
    assert shelves == {"q3.1": Shelf.RIGHT_NOT_LAST, "q3.2": Shelf.RIGHT_WITH_REMARKS}
    assert not any(opinion.is_proven for opinion in both.values())
