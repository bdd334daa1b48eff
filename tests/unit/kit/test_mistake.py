"""Known mistakes are registered once, and are found, graded and refused by what they say."""

from __future__ import annotations

import pytest

from grader.assignments.catalogue import Assignment, load
from grader.authoring import certify
from grader.authoring.new import new
from grader.errors import BadAssignment
from grader.kit import testing


@pytest.fixture
def with_mistakes(tmp_path):
    """Text of a mistakes.py → an assignment with the functions `first` and `second`."""

    def make(text: str) -> Assignment:
        folder = new("sums", tmp_path, source=None, functions=["first", "second"], class_name="")
        (folder / "mistakes.py").write_text("from grader import kit\n\n" + text, "utf-8")
        return load(folder)

    return make


def certified(assignment: Assignment) -> list[certify.Certified]:
    return certify.certify_mistakes(certify.mistakes(assignment), assignment, workers=1)


DOUBLED = """\
@kit.mistake("It is doubled: divide by 2.", fails=["first"], of="first")
def doubled(X, w):
    return 2 * X @ w
"""
TWICE = DOUBLED.replace("doubled(", "twice(")


def test_a_mistake_that_does_what_it_says_holds(with_mistakes):
    (row,) = certified(with_mistakes(DOUBLED))
    assert (row.name, row.failed, row.problems) == ("mistakes/doubled", {"first.answer"}, ())


def test_a_mistake_that_costs_other_checks_than_it_says_does_not_hold(with_mistakes):
    (row,) = certified(with_mistakes(DOUBLED.replace('["first"]', '["second"]')))
    assert [problem.partition(":")[0] for problem in row.problems] == [
        "earns second, which it should lose",
        "loses first.answer, which it should earn",
    ]


def test_a_mistake_that_no_check_sees_does_not_hold(with_mistakes):
    (row,) = certified(with_mistakes(DOUBLED.replace("2 * X", "1 * X").replace('fails=["first"], ', "")))
    assert row.problems == ("loses nothing: add a problem that shows the mistake, or remove the mistake",)


def test_a_mistake_that_is_taken_for_another_must_be_declared_alike(with_mistakes):
    _, row = certified(with_mistakes(DOUBLED + TWICE))
    assert row.problems == ("is diagnosed as doubled: register this mistake before that one, or declare alike=",)


def test_a_mistake_that_is_declared_alike_holds(with_mistakes):
    alike = TWICE.replace('of="first"', 'of="first", alike=["doubled"]')
    assert all(row.holds for row in certified(with_mistakes(DOUBLED + alike)))


@pytest.mark.parametrize(
    ("old", "new_text", "message"),
    [
        (
            'fails=["first"]',
            'fails=["third"]',
            "sums/mistakes.py: doubled has 'third' in fails=, but assignment.toml gives points only to",
        ),
        ('of="first"', 'of="first", alike=["none"]', "doubled has 'none' in alike=, which is no known mistake"),
    ],
)
def test_a_mistake_that_names_what_does_not_exist_is_refused_in_one_sentence(with_mistakes, old, new_text, message):
    with pytest.raises(BadAssignment, match=r"^[^\n]*$") as refused:
        with_mistakes(DOUBLED.replace(old, new_text))
    assert message in str(refused.value)


def test_two_mistakes_of_one_name_are_refused(with_mistakes):
    with pytest.raises(BadAssignment, match="doubled is registered 2 times; rename all but one"):
        with_mistakes(DOUBLED + DOUBLED)


def test_two_mistakes_in_one_function_explain_nothing_together(with_mistakes):
    """A wrong function that neither explains loses its points without a name; the assignment is not at fault."""
    halved = DOUBLED.replace("doubled(", "halved(").replace("2 * X", "0.5 * X").replace('fails=["first"], ', "")
    assignment = with_mistakes(DOUBLED + halved)
    truth = assignment.truths("", frozenset({"doubled", "halved"}))
    with pytest.raises(ValueError, match="cannot be combined"):
        truth.first([[1.0]], [1.0])
    report = testing.grade(assignment, {"first": lambda X, w: 2 * X @ w + 1, "second": lambda X, w: 3 * X @ w})
    assert (testing.failed(report), testing.diagnosed(report)) == ({"first.answer", "second.answer"}, frozenset())
