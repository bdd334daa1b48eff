"""Names that students define themselves, notes on sizes, and words that may be functions."""

from __future__ import annotations

import pytest

from grader.model import Comparison, Shelf
from tests.unit.derivations.conftest import Ask

W2 = r"\nabla_{W^{(2)}}J"
RIGHT = (Shelf.RIGHT, Shelf.RIGHT_WITH_REMARKS)


@pytest.mark.parametrize(
    "answer",
    [
        "err = yhat - y\ndW2 = err * h1^T",
        "`delta_out = yhat - y` and `dW2 = delta_out * h1.T`",
        rf"$\text{{err}} = \hat y - y$, ${W2} = \text{{err}}\, h^{{(1)T}}$",
        rf"$\mathrm{{delta\_out}} = \hat y - y$, ${W2} = \mathrm{{delta\_out}}\, h^{{(1)T}}$",
        rf"$error = \hat y - y$, ${W2} = error \cdot h^{{(1)T}}$",
        "```\ndiff = y_hat - y\ndW2 = diff @ h1.T\n```",
    ],
)
def test_a_word_that_is_defined_and_used_is_a_name(ask: Ask, answer: str) -> None:
    found = ask("q1.3", answer)
    assert found.shelf is Shelf.RIGHT
    assert not found.is_proven


def test_a_word_that_an_earlier_answer_defines_is_a_name_too(ask: Ask) -> None:
    found = ask("q1.3", "dW2 = err * h1^T", {"q1.1": "err = yhat - y, dJ/da2 = err * 1"})
    assert found.shelf in RIGHT


def test_a_word_before_an_equality_that_nothing_uses_is_a_word(ask: Ask) -> None:
    assert ask("q1.3", r"The gradient = $(\hat y - y) h^{(1)T}$. A gradient is a row.").shelf is Shelf.RIGHT


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (rf"Let $e$ denote $\hat y - y$. Then ${W2} = e\, h^{{(1)T}}$", "e"),
        (rf"${W2} = (s - y) k^{{(1)T}}$", "k1, s"),
        (rf"${W2} = (\hat y - y) h^{{(3)T}}$", "h3"),
        (rf"$s = h^{{(2)}}(r)$, ${W2} = (s - y) h^{{(1)T}}$", "r"),
    ],
)
def test_a_name_that_no_equation_defines_leaves_its_formula_unread(ask: Ask, answer: str, name: str) -> None:
    assert ask("q1.3", answer).judgements[0].words == f"Unread: {name} is not defined."


def test_a_function_may_be_defined(ask: Ask) -> None:
    used = r"W^{(2)T}(\hat y - y) \odot \phi(a^{(1)}) \odot (1 - \phi(a^{(1)}))"
    answer = rf"Let $\phi(z) = \frac{{1}}{{1 + e^{{-z}}}}$. $\nabla_{{b^{{(1)}}}}J = {used}$"
    assert ask("q1.5", answer).judgements[0].shelf is Shelf.RIGHT
    assert ask("q1.5", answer.replace("{1 + e", "{2 + e")).judgements[0].shelf is Shelf.UNREAD


@pytest.mark.parametrize("size", [" (1×H)", ", shape (1,H)", " (1×H), as W2"])
def test_a_note_on_the_size_is_not_a_part_of_a_typed_formula(ask: Ask, size: str) -> None:
    assert ask("q1.3", f"dJ/dW2 = (yhat - y) h1^T {size}").shelf is Shelf.RIGHT
    assert ask("q1.3", f"dJ/dW2 = (yhat - y) (1×1) h1^T {size}").shelf is Shelf.RIGHT


def test_a_factor_is_not_a_note_on_a_size(ask: Ask) -> None:
    assert ask("q1.3", r"$\nabla_{W^{(2)}}J = (\hat y - y) h^{(1)T} (2 \cdot y)$").shelf is Shelf.OTHER_VALUE
    assert ask("q3.1", r"$\theta_{t+1} = \theta_t - \eta g_t - \eta\theta_t (2\cdot\lambda)$").shelf is Shelf.RIGHT


@pytest.mark.parametrize(
    ("formula", "word"),
    [
        (r"$\theta_{t+1} = \theta_t - \eta(g_t + \lambda\,\text{signo } \theta_t)$", "signo"),
        (r"$\theta_{t+1} = \theta_t - \eta g_t - \eta\lambda\,\text{signe}\, \theta_t$", r"\theta_t"),
        ("θ_{t+1} = θ_t − ηg_t − ηλ Vorzeichen θ_t", "Vorzeichen θ_t"),
    ],
)
def test_a_word_before_an_operand_may_be_a_function(ask: Ask, formula: str, word: str) -> None:
    (found,) = ask("q3.2", formula).judgements
    assert (found.comparison, found.words) == (Comparison.UNREAD, f"Unread: “{word}” may belong to the formula.")
    assert not found.equalities


def test_a_word_before_an_operand_takes_nothing_from_a_right_formula(ask: Ask) -> None:
    assert ask("q1.3", "dW2 = (yhat - y) * h1^T using ŷ").shelf in RIGHT


