"""A formula in another layout than the handout's is held against the student's other answers."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from grader.assignments.catalogue import Assignment
from grader.derivations.opinions import opinions
from grader.model import Opinion, Shelf

COLUMN = "right where W⁽²⁾ is a column"
W2_COLUMN = r"$\nabla_{W^{(2)}}J = (\hat y - y) h^{(1)}$"
W2_ROW = r"$\nabla_{W^{(2)}}J = (\hat y - y) h^{(1)T}$"
H1_COLUMN = r"$\nabla_{h^{(1)}}J = W^{(2)}(\hat y - y)$"
H1_ROW = r"$\nabla_{h^{(1)}}J = W^{(2)T}(\hat y - y)$"
B1_COLUMN = r"$\nabla_{b^{(1)}}J = W^{(2)} (\hat y-y) \odot h^{(1)} \odot (1-h^{(1)})$"


def read(assignment: Assignment, answers: Mapping[str, str]) -> dict[str, Opinion]:
    return opinions(assignment.known_questions, answers)


def test_a_layout_of_all_answers_is_named(ps4: Assignment) -> None:
    found = read(ps4, {"q1.3": W2_COLUMN, "q1.4": H1_COLUMN})
    assert [one.judgements[0].remarks for one in found.values()] == [(COLUMN,), (COLUMN,)]


@pytest.mark.parametrize(
    ("column", "answers"),
    [("q1.3", {"q1.3": W2_COLUMN, "q1.4": H1_ROW}), ("q1.4", {"q1.3": W2_ROW, "q1.4": H1_COLUMN})],
)
def test_a_layout_that_another_answer_does_not_have_is_a_missing_transposition(
    ps4: Assignment, column: str, answers: dict[str, str]
) -> None:
    found = read(ps4, answers)
    other = next(id for id in answers if id != column)
    (judged,) = found[column].judgements
    assert (judged.shelf, judged.mistake) == (Shelf.OTHER_VALUE, "It is the transpose of what is asked for.")
    assert judged.remarks == (f"{COLUMN}, unlike the answer to {other}",)
    assert found[other].shelf is Shelf.RIGHT
    assert found[other].judgements[0].remarks == ()


def test_answers_about_other_quantities_say_nothing_about_a_layout(ps4: Assignment) -> None:
    rule = r"$\theta_{t+1} = \theta_t - \eta(g_t + 2\lambda\theta_t)$"
    assert read(ps4, {"q1.3": W2_COLUMN, "q3.1": rule})["q1.3"].judgements[0].remarks == (COLUMN,)


def test_shapes_that_fit_in_no_layout_of_the_students_are_another_value(ps4: Assignment) -> None:
    found = read(ps4, {"q1.3": W2_ROW, "q1.4": H1_ROW, "q1.5": B1_COLUMN})
    b1 = found["q1.5"].judgements[0]
    assert (b1.shelf, b1.remarks[-1]) == (Shelf.OTHER_VALUE, f"{COLUMN}, unlike the answer to q1.3")


def test_where_as_many_answers_have_it_as_not_a_remark_says_so(ps4: Assignment) -> None:
    found = read(ps4, {"q1.3": W2_ROW, "q1.4": H1_COLUMN, "q1.5": B1_COLUMN})
    for id in ("q1.4", "q1.5"):
        judged = found[id].judgements[0]
        assert (judged.shelf, judged.remarks) == (
            Shelf.RIGHT_WITH_REMARKS,
            (f"{COLUMN}, unlike the answer to q1.3",),
        )
