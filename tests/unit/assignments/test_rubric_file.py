"""The file rubric.toml: what it may say, and what its author is told."""

from __future__ import annotations

from decimal import Decimal

import pytest

from grader.assignments import catalogue
from grader.assignments.rubric_file import ItemTable, QuestionRubric, loads
from grader.course.rubrics import dumps
from grader.errors import BadAssignment, BadCall
from tests.conftest import MakeAssignment

QUESTIONS = ("q1.1", "q1.2")
ITEMS = '["q1.1"]\nitems = [{ text = "Right", points = %s }]\n'
ODD = 'a "quoted" \\ back\nslash\t\x7f\x01 é 😀 {{ braces }} [brackets] # = \u2028'


def complaint(text: str) -> str:
    with pytest.raises(BadCall) as bad:
        loads(text.encode(), QUESTIONS)
    return str(bad.value)


def test_a_rubric_has_its_items_comments_and_markers() -> None:
    text = '["q1.2"]\nmarkers = 2\nitems = [{ text = "Right", points = 1.25 }]\nphrases = ["Why?"]\n'
    items = [ItemTable(text="Right", points=Decimal("1.25"))]
    assert loads(text.encode(), QUESTIONS) == {"q1.2": QuestionRubric(markers=2, items=items, phrases=["Why?"])}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[q1.1]\n", 'there is no written question \'q1\': write one of ["q1.1"], ["q1.2"]'),
        ('["q9"]\n', "there is no written question 'q9'"),
        ('"q1.1" = 5\n', "q1.1: input should be a valid dictionary"),
        ('["q1.1"]\nitem = []\n', "q1.1: unknown key 'item': remove it"),
        ('["q1.1"]\nmarkers = 3\n', "q1.1, markers: input should be 1 or 2, not 3"),
        ('["q1.1"]\nitems = [{ text = "Right" }]\n', "q1.1, items 1: 'points' is missing: add it"),
        (ITEMS.replace("Right", "") % 1, "q1.1, items 1, text: string should have at least 1 character"),
        (ITEMS % 0.125, "q1.1, items 1, points: decimal input should have no more than 2 decimal places, not 0.125"),
        (ITEMS % 1001, "q1.1, items 1, points: input should be less than or equal to 1000"),
        (ITEMS % "nan", "q1.1, items 1, points: input should be a finite number"),
    ],
)
def test_what_is_wrong_is_told_with_its_question(text: str, says: str) -> None:
    assert complaint(text).startswith(says)


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        "a = " + "9" * 5_000,
        ITEMS % '"1e999999999"',
        ITEMS % "1e999",
        ITEMS.replace("Right", "\\u0000") % 1,
        '["q1.1"]\nphrases = [1, ' + '"a", ' * 100_000 + "]\n",
        '["q1.1"]\nphrases = [' + '"a", ' * 201 + "]\n",
        '["q1.1"]\nitems = [' + '{ text = "a", points = 1 }, ' * 51 + "]\n",
        '["' + "q" * 100_000 + '"]\n',
    ],
    ids=["nested", "digits", "exponent", "infinite", "nul", "mixed", "phrases", "items", "long id"],
)
def test_a_hostile_file_is_refused_in_a_few_words(text: str) -> None:
    assert len(complaint(text)) < 500


def test_a_file_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(BadCall, match="this is not TOML in UTF-8"):
        loads('["q1.1"]\nphrases = ["für"]\n'.encode("latin-1"), QUESTIONS)


def test_what_is_written_is_read_again() -> None:
    items = [ItemTable(text=ODD, points=Decimal("-0.25")), ItemTable(text="Right", points=Decimal(1000))]
    rubrics = {"q1.1": QuestionRubric(markers=2, items=items, phrases=[ODD, "Why?"]), "q1.2": QuestionRubric()}
    assert loads(dumps(rubrics).encode(), QUESTIONS) == rubrics


def test_an_assignment_has_the_rubrics_beside_it_and_its_digest_has_not(make_assignment: MakeAssignment) -> None:
    folder = make_assignment()
    before = catalogue.load(folder)
    (folder / "rubric.toml").write_text('["q1.1.written"]\nphrases = ["Why?"]\n', "utf-8")
    after = catalogue.load(folder)
    assert (before.rubrics, after.rubrics) == ({}, {"q1.1.written": QuestionRubric(phrases=["Why?"])})
    assert (after.digest, after.written_digest) == (before.digest, before.written_digest)


def test_an_author_is_told_the_file_too(make_assignment: MakeAssignment) -> None:
    folder = make_assignment()
    (folder / "rubric.toml").write_text('["q1.1"]\n', "utf-8")
    with pytest.raises(BadAssignment, match=r"toy/rubric.toml: there is no written question 'q1.1': write one of"):
        catalogue.load(folder)