@pytest.mark.parametrize(
    "defined",
    [
        r"$\text{signo}(z) = \begin{cases} 1 & z > 0 \\ -1 & z < 0 \end{cases}$",
        r"$\operatorname{signo}(x) = x/|x|$",
    ],
)
def test_a_function_with_a_name_of_the_students_may_be_defined(ask: Ask, defined: str) -> None:
    rule = r"$$\theta_{t+1} = \theta_t - \eta\, g_t - \eta\,\lambda\,\text{signo}(\theta_t)$$"
    assert ask("q3.2", f"{rule}\n\n{defined}").shelf in RIGHT
    assert ask("q3.2", f"{rule}\n\n{defined.replace('|', '').replace('-1 &', '2 &')}").shelf not in RIGHT


def test_a_function_of_the_course_keeps_its_meaning(ask: Ask) -> None:
    said = r"$f(z) = \max(0, z)$, $\nabla_{a^{(2)}}J = f(a^{(2)}) - y$"
    (found,) = ask("q1.1", said).judgements
    assert found.shelf is Shelf.RIGHT_WITH_REMARKS
    assert found.equalities[0].right == r"\max(0, z)"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("q1.4", "```python\nda1 = W2.T @ dz2     # (H,1)\n    = W2.T @ (a2 - y)\n```"),
        ("q1.4", r"$(W^{(2)})^T(h^{(2)}-y)"),
        ("q1.2", r"$\hat y - y$"),
    ],
)
def test_a_right_answer_of_the_blind_set_is_recognised(ask: Ask, question: str, answer: str) -> None:
    assert ask(question, answer).shelf in RIGHT


def test_an_answer_that_is_one_number_has_its_value(ask: Ask) -> None:
    assert ask("q1.2", "$1$").shelf is Shelf.OTHER_VALUE


def test_powers_of_numpy_are_read(ask: Ask) -> None:
    code = "`dz1 = np.dot(W2.T, yhat - y) * (np.power(a1, 1) - np.square(a1))`, `db1 = dz1`, `z1 = W1 @ x + b1`"
    assert ask("q1.5", code).judgements[0].shelf in RIGHT


def test_two_letters_side_by_side_are_a_product(ask: Ask) -> None:
    assert ask("q1.3", rf"${W2} = \hat yh^{{(1)T}} - yh^{{(1)T}}$").shelf in RIGHT


def test_a_name_that_words_mention_is_no_answer(ask: Ask) -> None:
    said = r"The same as before, as $b^{(2)}$ is only added."
    assert ask("q1.2", said, {"q1.1": r"$\nabla_{a^{(2)}}J = \hat y - y$"}).shelf is Shelf.UNREAD


def test_formulas_that_words_join_are_not_judged_alone(ask: Ask) -> None:
    (found,) = ask("q1.4", r"$W^{(2)T}$ times $(\hat y - y)$").judgements
    assert (found.shelf, found.words) == (Shelf.UNREAD, "Unread: “times” may belong to the formula.")
    assert ask("q1.4", r"As $W^{(2)}$ is a row: $W^{(2)T}(\hat y - y)$").shelf in RIGHT


def test_an_upright_index_is_an_index(ask: Ask) -> None:
    rule = r"$\theta_{\text{new}} = \theta_{\text{old}} - \eta(g_t + 2\lambda\,\theta_{\mathrm{old}})$"
    assert ask("q3.1", rule).shelf is Shelf.RIGHT


def test_a_name_that_is_a_word_is_shown_whole(ask: Ask) -> None:
    (found,) = ask("q3.1", "step = lr*(g + 2*lam*theta)\ntheta = theta - step").judgements
    assert (found.shelf, found.formula.split()) == (Shelf.RIGHT, [r"\theta", "-", r"\mathrm{step}"])


@pytest.mark.parametrize("behind", ["", ".\n\nThat is all"])
def test_a_known_letter_at_the_end_is_a_factor(ask: Ask, behind: str) -> None:
    assert ask("q1.3", f"dJ/dW2 = (yhat - y) * h1^T y{behind}").shelf is Shelf.OTHER_VALUE


@pytest.mark.parametrize("sign", ["✓", "∎", "■", "😀", "❌", "// final"])
def test_signs_that_are_no_mathematics_end_a_formula(ask: Ask, sign: str) -> None:
    for formula in ("dJ/da2 = yhat - y", r"$\nabla_{a^{(2)}}J = \hat y - y$"):
        found = ask("q1.1", f"{formula} {sign}")
        assert found.shelf in RIGHT
        assert not found.is_proven or sign in "∎■"


def test_a_chain_rule_behind_a_bare_formula_does_not_replace_it(ask: Ask) -> None:
    said = "$(\\hat y-y)(h^{(1)})^T$\n\n(chain rule: $\\frac{dJ}{da}\\frac{da}{dW}$)"
    assert ask("q1.3", said).shelf in RIGHT
