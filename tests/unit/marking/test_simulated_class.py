"""How many decisions a class needs, for classes drawn at random."""

from __future__ import annotations

import pytest

from grader.assignments.catalogue import Assignment
from grader.derivations.opinions import opinions
from tests.journeys.simulated_class import QUESTION, draw


@pytest.mark.parametrize("seed", range(6))
def test_a_class_of_a_hundred_means_at_most_25_things(ps4: Assignment, seed: int) -> None:
    texts = {answer for _, answer in draw(seed) if answer}
    found = [opinions(ps4.known_questions, {QUESTION: text})[QUESTION] for text in texts]
    groups = {(opinion.shelf, opinion.group) for opinion in found}
    assert 5 <= len(groups) <= 25
