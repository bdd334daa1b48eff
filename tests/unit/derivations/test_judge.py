"""Answers as students write them: every formula is evaluated, and words decide nothing."""

from __future__ import annotations

import re

import numpy as np
import pytest

from grader.assignments.catalogue import Assignment
from grader.authoring import certify_derivations
from grader.derivations.opinions import opinions
from grader.model import Comparison, FalseEquality, Opinion, Points, Shelf
from tests.unit.derivations.conftest import Ask

G = r"\nabla_{a^{(2)}}J"


@pytest.mark.long
@pytest.mark.parametrize("name", certify_derivations.SETS)
def test_the_kept_answers_are_read_as_people_read_them(ps4: Assignment, name: str) -> None:
    found = certify_derivations.figures(certify_derivations.read_all(certify_derivations.collection(ps4, name), ps4))
    assert (found.wrong_but_automatic, found.right_but_different) == (0, 0)
    assert found.share >= certify_derivations.ENOUGH
    assert found.wrong_with_value >= 0.93 * (found.wrong - found.wrong_but_recognised)


# ── values and their names ───────────────────────────────────────────────────────────────────────────


def test_a_counter_example_has_numbers_that_anybody_can_check(ask: Ask) -> None:
    (found,) = ask("q1.1", rf"${G} = y - \hat y$").judgements
    assert (found.comparison, found.shelf, found.points) == (Comparison.DIFFERS, Shelf.OTHER_VALUE, None)
    assert found.mistake == "It is what is asked with the opposite sign."
    given, true = (float(number) for number in re.findall(r"-?\d+\.\d+", found.evidence)[-2:])
    assert np.isclose(given, -true)


@pytest.mark.parametrize(
    ("question", "formula", "mistake"),
    [
        ("q1.1", rf"{G} = \hat y(\hat y - y)", "It is what is asked times h⁽²⁾."),
        ("q1.1", rf"{G} = \frac{{\hat y - y}}{{\hat y(1-\hat y)}}", "It is ∂J/∂h⁽²⁾."),
        ("q1.4", r"\nabla_{h^{(1)}}J = W^{(2)}(\hat y - y) x", "The shapes do not fit: 1×3 times 2×1."),
        ("q3.1", r"\theta_{t+1} = \theta_t - \eta g_t", "It is the rule without the penalty."),
    ],
)  # fmt: skip
def test_another_value_is_named(ask: Ask, question: str, formula: str, mistake: str) -> None:
    (found,) = ask(question, f"${formula}$").judgements
    assert (found.shelf, found.mistake) == (Shelf.OTHER_VALUE, mistake)


def test_question_five_has_two_answers_of_two_and_a_half_points(ask: Ask) -> None:
    b1 = r"$\nabla_{b^{(1)}}J = W^{(2)T}(\hat y - y) \odot h^{(1)} \odot (1 - h^{(1)})$"
    opinion = ask("q1.5", b1)
    assert [(j.shelf, j.points) for j in opinion.judgements] == [(Shelf.RIGHT, Points(5, 2)), (Shelf.UNREAD, None)]
    assert (opinion.points, opinion.shelf) == (None, Shelf.UNREAD)
    assert ask("q1.5", rf"{b1} $\nabla_{{W^{{(1)}}}}J = \nabla_{{b^{{(1)}}}}J \, x^T$").points == 5


def test_a_right_value_that_is_not_last_has_its_own_shelf(ask: Ask) -> None:
    (found,) = ask("q1.1", rf"${G} = \hat y - y = y - \hat y$").judgements
    assert (found.shelf, found.points) == (Shelf.RIGHT_NOT_LAST, None)
    assert found.equalities == (FalseEquality(1, r"\hat y - y", r"y - \hat y"),)


def test_what_is_not_simplified_is_right_with_a_remark(ask: Ask) -> None:
    (found,) = ask("q1.1", rf"${G} = \hat y(1-y) - y(1-\hat y)$").judgements
    assert (found.comparison, found.points, found.shelf) == (
        Comparison.UNSIMPLIFIED, 5, Shelf.RIGHT_WITH_REMARKS
    )  # fmt: skip
    assert found.remarks == ("it can be written shorter",)


