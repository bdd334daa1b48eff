"""The question's text and the model solution beside its answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grader.assignments import catalogue
from grader.assignments.catalogue import Assignment
from grader.authoring.pack import code_of_checks
from grader.marking.question import model_solution, question_text
from grader.model import Notebook
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def ps4() -> Assignment:
    return catalogue.load(ROOT / "reference" / "ps4")


def test_every_question_of_the_reference_assignment_has_its_text_and_a_solution(ps4: Assignment) -> None:
    texts = {id: question_text(ps4, id) for id in ps4.questions}
    assert r"Derive $\nabla_{W^{(2)}} J$." in texts["q1.3"]
    assert "stronger learning signals" in texts["q2.4.written"]
    assert "Write your answer" not in "".join(texts.values())
    assert all(texts.values())
    assert len(set(texts.values())) == len(texts)
    assert all(model_solution(ps4, id) for id in ps4.questions)


def test_no_solution_is_in_a_student_s_pack(ps4: Assignment) -> None:
    assert not [name for name in code_of_checks(ps4) if "solutions" in name]


def test_a_question_without_a_place_for_its_answer_is_the_cell_that_names_it(ps4: Assignment) -> None:
    cells = (("markdown", "Introduction."), ("code", "q1.1"), ("markdown", "### Q1.1\n\nWhy?"), ("markdown", "Later."))
    bare = replace(ps4, handout=(Notebook("questions.ipynb", (), (), cells),))
    assert question_text(bare, "q1.1") == "Q1.1\n\nWhy?"
    assert (question_text(bare, "q1.2"), model_solution(bare, "q9")) == ("", "")
