"""Regrading: nothing changes for anybody until it is applied."""

from __future__ import annotations

from typing import Any

import pytest
from httpx2 import Response

from tests.api.world import ASSIGNMENT, COURSE, World

REGRADES = f"/api/v1/courses/{COURSE}/assignments/{ASSIGNMENT}/regrades"


def ask(world: World, method: str, path: str, login: str = "grace", body: Any = None) -> Response:
    return world.client.request(method, path, json=body, headers=world.headers(login))


def points(world: World, id: str) -> Any:
    return ask(world, "GET", f"/api/v1/submissions/{id}", "ada").json()["score"]["machine"]


@pytest.fixture
def graded(world: World) -> str:
    """Ada's, wrongly found right."""
    id = world.hand_in("ada")
    world.grade_next("right")
    return id


def started(world: World) -> str:
    answer = ask(world, "POST", REGRADES, body={"which": "latest"})
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/v1/regrades/{answer.json()['id']}"
    return str(answer.json()["id"])


def test_a_shadow_changes_nothing_and_tells_what_would(world: World, graded: str) -> None:
    regrade = started(world)
    world.grade_next("wrong")
    found = ask(world, "GET", f"/api/v1/regrades/{regrade}").json()
    (change,) = found["changes"]
    assert (change["before"], change["after"], [c["check"] for c in change["checks"]]) == (4, 2, ["q1.2.negative"])
    assert points(world, graded) == 4


def test_staff_see_that_a_submission_s_points_depend_on_chance(world: World, graded: str) -> None:
    def pages(login: str) -> list[bool]:
        paths = (f"/submissions/{graded}", regrade)
        return ["depend on chance" in ask(world, "GET", path, login).text for path in paths]

    regrade = f"/regrades/{started(world)}"
    world.grade_next("right")
    assert pages("grace") == [False, False]
    regrade = f"/regrades/{started(world)}"
    world.grade_next("wrong")
    assert (pages("grace"), pages("ada")) == ([True, True], [False, False])


def test_an_applied_regrade_counts(world: World, graded: str) -> None:
    regrade = started(world)
    world.grade_next("wrong")
    assert ask(world, "POST", f"/api/v1/regrades/{regrade}/apply").json()["state"] == "applied"
    assert points(world, graded) == 2


def test_what_still_runs_cannot_be_applied(world: World, graded: str) -> None:
    regrade = started(world)
    assert ask(world, "POST", f"/api/v1/regrades/{regrade}/apply").status_code == 409


def test_a_discarded_regrade_is_never_graded(world: World, graded: str) -> None:
    regrade = started(world)
    found = ask(world, "POST", f"/api/v1/regrades/{regrade}/discard").json()
    assert (found["state"], found["progress"]) == ("discarded", {"cancelled": 1})
    assert ask(world, "POST", f"/api/v1/regrades/{regrade}/discard").status_code == 409


def test_students_see_no_shadow(world: World, graded: str) -> None:
    started(world)
    world.grade_next("wrong")
    found = ask(world, "GET", f"/api/v1/submissions/{graded}", "ada").json()
    assert [g["regrade"] for g in found["gradings"]] == [None]


def test_one_submission_can_be_regraded(world: World, graded: str) -> None:
    answer = ask(world, "POST", f"/api/v1/submissions/{graded}/regrade")
    assert (answer.status_code, answer.json()["which"], answer.json()["progress"]) == (202, "one", {"queued": 1})
