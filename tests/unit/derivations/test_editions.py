"""Questions of another edition are recognized by their texts, whatever their numbers."""

from __future__ import annotations

import pytest

from grader.assignments.catalogue import Assignment
from grader.derivations.editions import QuestionTexts, _texts
from grader.derivations.locate import locate
from grader.derivations.opinions import with_answers_elsewhere
from grader.model import Notebook

ASKED = {
    "q1.1": r"$\nabla_{a^{(2)}} J$",
    "q1.2": r"$\nabla_{b^{(2)}} J$",
    "q1.3": r"$\nabla_{b^{(1)}} J$ and $\nabla_{W^{(1)}} J$",
    "q2.1": r"the rule for the L2 penalty $\lambda \lVert\theta\rVert_2^2$",
    "q2.2": r"the rule for the L1 penalty $\lambda \lVert\theta\rVert_1$",
}
CELLS = [
    "# Backpropagation\n\nThe gradient of the loss is carried from the output to the input.",
    *(f"### Q{id[1:]} (5 points)\n\nDerive {text}." for id, text in ASKED.items()),
    "# Programming\n\nThe class has six gaps.",
]
QUESTIONS = dict(zip(ASKED, CELLS[1:], strict=False))
OTHER_WORDS = [
    r"**[5pts] {}:** $\nabla_{{a^{{(2)}}}}J$",
    r"**[5pts] {}:** $\nabla_{{b^{{(2)}}}}J$",
    r"**[5pts] {}:** $\nabla_{{b^{{(1)}}}}J$, $\nabla_{{W^{{(1)}}}}J$",
    r"#### {} Let $\|\theta\|^2$ be the penalty (L2). Find the rule.",
    r"#### {} Now consider L1 and $\lambda \|\theta\|_1$",
]


def asked(*numbers: str) -> list[str]:
    """The questions in other words, with these numbers."""
    return [line.format(number) for line, number in zip(OTHER_WORDS, numbers, strict=True)]


def read(lines: list[str], known: tuple[str, ...] = ()) -> dict[str, str]:
    return QuestionTexts(CELLS, QUESTIONS).renumbered(lines, known, {id: id for id in ASKED})


@pytest.mark.parametrize("numbers", [("Q1.1", "Q1.2", "Q1.3", "Q2.1", "Q2.2"), ("1.1", "1.2", "1.3", "2.1", "2.2")])
def test_the_numbers_of_the_handout_stay(numbers: tuple[str, ...]) -> None:
    assert read(asked(*numbers)) == {}


def test_each_number_means_the_question_that_its_text_asks() -> None:
    numbers = ("Q3.1", "Q3.2", "Q3.3", "Q1.1", "Q1.2")
    texts = {"q3.1": "q1.1", "q3.2": "q1.2", "q3.3": "q1.3", "q1.1": "q2.1", "q1.2": "q2.2"}
    assert read(asked(*numbers)) == texts | {"q1.3": "", "q2.1": "", "q2.2": ""}


def test_what_the_student_writes_below_a_question_does_not_decide() -> None:
    lines = [
        part for line in asked("Q1.2", "Q1.3", "Q1.4", "Q2.1", "Q2.2") for part in (line, "", r"$\nabla_{b^{(2)}} J$")
    ]
    moved = {number: id for number, id in read(lines).items() if id}
    assert moved == {"q1.2": "q1.1", "q1.3": "q1.2", "q1.4": "q1.3"}


def test_answers_that_cite_other_questions_move_no_number() -> None:
    assert (
        read([r"**Q1.2** From $\nabla_{a^{(2)}} J$: $\hat y - y$", r"**Q1.3** by $\nabla_{b^{(2)}} J$", "**Q1.1** $a$"])
        == {}
    )
    answers = asked("Q1.2 solution:", "Q1.3 solution:", "Q1.4 solution:", "Q2.1 solution:", "Q2.2 solution:")
    assert read(answers) == {}


@pytest.mark.parametrize("line", ["0.12 is the loss of Q1", "Q1.1.1.1", "1.5 times $a$"])
def test_other_numbers_are_no_questions(line: str) -> None:
    assert not [*_texts([line])]


def test_a_question_in_the_words_of_the_handout_keeps_its_number() -> None:
    assert read([r"**Q1.2:** by Q1.1, $\nabla_{a^{(2)}} J$ is known"], known=("q1.1", "q1.3")) == {}


def test_a_text_that_resembles_several_questions_says_nothing() -> None:
    assert read(["**Q3.1** Derive the rule.", "**Q3.2** (5 points)"]) == {}


