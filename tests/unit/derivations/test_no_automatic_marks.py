"""Wrong answers that look right: none gets automatic marks, in whatever language it takes its formula back."""

from __future__ import annotations

import time
import timeit
from pathlib import Path

import pytest

from grader.assignments.catalogue import Assignment
from grader.derivations.opinions import opinions
from tests.unit.derivations.conftest import Ask

G = r"\nabla_{a^{(2)}}J"


def lines(name: str) -> list[list[str]]:
    """A question and an answer on each line; ↵ is a new line of the answer."""
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    return [line.replace(" ↵ ", "\n").split(" ", 1) for line in text.splitlines()]


WRONG = [*lines("wrong_answers.txt"), *lines("wrong_answers_in_other_languages.txt")]


@pytest.mark.parametrize(("question", "answer"), WRONG)
def test_a_wrong_answer_gets_no_automatic_marks(ask: Ask, question: str, answer: str) -> None:
    assert not ask(question, answer).is_proven


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("q1.1", rf"${G} = \hat y - y$"),
        ("q1.1", rf"$${G} = \frac{{\hat y - y}}{{\hat y (1-\hat y)}}\,\hat y(1-\hat y) = \hat y - y$$"),
        ("q1.2", r"**$\nabla_{b^{(2)}}J = \hat y - y$**"),
        ("q1.3", r"$(\hat y - y)\,(h^{(1)})^\top$"),
        ("q1.4", r"$$g = \hat y - y$$ $$\nabla_{h^{(1)}}J = W^{(2)T} g$$"),
        ("q3.1", r"$\theta_{t+1} = (1 - 2\eta\lambda)\theta_t - \eta g_t$"),
        ("q3.2", r"$\theta_{t+1} = \theta_t - \eta(g_t + \lambda\,\text{sign}(\theta_t))$"),
    ],
)
def test_mathematics_alone_that_is_right_gets_them(ask: Ask, question: str, answer: str) -> None:
    assert ask(question, answer).is_proven


@pytest.mark.parametrize(
    "more",
    ["I guess", "没错", "x", "$2$", r"$\hat y$ is right", r"$q = y$", "~~$y$~~", "![scan](a.png)", "`y`", "% no", "2"],
)
def test_anything_beside_the_mathematics_leaves_it_to_a_person(ask: Ask, more: str) -> None:
    assert not ask("q1.1", f"${G} = \\hat y - y$\n\n{more}").is_proven


@pytest.mark.parametrize("n", [30, 200, 400])
def test_names_used_before_they_are_defined_cannot_grow_without_end(ask: Ask, n: int) -> None:
    chained = r" \\ ".join(f"{name} = {f'{of} ' * n}" for name, of in [("p", "q"), ("q", "r"), ("r", "s"), ("s", "t")])
    grows = rf"${G} = {'p ' * n} \\ {chained} \\ t = y$"
    assert seconds(ask, grows) < 400 * seconds(ask, rf"${G} = \hat y - y$")
    assert not ask("q1.1", grows).is_proven


def seconds(ask: Ask, answer: str) -> float:
    """CPU seconds, the least of three; timeit switches off the garbage collector, which may take half a second here."""
    return min(timeit.repeat(lambda: ask("q1.1", answer), timer=time.process_time, number=1, repeat=3))


STRANGE = [
    "➀", "፩", "y" + "**2" * 1900, r"\exp" * 1900 + " y", r"\|" * 3000 + " y", r"\bm{" * 1500 + "y" + "}" * 1500,
    r"\begin{cases} x & y > 0 \\ h^{(1)} & \text{otherwise}\end{cases}", r"\begin{matrix}", r"\end{cases}", "^", "_{",
    r"\nabla_{" + "{" * 2900 + "y" + "}" * 2900 + "}J", "y^{" * 900, r"\frac" * 900, r"\sum_" * 500, r"\text{" * 500,
    r"\partial" * 900, "|" * 900, "y'" * 900, "(" * 3000, r"\frac{1}{0}", "y^{9999999}", "1e999", "½½", r"\hat",
    "d d d", r"\nabla\nabla", r"\sqrt", r"\begin{bmatrix} & \\ & \end{bmatrix}", "1_2_3", "θ'''", r"\overset", "\\",
]  # fmt: skip


@pytest.mark.parametrize("strange", STRANGE, ids=lambda s: s[:6])
def test_strange_formulas_raise_nothing_and_get_no_marks(ask: Ask, strange: str) -> None:
    (found,) = ask("q1.1", rf"${G} = {strange}$").judgements
    assert not found.automatic
    assert found.points is None
    assert "Internal error" not in found.words


def test_every_beginning_of_an_answer_is_read_without_an_error(ps4: Assignment) -> None:
    """Half-typed LaTeX, as in a notebook that was saved too early."""
    whole = (
        r"Let $\delta = \frac{\partial J}{\partial a^{(2)}}$. "
        rf"$$\begin{{aligned}}{G} &= \delta \\ &= \hat y - y\end{{aligned}}$$ `g = y`"
    )
    for end in range(len(whole)):
        found = opinions(ps4.known_questions, {"q1.1": whole[:end]})
        assert all("Internal error" not in j.words for j in found["q1.1"].judgements)


@pytest.mark.parametrize(
    ("question", "answer"), [("q1.2", r"$\nabla_{b_2}J = \nabla_{a_2}J$"), ("q1.2", "$(2) \\nabla_{a_2} J$")]
)
@pytest.mark.parametrize("before", ["$y - h_2$", "no idea", "$h_2 - y$"])
def test_what_an_earlier_answer_should_give_gets_none(ps4: Assignment, question: str, answer: str, before: str) -> None:
    assert not opinions(ps4.known_questions, {"q1.1": before, question: answer})[question].is_proven


@pytest.mark.parametrize("text", ["ab" + " " * 5000 + "x", "\\def\\a" + " " * 5000, "Q" + "q" * 15_000, "foo." * 5000])
def test_long_runs_take_no_longer_than_their_length(ask: Ask, text: str) -> None:
    assert seconds(ask, text) / max(seconds(ask, text[: len(text) // 4]), 0.02) < 30  # cubic: 64 and hours
