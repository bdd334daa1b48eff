"""A formula in another layout than the handout's is held against the student's other answers."""

from __future__ import annotations

from collections.abc import Mapping

from grader.assignments.catalogue import Assignment
from grader.derivations.opinions import opinions
from grader.model import Opinion

COLUMN = "right where W⁽²⁾ is a column"
W2_COLUMN = r"$\nabla_{W^{(2)}}J = (\hat y - y) h^{(1)}$"
H1_COLUMN = r"$\nabla_{h^{(1)}}J = W^{(2)}(\hat y - y)$"


def read(assignment: Assignment, answers: Mapping[str, str]) -> dict[str, Opinion]:
    return opinions(assignment.known_questions, answers)


def test_a_layout_of_all_answers_is_named(ps4: Assignment) -> None:
    found = read(ps4, {"q1.3": W2_COLUMN, "q1.4": H1_COLUMN})
    assert [one.judgements[0].remarks for one in found.values()] == [(COLUMN,), (COLUMN,)]


def test_answers_about_other_quantities_say_nothing_about_a_layout(ps4: Assignment) -> None:
    rule = r"$\theta_{t+1} = \theta_t - \eta(g_t + 2\lambda\theta_t)$"
    assert read(ps4, {"q1.3": W2_COLUMN, "q3.1": rule})["q1.3"].judgements[0].remarks == (COLUMN,)
