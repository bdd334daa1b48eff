"""A mean over examples is not what is asked for one example, with or without the sum."""

from __future__ import annotations

import pytest

from grader.model import Shelf
from tests.unit.derivations.conftest import Ask

AVERAGED = "It is what is asked, averaged over examples."
LEFT = {"q1.1": r"\nabla_{a^{(2)}}J", "q1.2": r"\nabla_{b^{(2)}}J", "q1.4": r"\nabla_{h^{(1)}}J"}
FACTOR = {"q1.1": "", "q1.2": "", "q1.4": r"W^{(2)T}"}
MEANS = [
    r"\frac1N F (\hat y - y)", r"F (\hat y - y) / N", r"\frac{1}{m} F (\hat y - y)",
    r"\frac1N \sum_{i=1}^N F (\hat y_i - y_i)", r"\frac1m \sum_{n=1}^m F (\hat y^{(n)} - y^{(n)})",
    r"\frac1N \sum_i F (\hat y_i - y_i)", r"\frac{1}{N} \sum_n F (\hat y^{(n)} - y^{(n)})",
]  # fmt: skip


@pytest.mark.parametrize("question", LEFT)
def test_means_have_one_judgement_and_one_group(ask: Ask, question: str) -> None:
    groups = set()
    for mean in MEANS:
        said = rf"${LEFT[question]} = {mean.replace('F', FACTOR[question])}$"
        (found,) = ask(question, said).judgements
        assert (found.shelf, found.mistake, found.points) == (Shelf.OTHER_VALUE, AVERAGED, None), mean
        groups.add(found.group)
    assert len(groups) == 1


def test_a_mean_on_the_way_leaves_a_right_answer_to_a_person(ask: Ask) -> None:
    (found,) = ask("q1.1", rf"${LEFT['q1.1']} = \frac1N \sum_{{i=1}}^N (\hat y_i - y_i) = \hat y - y$").judgements
    assert found.points == 5
    assert not found.automatic
