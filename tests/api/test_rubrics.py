"""Rubrics in files: beside the assignment, exported, and imported in another course."""

from __future__ import annotations

from typing import Any

import pytest

from grader.assignments import catalogue
from grader.assignments.rubric_file import loads
from grader.course.rubrics import add
from grader.model import Points
from grader.store import answer_marks, people
from grader.store.answer_marks import NewMark
from grader.store.records import Course, Offering, Role
from grader.store.rubrics import OfferedQuestion
from tests.api.test_course_pages import Editor
from tests.api.test_courses import ask, got
from tests.api.test_pages import words
from tests.api.world import World
from tests.conftest import TOY_TOML, MakeAssignment

TOML = TOY_TOML.replace(
    '{ id = "q1.1.written", title = "Why", points = 1.5 }',
    '{ id = "q1.1.written", title = "Why", points = 1 }, { id = "q1.1.how", title = "How", points = 0.5 }',
)
FILE = """\
["q1.1.written"]
markers = 2
items = [
    { text = "Right", points = 1 },
    { text = "A sign is wrong", points = -0.25 },
]
phrases = ["See page 12."]

["q1.1.how"]
items = [{ text = "Right", points = 0.5 }]
"""
TOY, OTHER, NEW = (f"/api/v1/courses/{course}/assignments/toy" for course in ("ml", "other", "new"))
WRITTEN = f"{TOY}/questions/q1.1.written"
PAGE = "/courses/ml/assignments/toy"
THEIRS = "/courses/other/assignments/toy/marking"
RUBRIC = "/marking/rubric.toml"


@pytest.fixture
def room(world: World, make_assignment: MakeAssignment, monkeypatch: pytest.MonkeyPatch) -> World:
    """The toy assignment has two written questions, and rubrics for both. grace is staff of all courses."""
    folder = make_assignment(TOML)
    (folder / "rubric.toml").write_text(FILE, "utf-8")
    monkeypatch.setitem(world.service.assignments, "toy", catalogue.load(folder))  # type: ignore[arg-type]
    with world.service.store.write() as tx:
        people.add_course(tx, Course("new", "Does not offer it yet"))
        for course in ("other", "new"):
            people.put_member(tx, course, world.people["grace"].id, Role.STAFF)
    return world


def offer(room: World) -> Any:
    return ask(room, "PUT", NEW, "grace", json={}).json()["rubrics"]


def rubrics(room: World, path: str = TOY) -> Any:
    """Everything about the marking of each question but the ids of its items and comments."""
    questions = got(room, f"{path}/questions", "grace")
    for question in questions:
        question["rubric"] = [(item["text"], item["points"]) for item in question["rubric"]]
        question["phrases"] = [phrase["text"] for phrase in question["phrases"]]
    return {
        question["question"]: (question["markers"], question["rubric"], question["phrases"]) for question in questions
    }


ALL = {
    "q1.1.written": (2, [("Right", 1), ("A sign is wrong", -0.25)], ["See page 12."]),
    "q1.1.how": (1, [("Right", 0.5)], []),
}


def test_the_first_offer_adds_the_rubrics_beside_the_assignment_and_later_ones_nothing(room: World) -> None:
    assert offer(room) == "Rubrics added from rubric.toml: 2."
    assert rubrics(room, NEW) == ALL
    question = got(room, f"{NEW}/questions", "grace")[0]
    ask(room, "DELETE", f"{NEW}/questions/q1.1.written/rubric/{question['rubric'][0]['id']}", "grace")
    before = got(room, f"{NEW}/questions", "grace")
    assert offer(room) == ""
    assert got(room, f"{NEW}/questions", "grace") == before  # ids, too


@pytest.mark.parametrize(
    ("change", "body"),
    [("/rubric", {"text": "Ours", "points": 1}), ("/phrases", {"text": "Ours"}), ("", {"markers": 2})],
)
def test_a_question_with_a_rubric_comments_or_markers_keeps_them(room: World, change: str, body: Any) -> None:
    written = f"{OTHER}/questions/q1.1.written"
    ask(room, "POST" if change else "PUT", written + change, "grace", json=body)
    before = rubrics(room, OTHER)["q1.1.written"]
    imported(room)
    assert rubrics(room, OTHER) == ALL | {"q1.1.written": before}


def test_a_question_that_is_marked_gets_no_rubric(room: World) -> None:
    question = OfferedQuestion("other", "toy", "q1.1.written")
    with room.service.store.write() as tx:
        answer_marks.put(tx, question, "0" * 64, room.people["grace"].id, NewMark(adjustment=Points(1)))
    imported(room)
    assert rubrics(room, OTHER) == ALL | {"q1.1.written": (1, [], [])}


def test_the_form_says_what_was_added(room: World) -> None:
    grace = Editor(room, "grace")
    settings = "/courses/new/assignments/toy/settings"
    assert "Added from rubric.toml: the rubrics of 2 questions." in words(grace.saves(settings, settings))
    assert "Added" not in words(grace.saves(settings, settings))


def imported(room: World) -> None:
    """grace imports the file in the other course."""
    grace = Editor(room, "grace")
    shown = grace.sends(THEIRS, THEIRS + "/rubric.toml", FILE.encode("utf-8-sig"))
    grace.confirms(shown.text, THEIRS + "/rubric.toml")


def test_an_exported_file_brings_another_course_the_same_rubrics(room: World) -> None:
    with room.service.store.write() as tx:
        add(tx, Offering("ml", "toy"), loads(FILE.encode(), ["q1.1.written", "q1.1.how"]))
    ask(room, "POST", f"{WRITTEN}/rubric", "grace", json={"text": 'odd "text"\x7f\n\\é', "points": 0.01})
    grace = Editor(room, "grace")
    file = grace.asks(PAGE + RUBRIC)
    assert 'filename="rubric.toml"' in file.headers["content-disposition"]
    shown = grace.sends(THEIRS, THEIRS + "/rubric.toml", file.content)
    assert "Why q1.1.written : 3 items, 1 comment, two markers" in words(shown.text)
    assert rubrics(room, OTHER)["q1.1.written"] == (1, [], [])  # nothing before they agree
    grace.confirms(shown.text, THEIRS + "/rubric.toml")
    assert rubrics(room, OTHER) == rubrics(room)
    assert grace.asks(THEIRS + "/rubric.toml").content == file.content
    again = words(grace.sends(THEIRS, THEIRS + "/rubric.toml", file.content).text)
    assert "The file adds nothing." in again


def test_an_import_shows_which_rubrics_stay(room: World) -> None:
    ask(room, "POST", f"{OTHER}/questions/q1.1.how/rubric", "grace", json={"text": "Theirs", "points": 1})
    grace = Editor(room, "grace")
    shown = grace.sends(THEIRS, THEIRS + "/rubric.toml", FILE.encode())
    assert "These questions have another rubric, or are marked already, and stay as they are: q1.1.how." in words(
        shown.text
    )
    grace.confirms(shown.text, THEIRS + "/rubric.toml")
    assert rubrics(room, OTHER) == ALL | {"q1.1.how": (1, [("Theirs", 1)], [])}


@pytest.mark.parametrize("content", [b"\xff", b"a = " + b"[" * 100_000, b'["q9"]\n', b"<script>" * 1_000_000])
def test_a_hostile_file_is_refused(room: World, content: bytes) -> None:
    answer = Editor(room, "grace").sends(THEIRS, THEIRS + "/rubric.toml", content)
    assert answer.status_code == 422
    assert rubrics(room, OTHER)["q1.1.written"] == (1, [], [])