# ── names ────────────────────────────────────────────────────────────────────────────────────────────


def test_names_may_come_from_an_earlier_answer(ask: Ask) -> None:
    (found,) = ask("q1.3", "$g h^{(1)T}$", {"q1.1": r"$g = \hat y - y$"}).judgements
    assert (found.comparison, found.remarks) == (Comparison.UNSIMPLIFIED, ("g taken from an earlier answer",))


def test_what_follows_from_an_earlier_mistake_is_told_so(ask: Ask) -> None:
    (found,) = ask("q1.2", r"$\nabla_{b^{(2)}}J = g$", {"q1.1": rf"$g = {G} = y - \hat y$"}).judgements
    assert (found.shelf, found.mistake) == (
        Shelf.OTHER_VALUE, "It is right but for what it takes from an earlier answer."
    )  # fmt: skip


# ── ways of writing ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "written",
    [
        rf"$$\boxed{{{G} = \hat y - y}}$$",
        "dJ/da2 = yhat - y",
        "```python\ndz2 = y_hat - y  # error\n```",
        rf"$$\begin{{align}}{G} &= \hat y (1-y) - y(1-\hat y) && \text{{(insert)}} \\ &= \hat y - y\end{{align}}$$",
        r"$\hat y - y$",
    ],
)
def test_a_way_of_writing_is_read(ask: Ask, written: str) -> None:
    assert ask("q1.1", written).shelf in (Shelf.RIGHT, Shelf.RIGHT_WITH_REMARKS)


def test_nothing_is_skipped_silently(ask: Ask) -> None:
    said = f"~~$y$~~\n${G} = \\hat y - y \\text{{ as shown}}$\n\n$\\int x$"
    (found,) = ask("q1.1", said).judgements
    assert [(s.line, s.text) for s in found.skipped] == [(1, "~~$y$~~"), (2, "as shown"), (4, r"\int x")]
    assert "a part is struck out" in found.remarks


# ── groups ───────────────────────────────────────────────────────────────────────────────────────────


def group(opinion: Opinion) -> tuple[Shelf, str]:
    return opinion.shelf, opinion.group


def test_answers_of_one_value_are_one_group(ask: Ask) -> None:
    same = {group(ask("q1.1", text)) for text in (rf"${G} = \hat y - y$", "dJ/da2 = h2 - y", r"$-(y - \hat y)$")}
    assert len(same) == 1
    assert group(ask("q1.1", rf"${G} = y - \hat y$")) not in same


def test_unread_answers_are_grouped_by_their_text(ask: Ask) -> None:
    assert group(ask("q1.1", "see  my\nnotes")) == group(ask("q1.1", "see my notes")) != group(ask("q1.1", "no idea"))


def test_groups_are_the_same_in_every_run(ask: Ask) -> None:
    assert ask("q1.1", rf"${G} = y - \hat y$").group == "6dcdc50a7cb7"


# ── bounds ───────────────────────────────────────────────────────────────────────────────────────────


def test_definitions_that_grow_without_end_are_left_unread(ask: Ask) -> None:
    doubling = r" \\ ".join(rf"p_{{{n + 1}}} = p_{{{n}}} p_{{{n}}} + p_{{{n}}} p_{{{n}}}" for n in range(60))
    said = rf"$p_{{0}} = y \\ {doubling} \\ {G} = p_{{60}}$"
    assert ask("q1.1", said).judgements[0].comparison is Comparison.UNREAD


def test_an_answer_that_is_too_long_is_left_unread(ask: Ask) -> None:
    assert ask("q1.1", rf"${G} = {'y + ' * 8_000} y$").shelf is Shelf.UNREAD


