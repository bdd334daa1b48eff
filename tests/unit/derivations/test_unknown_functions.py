"""Functions that the reader does not know: the formula is never judged without them. It is right if the function may be
a known one, and unread otherwise."""

from __future__ import annotations

import random

import pytest

from grader.derivations.lexer import FUNCTIONS
from grader.model import Comparison, Shelf
from tests.unit.derivations.conftest import Ask

SPELLINGS = {
    "operator": r"\operatorname{WORD}(ARG)",
    "operator without a bracket": r"\operatorname{WORD} ARG",
    "starred": r"\operatorname*{WORD}\left(ARG\right)",
    "text": r"\text{WORD}(ARG)",
    "spaced": r"\text{WORD} (ARG)",
    "thin space": r"\,\textit{WORD}\,[ARG]",
    "upright": r"\mathrm{WORD}\big(ARG\big)",
    "box": r"\mbox{WORD}(ARG)",
    "command": r"\mathop{\mathrm{WORD}}(ARG)",
    "nested": r"\text{\textbf{WORD}}(ARG)",
    "power": r"\text{WORD}^{2}(ARG)",
    "prime": r"\text{WORD}'(ARG)",
    "fraction": r"\frac{ARG}{\text{WORD}(ARG)}",
}
PLACES = {
    "q1.3": (r"\nabla_{W^{(2)}}J = (\hat y - y)", "h^{(1)}"),
    "q3.1": (r"\theta_{t+1} = (1 - 2\eta\lambda)\theta_t - \eta g_t -", r"\theta_t"),
    "q3.2": (r"\theta_{t+1} = \theta_t - \eta g_t - \eta\lambda", r"\theta_t"),
}
PROGRAMS = {
    "q1.3": ("dW2 = (yhat - y) * ", "h1"),
    "q3.2": ("theta_new = theta - eta * (g + 2 * lam * ", "theta"),
}


def word(chance: random.Random) -> str:
    """A word of 3 to 8 letters, some with accents, that is no function's name."""
    while (made := "".join(chance.choice("aeiouéñüklmnprstvз置") for _ in range(chance.randint(3, 8)))) in FUNCTIONS:
        pass
    return made


@pytest.mark.parametrize("question", PLACES)
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("deep", [False, True], ids=["", "in a bracket"])
def test_a_function_that_is_not_known_leaves_its_formula_unread(
    ask: Ask, question: str, spelling: str, deep: bool
) -> None:
    chance = random.Random(f"{question} {spelling} {deep}")
    before, argument = PLACES[question]
    for _ in range(3):
        name = word(chance)
        called = SPELLINGS[spelling].replace("WORD", name).replace("ARG", argument)
        (found,) = ask(question, f"${before} {f'({called})' if deep else called}$").judgements
        assert (found.shelf, found.comparison, found.mistake) == (Shelf.UNREAD, Comparison.UNREAD, "")
        assert found.words == f"Unread: the function “{name}” is not known."
        assert called.strip(r"\, ") in found.formula


@pytest.mark.parametrize("question", PROGRAMS)
@pytest.mark.parametrize("typed", ["{}", "`{}`", "```python\n{}\n```", "Also: {}"])
def test_a_function_of_a_program_that_is_not_known_is_named(ask: Ask, question: str, typed: str) -> None:
    chance = random.Random(f"{question} {typed}")
    before, argument = PROGRAMS[question]
    for prefix in ("", "np.", "torch."):
        name = "".join(chance.choice("aeioklmnprstv") for _ in range(7))
        code = f"{before}{prefix}{name}({argument})" + ")" * before.count("(2 * lam")
        (found,) = ask(question, typed.format(code + ")" * (before.count("(") - before.count(")")))).judgements
        assert (found.shelf, found.words) == (Shelf.UNREAD, f"Unread: the function “{name}” is not known.")
        assert rf"\operatorname{{{name}}}" in found.formula


@pytest.mark.parametrize(
    "between",
    [
        r"\text{ WORD } (\hat y - y)", r"\quad\text{WORD}\quad (\hat y - y)", r"\ \text{WORD}\ (\hat y - y)",
        r"\text{ WORD WORD }(\hat y - y)", r",\ \text{WORD}(y)", r"$ WORD $(\hat y - y)",
        r"\text{(WORD)}", r"\text{WORD}", r"\mathrm{WORD}\ \hat y",
    ],
)  # fmt: skip
def test_words_between_formulas_are_still_split_off(ask: Ask, between: str) -> None:
    chance = random.Random(between)
    for _ in range(3):
        said = rf"$\nabla_{{a^{{(2)}}}}J = \hat y - y {between.replace('WORD', word(chance))}$"
        (found,) = ask("q1.1", said).judgements
        assert found.comparison is Comparison.EQUAL
        assert not found.automatic
