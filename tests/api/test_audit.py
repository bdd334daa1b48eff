"""The audit: what people decide is recorded with who, what, before, after and the request, and can be found."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from grader import store as package
from grader.model import Points
from grader.store import answer_marks, people, rubrics
from grader.store.answer_marks import NewMark
from grader.store.people import add_course, new_token, put_member, put_person
from grader.store.recording import Author
from grader.store.records import Course, Role, TokenKind
from grader.store.rubrics import OfferedQuestion
from tests.api.world import World

HISTORY = "/api/v1/courses/ml/history"
EXTENSIONS = "/api/v1/courses/ml/assignments/toy/extensions"


def history(world: World, login: str = "grace", path: str = HISTORY, **filter: str) -> list[dict[str, Any]]:
    answer = world.client.get(path, params=filter, headers=world.headers(login))
    assert answer.status_code == 200, answer.text
    entries: list[dict[str, Any]] = answer.json()
    return entries


def extend(world: World, due_at: str | None) -> str:
    extension = {"login": "ada", "due_at": due_at, "reason": "ill"}
    answer = world.client.put(EXTENSIONS, json=extension, headers=world.headers("grace"))
    assert answer.status_code < 300, answer.text
    return str(answer.headers["x-request-id"])


def test_a_change_is_recorded_with_who_what_before_after_and_the_request(world: World) -> None:
    extend(world, "2030-01-01T00:00:00Z")
    request = extend(world, "2030-01-02T00:00:00Z")
    newest, first = history(world)
    assert (newest["author"], newest["subject"], newest["request"]) == ("grace", "ada", request)
    assert (newest["course"], newest["assignment"]) == ("ml", "toy")
    assert (newest["action"], first["action"]) == ("extensions changed", "extensions added")
    assert newest["before"] == {"due_at": "2030-01-01 00:00:00+00:00"}
    assert newest["after"] == {"due_at": "2030-01-02 00:00:00+00:00"}
    assert (first["before"], first["after"]["reason"]) == ({}, "ill")
    extend(world, None)
    removed = history(world)[0]
    assert (removed["action"], removed["before"]["reason"], removed["after"]) == ("extensions removed", "ill", {})


def test_a_mark_that_is_replaced_is_one_change_of_the_submission(world: World) -> None:
    id = world.hand_in("ada")
    world.grade_next()
    path = f"/api/v1/submissions/{id}/marks/q1.2.negative"
    for points in (1, 0.5):
        world.client.put(path, json={"points": points}, headers=world.headers("grace"))
    newest, first = history(world, person="ada")
    assert (newest["action"], newest["detail"], newest["submission"]) == ("marks changed", "q1.2.negative", id)
    assert (newest["before"], newest["after"]) == ({"points": 1.0}, {"points": 0.5})
    assert (first["action"], newest["assignment"]) == ("marks added", "toy")


def test_rubric_items_of_a_mark_are_told_by_their_text(world: World) -> None:
    question = OfferedQuestion("ml", "toy", "q1.1.written")
    grace = world.people["grace"].id
    with world.service.store.write(Author(grace, "one")) as tx:
        item = rubrics.add_item(tx, question, "Right", Points(1))
        answer_marks.put(tx, question, "d" * 64, grace, NewMark((item.id,)))
    with world.service.store.write(Author(grace, "two")) as tx:
        answer_marks.put(tx, question, "d" * 64, grace, None)
    applied = history(world, action="mark items")
    assert [(entry["action"], entry["detail"]) for entry in applied] == [
        ("mark items removed", "q1.1.written Right"),
        ("mark items added", "q1.1.written Right"),
    ]


def test_the_history_is_filtered(world: World) -> None:
    extend(world, "2030-01-01T00:00:00Z")
    world.client.post("/courses/ml/late-days", data={"days": 3}, headers=world.headers("root"))
    actions = {
        ("by", "root"): ["courses changed"],
        ("by", "grac"): ["extensions added"],
        ("person", "AD"): ["extensions added"],
        ("person", "bob"): [],
        ("person", "nobody"): [],
        ("assignment", "toy"): ["extensions added"],
        ("action", "added"): ["extensions added"],
        ("action", ""): ["courses changed", "extensions added"],
    }
    for (name, value), expected in actions.items():
        assert [entry["action"] for entry in history(world, **{name: value})] == expected


def test_pages_of_the_history_have_every_change_once(world: World) -> None:
    with world.service.store.write(Author(None, "grader admin")) as tx:
        for number in range(150):
            person = people.put_person(tx, f"student{number}", "")
            people.put_member(tx, "ml", person.id, people.Role.STUDENT)
    first = history(world)
    second = history(world, before=first[-1]["id"])
    third = history(world, before=second[-1]["id"])
    assert [len(page) for page in (first, second)] == [100, 50]
    assert third == []
    assert len({entry["subject"] for entry in first + second}) == 150
    page = world.client.get("/courses/ml/history?by=&action=members", headers=world.headers("grace"))
    assert f"before={first[-1]['id']}" in page.text


def test_a_course_shows_its_own_changes_and_admins_see_all(world: World) -> None:
    extend(world, "2030-01-01T00:00:00Z")
    with world.service.store.write(Author(None, "grader admin")) as tx:
        add_course(tx, Course("new", "New"))
    assert {entry["course"] for entry in history(world)} == {"ml"}
    everything = history(world, "root", "/api/v1/history")
    assert [(entry["course"], entry["author"]) for entry in everything] == [("new", None), ("ml", "grace")]


def test_secrets_are_not_recorded_and_long_values_are_cut(world: World) -> None:
    world.client.post("/api/v1/tokens", json={"label": "mine"}, headers=world.headers("ada"))
    extension = {"login": "ada", "due_at": "2030-01-01T00:00:00Z", "reason": "x" * 900}
    world.client.put(EXTENSIONS, json=extension, headers=world.headers("grace"))
    token, extension = sorted(history(world, "root", "/api/v1/history"), key=lambda entry: -len(entry["action"]))[::-1]
    assert (token["action"], token["detail"]) == ("tokens added", "mine")
    assert "hash" not in token["after"]
    assert extension["after"]["reason"] == "x" * 500


def test_what_is_rolled_back_is_not_recorded(world: World) -> None:
    def fail() -> None:
        with world.service.store.write(Author(None, "fails")) as tx:
            add_course(tx, Course("new", "New"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert history(world, "root", "/api/v1/history") == []


def test_only_erasure_and_retention_change_rows_of_the_audit() -> None:
    """Only three modules know the table, and of these only the erasure updates or deletes anything."""
    calls_of = {}
    for file in Path(package.__file__).parent.rglob("*.py"):
        tree = ast.parse(file.read_text())
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        names = [name.name for node in imports if node.module == "grader.store.tables" for name in node.names]
        if "audit" in names:
            called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and "id" in vars(node.func)}
            calls_of[file.name] = called & {"insert", "update", "delete", "upsert", "insert_new", "change"}
    assert calls_of == {"audit.py": set(), "recording.py": {"insert"}, "erasure.py": {"insert", "update", "delete"}}


def test_a_marker_does_not_see_the_first_of_two_marks_in_the_history(world: World) -> None:
    question = OfferedQuestion("ml", "toy", "q1.1.written")
    with world.service.store.write() as tx:
        rubrics.set_markers(tx, question, 2)
        mary = put_person(tx, "mary", "Mary")
        put_member(tx, "ml", mary.id, Role.STAFF)
        world.tokens["mary"] = new_token(tx, mary.id, TokenKind.PROGRAM)
    with world.service.store.write(Author(world.people["grace"].id, "one")) as tx:
        answer_marks.put(tx, question, "d" * 64, world.people["grace"].id, NewMark(adjustment=Points(1)))
    shown = {who: [entry["action"] for entry in history(world, who)] for who in ("grace", "mary", "root")}
    assert shown == {"grace": ["answer marks added"], "mary": [], "root": ["answer marks added"]}
