"""What stands around a formula: where words are let pass, what may stay unread, and what takes a formula back."""

from __future__ import annotations

import pytest

from grader.model import Comparison
from grader.written.general import at_each_layer
from grader.written.notation import Notation
from grader.written.sentences import sentences
from grader.written.tree import Symbol
from grader.written.typed import equalities
from tests.unit.written.conftest import Ask

A = r"$\nabla_{a^{(2)}}J = \hat y - y$"
L2 = r"$\theta_{t+1} = \theta_t - \eta(g_t + 2\lambda\theta_t)$"
L1 = r"$\theta_{t+1} = \theta_t - \eta(g_t + \lambda\,\mathrm{sign}(\theta_t))$"
B1 = r"\nabla_{b^{(1)}}J = W^{(2)T}(\hat y - y)\odot h^{(1)}\odot(1-h^{(1)})"
W1 = r"\nabla_{W^{(1)}}J = \nabla_{b^{(1)}}J\,x^T"


def proven(ask: Ask, question: str, answer: str) -> bool:
    return all(j.comparison is Comparison.EQUAL for j in ask(question, answer).judgements)


@pytest.mark.parametrize("answer", [
    f"Brilliantly, the sigmoid's denominator evaporates when we squeeze everything through it. {A}",
    f"{A}\n\nThis makes sense to me: a confident blunder gets punished harder.",
    f"The bias doesn't matter here, and nothing else is needed so far. Multiplying the two, we get\n\n{A}",
    f"## Step 1\nwhatever one may call this zigzag\n\n## Step 2\n{A}",
])  # fmt: skip
def test_words_of_other_sentences_may_be_any(ask: Ask, answer: str) -> None:
    assert proven(ask, "q1.1", answer)


@pytest.mark.parametrize("answer", [
    f"{A} squeezed",  # in its own sentence, behind it
    f"{A}\n\nThis is wrong.",
    f"{A}\n\nActually, no.",
    f"{A}\n\nThen multiply it by the slope.",
    f"{A}\n\nThis only holds for the first example.",
    f"It is not the case that {A}",
    f"Up to the sign, {A}",
    f"For a linear output unit, {A}",
    f"Here $\\hat y$ is the label and $y$ the prediction. {A}",
])  # fmt: skip
def test_words_that_take_it_back_or_go_on_with_it_are_found(ask: Ask, answer: str) -> None:
    assert not proven(ask, "q1.1", answer)


def test_what_cannot_be_read_elsewhere_may_stay_so_if_it_is_of_nothing_in_the_answer(ask: Ask) -> None:
    odd = r"\oint_\Gamma \psi"
    assert proven(ask, "q1.1", f"By the lemma, $\\Xi_3 = {odd}$. {A}")
    assert not proven(ask, "q1.1", rf"Note that $\hat y = {odd}$. {A}")
    assert not proven(ask, "q1.1", rf"Note that $\sigma(z) = {odd}$. {A}")


def test_what_can_be_read_elsewhere_must_be_true(ask: Ask) -> None:
    assert proven(ask, "q1.1", rf"We know $f'(z) = f(z)(1-f(z))$. {A}")
    assert not proven(ask, "q1.1", rf"We know $f'(z) = f(z)(1+f(z))$. {A}")


@pytest.mark.parametrize("behind", [
    r"So the gradient is $y - \hat y$.", r"Therefore $\boxed{(\hat y - y)\hat y(1-\hat y)}$",
    r"$\delta = 2(\hat y - y)$", "**Final answer: y − ŷ**",
])  # fmt: skip
def test_another_answer_behind_it_is_a_doubt(ask: Ask, behind: str) -> None:
    assert not proven(ask, "q1.1", f"{A}\n\n{behind}")


def test_a_step_that_is_mentioned_behind_it_is_none(ask: Ask) -> None:
    assert proven(ask, "q1.1", rf"{A}" + "\n\n" + r"The factor $\hat y(1-\hat y)$ has cancelled.")


def test_the_answer_may_come_before_its_derivation(ask: Ask) -> None:
    derivation = r"$\theta_{t+1} = \theta_t - \eta g_t - 2\eta\lambda\theta_t$ and then take out $\theta_t$."
    assert proven(ask, "q3.1", f"Answer: {L2}\n\nDerivation: {derivation}")


@pytest.mark.parametrize(("case", "is_true"), [
    (r"If $y = 1$, then $\nabla_{a^{(2)}}J = \hat y - 1$.", True),
    (r"If $y = 1$, then $\nabla_{a^{(2)}}J = 1 - \hat y$.", False),
    (r"For example with $y = 1$ and $\hat y = 0.8$ it is small.", True),
])  # fmt: skip
def test_what_is_said_of_a_case_must_hold_there_and_is_no_definition(ask: Ask, case: str, is_true: bool) -> None:
    assert proven(ask, "q1.1", f"{A}\n\n{case}") is is_true


def test_cases_of_a_sign_are_told_apart(ask: Ask) -> None:
    right = r"$|\theta_i| = \theta_i$ if $\theta_i > 0$ and $|\theta_i| = -\theta_i$ if $\theta_i < 0$."
    wrong = right.replace("> 0", "< 1").replace("< 0", "> 0").replace("< 1", "< 0")
    assert proven(ask, "q3.2", f"{right} So {L1}")
    assert not proven(ask, "q3.2", f"{wrong} So {L1}")


