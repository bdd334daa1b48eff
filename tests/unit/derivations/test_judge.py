"""Answers as students write them: what is right is proven, what is wrong never is, and what is unclear is left open."""

from __future__ import annotations

import re

import numpy as np
import pytest
from grader.written.opinions import opinions
from tests.unit.written.conftest import Ask

from grader.assignments.catalogue import Assignment
from grader.authoring import certify_derivations as certify_written
from grader.model import Comparison, Points

EQUAL, TRANSPOSED, UNSIMPLIFIED = Comparison.EQUAL, Comparison.TRANSPOSED, Comparison.UNSIMPLIFIED
DIFFERS, UNREAD = Comparison.DIFFERS, Comparison.UNREAD


@pytest.mark.parametrize("name", certify_written.SETS)
def test_no_wrong_answer_is_proven_and_most_right_ones_are(ps4: Assignment, name: str) -> None:
    rows = certify_written.read_all(certify_written.collection(ps4, name), ps4)
    assert [row.answer.name for row in rows if row.wrong_but_proven] == []
    assert certify_written.figures(rows).share >= certify_written.ENOUGH


def test_a_counter_example_has_numbers_that_anybody_can_check(ask: Ask) -> None:
    (found,) = ask("q1.1", r"$\nabla_{a^{(2)}}J = y - \hat y$").judgements
    assert (found.comparison, found.points) == (DIFFERS, None)
    assert found.words == "It is the true one with the opposite sign."
    values = [float(number) for number in re.findall(r"-?\d+\.?\d*", found.evidence.replace("h⁽¹⁾", "h"))]
    label, output = values[4:6]
    assert np.allclose(values[:2], [label - output, output - label], atol=2e-3)


def test_a_missing_factor_is_named(ask: Ask) -> None:
    assert (
        ask("q1.3", r"$\nabla_{W^{(2)}}J = 2(\hat y - y)h^{(1)T}$").judgements[0].words == "It is 2 times the true one."
    )


def test_question_five_has_two_answers_of_two_and_a_half_points(ask: Ask) -> None:
    b1 = r"$\nabla_{b^{(1)}}J = W^{(2)T}(\hat y - y) \odot h^{(1)} \odot (1 - h^{(1)})$"
    opinion = ask("q1.5", b1)
    assert [(j.comparison, j.points) for j in opinion.judgements] == [(EQUAL, Points(5, 2)), (UNREAD, None)]
    assert opinion.points is None
    assert ask("q1.5", rf"{b1} $\nabla_{{W^{{(1)}}}}J = \nabla_{{b^{{(1)}}}}J \, x^T$").points == 5


def test_what_is_not_simplified_is_suggested_full_points_with_a_remark(ask: Ask) -> None:
    (found,) = ask("q1.1", r"$\nabla_{a^{(2)}}J = \hat y(1-y) - y(1-\hat y)$").judgements
    assert (found.comparison, found.points) == (UNSIMPLIFIED, 5)
    assert "written shorter" in found.remarks[0]


def test_update_rules_need_not_be_simplified(ask: Ask) -> None:
    longer = r"$\theta_{t+1} = \theta_t - \eta g_t - \frac{4\eta\lambda}{2}\theta_t$"
    assert ask("q3.1", longer).judgements[0].comparison is EQUAL


def test_names_may_come_from_an_earlier_answer(ask: Ask) -> None:
    (found,) = ask("q1.3", "$g h^{(1)T}$", {"q1.1": r"$g = \hat y - y$"}).judgements
    assert found.comparison is UNSIMPLIFIED
    assert found.remarks[0].startswith("g taken from an earlier answer")


def test_the_handouts_scheme_alone_proves_nothing(ask: Ask) -> None:
    assert ask("q1.1", r"$\nabla_{a^{(2)}}J = g \odot f'(a^{(2)})$").judgements[0].comparison is UNREAD


def test_a_name_given_another_meaning_is_noticed(ask: Ask) -> None:
    """With a⁽²⁾ for the output, a⁽²⁾ − y is another notation; only a person may accept it."""
    said = r"$a^{(2)} = \sigma(z^{(2)})$, so $\nabla_{a^{(2)}}J = a^{(2)} - y$"
    assert not ask("q1.1", said).is_proven


def test_what_follows_from_an_earlier_mistake_is_told_so(ask: Ask) -> None:
    (found,) = ask("q1.2", r"$\nabla_{b^{(2)}}J = g$", {"q1.1": r"$g = \nabla_{a^{(2)}}J = y - \hat y$"}).judgements
    assert (found.comparison, found.remarks) == (DIFFERS, ("right, but for what it takes from an earlier answer",))


