"""Names that students define themselves, notes on sizes, and words that may be functions."""

from __future__ import annotations

import pytest

from grader.model import Shelf
from tests.unit.derivations.conftest import Ask

W2 = r"\nabla_{W^{(2)}}J"
RIGHT = (Shelf.RIGHT, Shelf.RIGHT_WITH_REMARKS)


@pytest.mark.parametrize(
    "answer",
    [
        "err = yhat - y\ndW2 = err * h1^T",
        rf"$\text{{err}} = \hat y - y$, ${W2} = \text{{err}}\, h^{{(1)T}}$",
        "```\ndiff = y_hat - y\ndW2 = diff @ h1.T\n```",
    ],
)
def test_a_word_that_is_defined_and_used_is_a_name(ask: Ask, answer: str) -> None:
    found = ask("q1.3", answer)
    assert found.shelf is Shelf.RIGHT
    assert not found.is_proven


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


def test_a_factor_is_not_a_note_on_a_size(ask: Ask) -> None:
    assert ask("q1.3", r"$\nabla_{W^{(2)}}J = (\hat y - y) h^{(1)T} (2 \cdot y)$").shelf is Shelf.OTHER_VALUE
    assert ask("q3.1", r"$\theta_{t+1} = \theta_t - \eta g_t - \eta\theta_t (2\cdot\lambda)$").shelf is Shelf.RIGHT


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


def test_an_answer_that_is_one_number_has_its_value(ask: Ask) -> None:
    assert ask("q1.2", "$1$").shelf is Shelf.OTHER_VALUE


def test_formulas_that_words_join_are_not_judged_alone(ask: Ask) -> None:
    (found,) = ask("q1.4", r"$W^{(2)T}$ times $(\hat y - y)$").judgements
    assert (found.shelf, found.words) == (Shelf.UNREAD, "Unread: “times” may belong to the formula.")
    assert ask("q1.4", r"As $W^{(2)}$ is a row: $W^{(2)T}(\hat y - y)$").shelf in RIGHT


@pytest.mark.parametrize("behind", ["", ".\n\nThat is all"])
def test_a_known_letter_at_the_end_is_a_factor(ask: Ask, behind: str) -> None:
    assert ask("q1.3", f"dJ/dW2 = (yhat - y) * h1^T y{behind}").shelf is Shelf.OTHER_VALUE
