"""Dots between vectors, where the answer is a number."""

from __future__ import annotations

import numpy as np
import pytest

from grader.derivations.opinions import opinions
from grader.derivations.question import Array, Asked, Notation, Quantities, Question, Values
from grader.model import Points, Shelf

RANDOM = np.random.default_rng(0)


def distance(v: Values) -> Array:
    return np.asarray(((v["p"] - v["q"]) ** 2).sum())


SQUARED = Question(
    "q1",
    (Asked("S", "S", Points(2)),),
    Notation(power_letters=frozenset("pqS"), loss="S", loss_letters=frozenset("S")),
    Quantities(
        given=tuple(({"p": RANDOM.normal(size=(n, 1)), "q": RANDOM.normal(size=(n, 1))}, "") for n in (2, 3, 4, 5, 3)),
        definitions={"S": distance},
    ),
)


def shelf(formula: str) -> Shelf:
    (judgement,) = opinions((SQUARED,), {"q1": f"$$S = {formula}$$"})["q1"].judgements
    return judgement.shelf


@pytest.mark.parametrize(
    "formula",
    [
        r"\|p\|^2 - 2 p \cdot q + \|q\|^2",
        r"p \cdot p - 2 p \cdot q + q \cdot q",
        r"(p-q) \cdot (p-q)",
        r"p^T p - 2\, p\cdot q + q^T q",
    ],
)
def test_a_dot_between_vectors_is_their_inner_product(formula: str) -> None:
    assert shelf(formula) in (Shelf.RIGHT, Shelf.RIGHT_WITH_REMARKS)


@pytest.mark.parametrize("formula", [r"p \cdot p - p \cdot q + q \cdot q", r"p \cdot p - 2 p \cdot q"])
def test_a_wrong_sum_of_inner_products_is_another_value(formula: str) -> None:
    assert shelf(formula) not in (Shelf.RIGHT, Shelf.RIGHT_WITH_REMARKS)