def test_answers_are_found_and_the_marker_is_told_the_other_number() -> None:
    handout = Notebook("ps.ipynb", (), (), tuple(("markdown", cell) for cell in CELLS))
    cells = [
        cell for n, text in enumerate(asked("Q3.1", "Q3.2", "Q3.3", "Q1.1", "Q1.2")) for cell in (text, f"$x = {n}$")
    ]
    student = Notebook("ps.ipynb", (), (), tuple(("markdown", cell) for cell in cells))
    written = locate([student], [handout], {id: (id,) for id in ASKED})
    assert {id: text[-7:] for id, (text, _) in written.found.items()} == {
        id: f"$x = {n}$" for n, id in enumerate(ASKED)
    }
    assert "by its text, this question is Q3.1 of the notebook" in written.notes["q1.1"]


L1 = r"**Q3.2:** Now let's consider L1 regularization: our objective is $\mathcal{L}(\theta) + \lambda \|\theta\|_1$."


@pytest.mark.parametrize(
    ("above", "found"),
    [
        ("", False),
        ("Derive the update rule.", False),
        ("So $x = 1$.", True),
        (r"$\theta_t - \eta(g_t + \lambda \operatorname{sign}(\theta_t))$", True),
    ],
)
def test_the_question_above_solution_is_no_answer(ps4: Assignment, above: str, found: bool) -> None:
    handouts = ps4.handout[0].cells
    place = next(n for n, (_, text) in enumerate(handouts) if text.startswith("### Q3.2"))
    cells = [*handouts[:place], ("markdown", f"{L1}\n\n{above}"), ("markdown", "**Q3.2 solution:**")]
    student = Notebook("ps4.ipynb", (), (), tuple(cells))
    written = with_answers_elsewhere(ps4.known_questions, locate([student], ps4.handout, ps4.manifest.labels))
    assert ("q3.2" in written.found) is found
    assert ("was taken for the question" in " ".join(written.notes.get("q3.2", ()))) is not found


def test_an_answer_elsewhere_replaces_the_text_of_its_question(ps4: Assignment) -> None:
    handouts = ps4.handout[0].cells
    place = next(n for n, (_, text) in enumerate(handouts) if text.startswith("### Q3.2"))
    rule = r"$\theta_{t+1} = \theta_t - \eta(g_t + \lambda \operatorname{sign}(\theta_t))$"
    cells = [("markdown", f"# Answers\n\nFor L1: {rule}"), *handouts[:place], ("markdown", L1)]
    student = Notebook("ps4.ipynb", (), (), tuple(cells))
    written = with_answers_elsewhere(ps4.known_questions, locate([student], ps4.handout, ps4.manifest.labels))
    assert rule in written.found["q3.2"][0]
    assert "q3.2" in written.elsewhere


def test_a_later_notebook_with_the_question_alone_keeps_the_earlier_answer(ps4: Assignment) -> None:
    cells = tuple(cell for cell in ps4.handout[0].cells if "Q3.2" not in cell[1])
    earlier = Notebook("a.ipynb", (), (), (("markdown", f"{L1}\n\n**Q3.2 solution:** $x = 1$"),))
    later = Notebook("b.ipynb", (), (), (*cells, ("markdown", L1)))
    written = locate([earlier, later], ps4.handout, ps4.manifest.labels)
    assert "$x = 1$" in written.found["q3.2"][0]


@pytest.mark.parametrize("own", ["$y - \\hat y$", "![scan](attachment:a.png)", r"the same as $\nabla_{a^{(2)}} J$"])
def test_an_answer_without_an_equality_is_not_replaced_by_an_aside(ps4: Assignment, own: str) -> None:
    cells = [
        ("markdown", r"**Q1.2:** $\nabla_{b^{(2)}} J$"),
        ("markdown", own),
        (
            "markdown",
            r"**Q1.3:** Since $\nabla_{b^{(2)}} J = \hat y - y$: $\nabla_{W^{(2)}} J = (\hat y - y) h^{(1)T}$",
        ),
    ]
    student = Notebook("ps4.ipynb", (), (), tuple(cells))
    written = with_answers_elsewhere(ps4.known_questions, locate([student], ps4.handout, ps4.manifest.labels))
    assert own in written.found["q1.2"][0]
    one_cell = Notebook("ps4.ipynb", (), (), (("markdown", f"{cells[0][1]}: {own}"), cells[2]))
    written = with_answers_elsewhere(ps4.known_questions, locate([one_cell], ps4.handout, ps4.manifest.labels))
    assert own in written.found["q1.2"][0]


def test_of_a_blank_copy_and_a_filled_one_the_filled_one_counts(ps4: Assignment) -> None:
    blank = Notebook("a.ipynb", (), (), (("markdown", L1),))
    filled = Notebook("b.ipynb", (), (), (("markdown", L1), ("markdown", "$x = 1$")))
    assert "$x = 1$" in locate([blank, filled], ps4.handout, ps4.manifest.labels).found["q3.2"][0]
    with_hint = Notebook("c.ipynb", (), (), (("markdown", L1), ("markdown", "*Hint:* be brief.")))
    for copy in (blank, with_hint):
        assert "$x = 1$" in locate([filled, copy], ps4.handout, ps4.manifest.labels).found["q3.2"][0]
