"""Wrong answers that an adversary wrote so that they look right: none is proven, and none suggests points."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.unit.written.conftest import Ask

G = r"\nabla_{a^{(2)}}J"

LINES = (Path(__file__).parent / "wrong_answers.txt").read_text(encoding="utf-8").splitlines()
"""A question and an answer on each; ↵ is a new line of the answer."""
WRONG = [line.replace(" ↵ ", "\n").split(" ", 1) for line in LINES]


@pytest.mark.parametrize(("question", "answer"), WRONG)
def test_a_wrong_answer_is_never_proven(ask: Ask, question: str, answer: str) -> None:
    assert any(not j.comparison.suggests_points for j in ask(question, answer).judgements)


@pytest.mark.parametrize("n", [30, 200, 400])
def test_names_used_before_they_are_defined_cannot_grow_without_end(ask: Ask, n: int) -> None:
    chained = r" \\ ".join(f"{name} = {f'{of} ' * n}" for name, of in [("p", "q"), ("q", "r"), ("r", "s"), ("s", "t")])
    grows = rf"${G} = {'p ' * n} \\ {chained} \\ t = y$"
    assert seconds(ask, grows) < 200 * min(seconds(ask, rf"${G} = \hat y - y$") for _ in range(4))
    assert not ask("q1.1", grows).is_proven


def seconds(ask: Ask, answer: str) -> float:
    before = time.process_time()
    ask("q1.1", answer)
    return time.process_time() - before


STRANGE = [
    "➀", "፩", "y" + "**2" * 1900, r"\exp" * 1900 + " y", r"\|" * 3000 + " y", r"\bm{" * 1500 + "y" + "}" * 1500,
    r"\begin{cases} x & y > 0 \\ h^{(1)} & \text{otherwise}\end{cases}",
    r"\nabla_{" + "{" * 2900 + "y" + "}" * 2900 + "}J",
]  # fmt: skip


@pytest.mark.parametrize("strange", STRANGE, ids=lambda s: s[:6])
def test_strange_formulas_raise_nothing_and_prove_nothing(ask: Ask, strange: str) -> None:
    (found,) = ask("q1.1", rf"${G} = {strange}$").judgements
    assert not found.comparison.suggests_points
    assert "Our own failure" not in found.words
