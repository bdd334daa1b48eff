"""The reader never raises, always ends, and reads nothing that is not there."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.assignments.catalogue import Assignment
from grader.model import Comparison
from grader.written.bounds import MAX_CHARACTERS
from grader.written.chains import chains
from grader.written.judge import judge
from grader.written.notation import Notation
from grader.written.opinions import opinions
from grader.written.tree import Applied, Power, Product, Symbol, Transposed

SIGNS = Notation(
    powers=frozenset({"x", "y", "ŷ"}),
    functions={"f": "sigmoid", "σ": "sigmoid"},
    losses=frozenset({"J", "L"}),
    loss="J",
)

SPELLINGS = r"""
$ $$ \( \) \[ \] \begin{aligned} \end{aligned} \begin{cases} \end{cases} \frac \hat y ŷ h W a b x ^ _ { } ( ) [ ]
^{(1)} ^{(2)} ^T ^\top .T \odot \cdot \circ * / + - = \leftarrow & \\ , . \text{if} \text{sign} \sigma f ' \partial
\nabla J L 1 2 0.5 e^ \exp \ln | \| \left( \right) \left\{ \right. <b> </s> ` ``` ~~ ⁽¹⁾ ᵀ σ λ θ ⊙ \theta_t
\theta_{t+1} \lambda \eta g_t \underbrace % \% # diag np.dot \begin{bmatrix} \sqrt \sum \boxed \overset
"""
PIECES = st.sampled_from(SPELLINGS.split())
ANSWERS = st.lists(PIECES | st.text(max_size=4), max_size=60).map(" ".join)


@given(answer=ANSWERS)
@settings(max_examples=60)
def test_any_answer_gets_an_opinion(ps4: Assignment, answer: str) -> None:
    for question in (ps4.known_questions[0], ps4.known_questions[4], ps4.known_questions[6]):
        opinion, _ = judge(question, answer)
        assert len(opinion.judgements) == len(question.asked)


@given(text=st.text(max_size=200))
@settings(max_examples=50)
def test_any_text_gets_an_opinion(ps4: Assignment, text: str) -> None:
    assert judge(ps4.known_questions[0], text)[0].judgements


HOSTILE = {
    "braces": "$" + "{" * 9_000,
    "fractions": "$" + r"\frac{" * 3_000,
    "brackets": "$" + "(" * 9_000 + ")" * 9_000 + "$",
    "nested": "$" + "(" * 3_000 + "y" + ")" * 3_000 + "$",
    "dollars": "$" * 19_999,
    "tags": "<" * 19_999,
    "comments": "<!--" * 4_999,
    "hats": "$" + r"\hat" * 4_999 + "$",
    "scripts": "$y" + "^y" * 9_000 + "$",
    "underlines": "$a" + "_{a" * 6_000 + "$",
    "equals": "$" + "=" * 19_000 + "$",
    "lines": "$" + r"y \\ " * 3_900 + "$",
    "sums": "$" + "y+" * 9_000 + "y$",
    "products": "$" + r"W^{(2)} h^{(1)} \odot " * 900 + "y$",
    "powers": "$" + "2^{" * 4_000 + "2" + "}" * 4_000 + "$",
    "environments": r"\begin{align}" * 1_500,
    "huge numbers": "$" + "9" * 19_000 + "$",
    "exponentials": "$" + "e^{" * 30 + "99" + "}" * 30 + "$",
    "bars": "$" + "|" * 19_000 + "$",
    "words": "q " * 9_999,
    "backslashes": "\\" * 19_999,
    "commands": "$" + r"\mathbf{" * 2_000 + "y" + "}" * 2_000 + "$",
    "boxes": "$" + r"\boxed{" * 2_000 + "y" + "}" * 2_000 + "$",
    "numbers": "$" + "1." * 9_000 + "$",
    "points": "$1.23.4 y^{1.23.4}$",
    "odd digits": "$" + "⓵٣௧𝟙" * 4_000 + "$",
    "calls": "$" + "np.dot " * 2_500 + "$",
    "cases": "$" + r"\begin{cases} y & y > 0 \\" * 700 + "$",
    "combining": "y" + "\u0302" * 19_000,
    "superscripts": "ᵀ" * 19_000,
}


NAMED = r"$\nabla_{b^{(1)}} J = W^{(2)T}(\hat y - y) \odot h^{(1)} \odot (1 - h^{(1)})$"
BESIDE = {
    "spaces": NAMED + " " * 19_000 + "x",
    "blank lines": NAMED + "\t \n" * 6_000 + "x",
    "mentions": NAMED + "$a$ is " * 2_500,
    "verbs": NAMED + "\n\n" + "the student normal let a " * 700,
    "sizes": NAMED + "\n\n" + "(1 x H) times " * 1_300,
    "that is": NAMED + " i.e. " * 3_000 + "we get",
    "sums in sums": r"$\nabla_{b^{(1)}} J = " + r"\sum_j h^{(1)}_j " * 12 + "$",
    "colons": "answer" + ":" * 19_000 + NAMED,
    "stops": "A. " * 6_300 + NAMED,
    "so": NAMED + ". " + "So. " * 2_300 + " $x$ so" + " we get" * 1_400,
    "places": (NAMED + "\n\n") * 80 + "$J = 5$",
    "one bracket": NAMED + " (" + "x" * 19_000,
    "one word": r"$\text{" + "a" * 19_000 + "}$" + NAMED,
    "emphasis": " *a" * 6_300 + NAMED,
}
"""Words and formulas beside a right one, which are looked at because of it."""


def cpu_seconds(ps4: Assignment, answer: str) -> float:
    before = time.process_time()
    judge(ps4.known_questions[4], answer)
    return time.process_time() - before


@pytest.fixture(scope="module")
def ordinary(ps4: Assignment) -> float:
    """CPU seconds that an honest answer takes here and now, once everything is loaded."""
    answer = (ps4.folder / "answers" / "tuned" / "q1.5_fifth_a.md").read_text("utf-8")
    return min(cpu_seconds(ps4, answer) for _ in range(4))


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_answers_end_at_once_and_are_not_read(ps4: Assignment, ordinary: float, kind: str) -> None:
    answer = HOSTILE[kind]
    assert cpu_seconds(ps4, answer) < 50 * ordinary  # 14 at most when nothing else runs
    opinion, _ = judge(ps4.known_questions[4], answer)
    assert not any(j.comparison.is_proven for j in opinion.judgements)


@pytest.mark.parametrize("kind", BESIDE)
def test_what_is_hostile_beside_a_right_formula_ends_at_once(ps4: Assignment, ordinary: float, kind: str) -> None:
    assert cpu_seconds(ps4, BESIDE[kind]) < 50 * ordinary


def test_an_answer_that_is_too_long_is_left_to_a_person(ps4: Assignment) -> None:
    answer = r"$\hat y - y$" + " " * MAX_CHARACTERS
    assert opinions(ps4.known_questions, {"q1.1": answer})["q1.1"].judgements[0].comparison is Comparison.UNREAD


def formula(maths: str) -> object:
    (chain,) = chains(f"${maths}$", SIGNS).chains
    return chain.members[-1].formula


@pytest.mark.parametrize(
    "layer",
    ["h^{(1)}", "h^{1}", "h^1", "h^{[1]}", "h_1", "h_{(1)}", "h1", "{h}^{(1)}", r"\mathbf{h}^{(1)}", "h⁽¹⁾", "h₁"],
)  # fmt: skip
def test_a_layer_is_written_in_many_ways(layer: str) -> None:
    found = formula(layer)
    assert isinstance(found, Symbol)
    assert found.name == "h1"


@pytest.mark.parametrize(
    "transposed",
    [
        "h^{(1)T}", r"(h^{(1)})^\top", r"{h^{(1)}}^{\intercal}", "h^{(1)}.T", "h⁽¹⁾ᵀ", "h_1^T", "h^T_1", "h1.T",
        r"h^{(1)^T}", r"h^{(1)\mathsf{T}}", r"\left(h^{(1)}\right)^{\text{T}}", "h^{T(1)}",
    ],
)  # fmt: skip
def test_a_transpose_is_written_in_many_ways(transposed: str) -> None:
    found = formula(transposed)
    assert isinstance(found, Transposed)
    assert isinstance(found.of, Symbol)
    assert found.of.name == "h1"


def test_a_number_above_a_layered_name_is_its_layer_and_above_a_bracket_a_power() -> None:
    layer, power, plain = formula("h^2"), formula("(h^2)^2"), formula("y^2")
    assert isinstance(layer, Symbol)
    assert isinstance(power, Power)
    assert isinstance(plain, Power)


@pytest.mark.parametrize("derivative", [
    r"\nabla_{W^{(2)}}J", r"\nabla_{W^{(2)}} L(\hat y, y)", r"\frac{\partial J}{\partial W^{(2)}}", r"\dfrac{dL}{dW_2}",
    r"\partial J / \partial W^{(2)}", "dW2", "dJ/dW2", r"\frac{\delta L}{\delta W^{(2)}}", r"\nabla_{W_2}", "∇W2 J",
])  # fmt: skip
def test_a_gradient_is_written_in_many_ways(derivative: str) -> None:
    found = formula(derivative)
    assert isinstance(found, Symbol)
    assert found.name == "∂J/∂W2"


def test_letters_run_together_with_a_function_are_taken_apart() -> None:
    found = formula(r"yln(\hat{y})")
    assert isinstance(found, Product)
    assert isinstance(found.rest[0][1], Applied)


UNCERTAIN = [r"\sigma(1 - \sigma)", "a/b c", r"\ln a b", "h^12", "(h)^{(1)}", "2_3", "y'", r"\tanh(y)"]


@pytest.mark.parametrize("unread", UNCERTAIN)
def test_what_is_not_certain_is_not_read(unread: str) -> None:
    assert formula(unread) is None


def test_a_chain_goes_on_over_lines_and_pieces() -> None:
    said = "$$a = b$$ then $$= c$$\n$d = e$ = $f(x)$"
    found = [len(c.members) for c in chains(said, SIGNS).chains]
    assert found == [3, 3]


def test_a_bug_of_ours_costs_no_grading(ps4: Assignment) -> None:
    """A question whose worlds lack a truth is a bug of the assignment's; the answer waits for a person all the same."""
    broken = replace(ps4.known_questions[0], worlds=(replace(ps4.known_questions[0].worlds[0], truths={}),))
    (found,) = opinions([broken], {"q1.1": r"$\hat y - y$"})["q1.1"].judgements
    assert found.comparison is Comparison.UNREAD
    assert found.words == "Our own failure while it was read (KeyError); a person has to."