def test_an_answer_that_is_for_a_case_alone_is_none(ask: Ask) -> None:
    assert not proven(ask, "q1.1", rf"For $y = 1$ we have {A}")


def test_comments_behind_a_formula_are_not_part_of_it(ask: Ask) -> None:
    aligned = r"""\begin{align}
\nabla_{a^{(2)}} J &= \nabla_{\hat y}J \odot f'(a^{(2)}) && \text{(chain rule, obviously)} \\
&= \hat y - y && \text{(since } f(a^{(2)}) = \hat y \text{)}
\end{align}"""
    assert proven(ask, "q1.1", aligned)
    assert not proven(ask, "q1.1", aligned.replace("obviously", "which is wrong"))


def test_a_label_below_a_brace_is_a_claim(ask: Ask) -> None:
    braced = r"$\nabla_{a^{(2)}}J = \nabla_{\hat y}J\,\underbrace{f'(a^{(2)})}_{= \hat y(1 %s \hat y)} = \hat y - y$"
    assert proven(ask, "q1.1", braced % "-")
    assert not proven(ask, "q1.1", braced % "+")


def test_between_two_answers_of_one_question_words_lead_to_the_second(ask: Ask) -> None:
    answer = f"${B1}$\n\nFor the weights we multiply by the input, transposed:\n\n${W1}$"
    assert proven(ask, "q1.5", answer)
    assert not proven(ask, "q1.5", f"${W1}$\n\n${B1}$\n\nThen we multiply by the input, transposed.")


def test_the_loss_with_its_penalty_is_another_name(ask: Ask) -> None:
    told = r"Let $\tilde L(\theta) = L(\theta) + \lambda\|\theta\|_2^2$. Then $\nabla \tilde L(\theta_t) = g_t + %s$. "
    assert proven(ask, "q3.1", told % r"2\lambda\theta_t" + L2)
    assert not proven(ask, "q3.1", told % r"\lambda\theta_t" + L2)
    halved = r"We minimise $J(\theta) = L(\theta) + \frac{\lambda}{2}\|\theta\|_2^2$. "
    assert not proven(ask, "q3.1", halved + L2)


def test_an_update_in_place_is_an_assignment(ask: Ask) -> None:
    assert proven(ask, "q3.1", "```python\ntheta -= eta * (g + 2 * lam * theta)\n```")
    assert not proven(ask, "q3.1", "```python\ntheta -= eta * (g + lam * theta)\n```")


def test_plain_text_is_read_between_its_words(ask: Ask) -> None:
    typed = "let g = ŷ - y   (from 1.1)\n\nthen we multiply\n\n=> ∇_{h1} J = W2ᵀ g = W2ᵀ (ŷ - y)\n"
    assert proven(ask, "q1.4", typed)
    assert not proven(ask, "q1.4", typed.replace("let g = ŷ - y", "let g = y - ŷ"))


@pytest.mark.parametrize("answer", [
    f"{A} with $k = {'9' * 400}$.", f"$f1$, {A}", f"{A}. Summary: done.", f"{A}\n\nCorrectly, $y = -1$ is no label.",
])  # fmt: skip
def test_odd_remarks_are_no_failure_of_ours(ask: Ask, answer: str) -> None:
    assert "failure" not in ask("q1.1", answer).judgements[0].words


def test_a_number_before_a_full_stop_is_whole(ask: Ask) -> None:
    assert ask("q1.1", r"$0.5 \cdot 2 (\hat y - y).$").judgements[0].comparison.suggests_points


def test_bold_plain_text_is_read_too(ask: Ask) -> None:
    typed = "f'(a2) = ŷ(1-ŷ)\n\n∇a2 J = (ŷ-y)/(ŷ(1-ŷ)) * ŷ(1-ŷ) = ŷ - y"
    assert proven(ask, "q1.1", f"{typed}\n\n**∇a2 J = ŷ - y**")
    assert not proven(
        ask, "q1.1", f"{typed}\n\nand as ŷ is the output of node 2 this can be written as\n\n**∇a2 J = a2 - y**"
    )


def test_an_equality_is_looked_at_where_there_are_no_layers() -> None:
    signs = Notation(powers=frozenset(), functions={}, losses=frozenset({"L"}), loss="L")
    for name in ("total", "hk"):
        ((found,),) = at_each_layer([Symbol(name)], signs.layers, signs)
        assert isinstance(found, Symbol)
        assert found.name == name


# ── the parts ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("said", "found"), [
    ("By the rule (i.e. the chain rule) we get", ["By the rule (i.e. the chain rule) we get"]),
    ("It is 1. Then", ["It is 1.", " Then"]),
    ("which is 1, so", ["which is 1,", "so"]),
    (". ", [". ", ""]),
    (":\n\n", [":\n\n"]),
    ("a heading\n\n", ["a heading\n\n", ""]),
])  # fmt: skip
def test_sentences(said: str, found: list[str]) -> None:
    assert [sentence.strip(" ") for sentence in sentences(said)] == [sentence.strip(" ") for sentence in found]


@pytest.mark.parametrize(("text", "found"), [
    ("so f'(a2) = f(a2)(1 - f(a2)) by the rule", ["f'(a2) = f(a2)(1 - f(a2))"]),
    ("let g = ŷ - y, then k = 2.", ["g = ŷ - y", "k = 2"]),
    ("the rate = the step", []),
    ("x = 2 * (total)", []),
    ("if a == b", []),
])  # fmt: skip
def test_equalities_are_found_among_words(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in equalities(text)] == found