@pytest.mark.parametrize(
    "doubtful",
    [
        r"$\nabla_{a^{(2)}}J = \hat y - y$ h1",
        r"$\nabla_{a^{(2)}}J$ is not $\hat y - y$",
        r"~~$\nabla_{a^{(2)}}J = \hat y - y$~~",
        r"<del>$\nabla_{a^{(2)}}J = \hat y - y$</del>",
        r"$\nabla_{a^{(2)}}J = \hat y - y$ if $y = 1$",
        r"$\nabla_{a^{(2)}}J \approx \hat y - y$",
        r"$\nabla_{a^{(2)}}J = \hat y - y$, I guess",
        r"$\nabla_{a^{(2)}}J = \hat y - y = y - \hat y$",
        r"$\nabla_{a^{(2)}}J = y - \hat y$ and later $\nabla_{a^{(2)}}J = \hat y - y$",
        r"$\nabla_{a^{(2)}}J = \hat y - y$ times $h^{(1)}$",
        r"$\nabla_{a^{(2)}}J = \hat y_i - y_i$",
        r"$\nabla_{a^{(2)}}J = \hat y - y + \epsilon$",
        r"$\nabla_{a^{(2)}}J = (\hat y - y$",
        r"$\nabla_{a^{(2)}}J = \hat y - y",
        "",
        "see my notes",
    ],
)
def test_what_is_doubtful_is_never_proven(ask: Ask, doubtful: str) -> None:
    assert ask("q1.1", doubtful).judgements[0].comparison is UNREAD


@pytest.mark.parametrize(
    "written",
    [
        r"\theta_t - \eta/2 (g_t + \lambda \theta_t)",  # a / b c
        r"\theta_t - \eta (g_t + \lambda \,\text{sign} \theta_t g_t)",
        r"\theta_t - \eta \sum_i (g_t + \lambda \text{sign}(\theta_t))",
        r"\theta_t - \eta (g_t + \lambda \begin{bmatrix} 1 \\ 1 \end{bmatrix})",
    ],
)
def test_grammar_that_allows_two_readings_is_not_read(ask: Ask, written: str) -> None:
    assert ask("q3.2", rf"$\theta_{{t+1}} = {written}$").judgements[0].comparison is UNREAD


def test_groupings_that_differ_are_not_read(ask: Ask) -> None:
    """(W2ᵀ W2 ⊙ …) can be grouped in two ways with different values."""
    said = r"$\nabla_{h^{(1)}}J = W^{(2)T} W^{(2)} \odot W^{(2)} W^{(2)T} (\hat y - y)$"
    assert ask("q1.4", said).judgements[0].comparison in (UNREAD, DIFFERS)


def test_shapes_that_do_not_fit_are_said(ask: Ask) -> None:
    said = r"$\nabla_{W^{(1)}}J = (W^{(2)T}(\hat y - y) \odot h^{(1)} \odot (1-h^{(1)})) \odot x$"
    found = ask("q1.5", said).judgements[1]
    assert found.comparison is DIFFERS
    assert found.words == "The shapes do not fit: 3×1 ⊙ 2×1."


def test_definitions_that_grow_without_end_are_left_unread(ask: Ask) -> None:
    doubling = r" \\ ".join(rf"p_{{{n + 1}}} = p_{{{n}}} p_{{{n}}} + p_{{{n}}} p_{{{n}}}" for n in range(60))
    said = rf"$p_{{0}} = y \\ {doubling} \\ \nabla_{{a^{{(2)}}}}J = p_{{60}}$"
    assert ask("q1.1", said).judgements[0].comparison is UNREAD


def test_the_reader_is_told_that_quadratic_is_not_exponential(ask: Ask) -> None:
    (found,) = ask("q1.6", "We recompute all values at every step. The cost will increase exponentially.").judgements
    assert (found.comparison, found.points) == (UNREAD, None)
    assert "quadratic in depth" in found.remarks[0]


def test_an_answer_in_words_with_nothing_to_notice_has_no_opinion(ps4: Assignment) -> None:
    assert opinions(ps4.known_questions, {"q1.6": "It takes quadratic time."}) == {}


def test_an_update_that_is_not_said_everywhere_is_not_read(ask: Ask) -> None:
    said = r"$\theta_{t+1} = \begin{cases} \theta_t - \eta(g_t + \lambda) & \theta_t > 0 \end{cases}$"
    assert ask("q3.2", said).judgements[0].comparison is UNREAD
