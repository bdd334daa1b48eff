"""Whatever a student has typed is read without an error, and in time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.assignments.catalogue import Assignment
from grader.derivations.bounds import MAX_CHARACTERS
from grader.derivations.judge import judge
from grader.derivations.opinions import opinions

SPELLINGS = r"""
$ $$ \( \) \[ \] \begin{aligned} \end{aligned} \begin{cases} \end{cases} \frac \hat y ŷ h W a b x ^ _ { } ( ) [ ]
^{(1)} ^{(2)} ^T ^\top .T \odot \cdot \circ * / + - = \leftarrow & \\ , . \text{if} \text{sign} \sigma f ' \partial
\nabla J L 1 2 0.5 e^ \exp \ln | \| \left( \right) \left\{ \right. <b> </s> ` ``` ~~ ⁽¹⁾ ᵀ σ λ θ ⊙ \theta_t
\theta_{t+1} \lambda \eta g_t \underbrace % \% # diag np.dot \begin{bmatrix} \sqrt \sum \boxed \overset
"""
PIECES = st.sampled_from(SPELLINGS.split())
ANSWERS = st.lists(PIECES | st.text(max_size=4), max_size=60).map(" ".join)


@given(answer=ANSWERS)
@settings(max_examples=100, deadline=None)
def test_any_answer_gets_an_opinion(ps4: Assignment, answer: str) -> None:
    for question in (ps4.known_questions[0], ps4.known_questions[4], ps4.known_questions[6]):
        opinion = judge(question, answer).opinion
        assert len(opinion.judgements) == len(question.asked)


HOSTILE = {
    "braces": "$" + "{" * 9_000,
    "fractions": "$" + r"\frac{" * 3_000,
    "brackets": "$" + "(" * 9_000 + ")" * 9_000 + "$",
    "unclosed": "$" + "(y" * 1_000 + "$",
    "half a command": "\\left(" * 2_000 + "\\lef",
    "nested": "$" + "(" * 3_000 + "y" + ")" * 3_000 + "$",
    "dollars": "$" * 19_999,
    "tags": "<" * 19_999,
    "comments": "<!--" * 4_999,
    "hats": "$" + r"\hat" * 4_999 + "$",
    "struck": "~~" * 9_999,
    "ticks": "`" * 19_999,
    "equalities": "$" + "y = " * 4_000 + "y$",
    "lines": "x = 1\n" * 3_000,
    "statements": "$y = 1$ " * 2_400,
    "letters": "y" * 19_999,
    "scripts": "$y" + "_{a}" * 4_000 + "$",
    "sums": "$" + r"\sum_i x_i " * 1_500 + "$",
    "derivatives": "$" + r"\frac{\partial J}{\partial W^{(1)}} " * 500 + "$",
    "begins": r"\begin{aligned}" * 1_300,
    "long": "y" * (MAX_CHARACTERS + 1),
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
def test_hostile_answers_are_left_unread(ps4: Assignment, answer: str) -> None:
    (found,) = opinions(ps4.known_questions, {"q1.1": answer})["q1.1"].judgements
    assert found.points is None
    assert "Internal error" not in found.words