def test_a_question_in_words_has_no_opinion(ps4: Assignment) -> None:
    assert opinions(ps4.known_questions, {"q1.6": "It takes quadratic time."}) == {}


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (
            "q3.1",
            r"$\frac{\partial L}{\partial\theta} = \frac{\partial L}{\partial\theta} + 2\lambda\theta$, "
            r"$\theta_{t+1} = \theta_t - \eta\frac{\partial L}{\partial\theta}$",
        ),
        ("q1.2", r"$\hat y = W^{(2)}h^{(1)} + b^{(2)}$, $\nabla_{b^{(2)}}J = \hat y - y$"),
        ("q1.5", r"$f'(a^{(1)}) = 1 - h^{(1)}$, $\nabla_{b^{(1)}}J = W^{(2)T}(\hat y - y) \odot f'(a^{(1)})$"),
    ],
)
def test_what_the_question_gives_cannot_be_redefined(ask: Ask, question: str, answer: str) -> None:
    assert ask(question, answer).judgements[0].points is None


def test_a_vector_of_the_question_may_be_written_out(ask: Ask) -> None:
    said = r"$\nabla_{W^{(2)}}J = (\hat y - y) H^{1T}$ where $H^1 = [h_1, h_2, \dots, h_n]$"
    assert ask("q1.3", said).judgements[0].points == 5


@pytest.mark.parametrize("name", [r"\delta", "e", r"\delta^{(2)}", "g", r"\mathrm{err}"])
def test_a_chain_may_end_in_the_students_own_name(ask: Ask, name: str) -> None:
    assert ask("q1.1", rf"$\nabla_{{a^{{(2)}}}}J = \hat y - y = {name}$").judgements[0].points == 5


@pytest.mark.parametrize(("first", "points"), [(r"$\hat y - y$", 5), (r"$y - \hat y$", None)])
@pytest.mark.parametrize(
    "second",
    [
        "The same as in Q1.1.",
        "wie Q1.1",
        r"$\nabla_{b^{(2)}}J = \nabla_{a^{(2)}}J$, as in Q1.1",
        r"$\frac{\partial a_2}{\partial b_2} = 1$, see 1.1",
    ],
)
def test_a_reference_means_the_formula_that_was_judged_there_and_is_never_proven(
    ask: Ask, first: str, points: int | None, second: str
) -> None:
    opinion = ask("q1.2", second, {"q1.1": first})
    assert (opinion.judgements[0].points, opinion.is_proven) == (points, False)


@pytest.mark.parametrize(
    "other",
    ["Q1.1 times $h$", "Q1.1 * h1^T", "-(Q1.1)", "2 * Q1.1", "1.1 times", "Q1.1 or Q1.3", "The same.",
     "It is 0.1.1 or 21.1", "so 0.5 times 1.1"],
)  # fmt: skip
def test_an_answer_that_does_more_than_refer_is_left_unread(ask: Ask, other: str) -> None:
    earlier = {"q1.1": r"$\hat y - y$", "q1.3": r"$\nabla_{W_2}J = (\hat y - y)h_1^T$"}
    assert ask("q1.2", other, earlier).shelf is Shelf.UNREAD


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("q1.1", r"$\nabla_{a^{(2)}}J = y_p - y$"),
        (
            "q3.2",
            r"$\theta_{t+1} = \theta_t - \eta(g_t + \lambda)$ if $\theta_t > 0$, "
            r"$\theta_{t+1} = \theta_t - \eta(g_t - \lambda)$ if $\theta_t < 0$",
        ),
        ("q1.4", r"$\delta\mathbf{h}^{(1)} = W_2^T (\hat{y} - y)$ Pass $\delta h$ on."),
        ("q1.3", r"$\nabla_{W^{(2)}} J = g , h^{(1)T} = (\hat{y} - y) , h^{(1)T}$"),
        (
            "q3.1",
            r"$\nabla J = \nabla J + 2\lambda\theta$, $\theta_{t+1} = \theta_t - \eta\nabla J - 2\eta\lambda\theta$",
        ),
    ],
)
def test_a_formula_that_may_be_meant_in_another_way_is_not_called_different(
    ask: Ask, question: str, answer: str
) -> None:
    assert ask(question, answer).shelf is Shelf.UNREAD
