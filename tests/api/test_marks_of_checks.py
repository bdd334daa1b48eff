"""Marks of checks: a person decides a check that waits, or replaces the points of any other check."""

from __future__ import annotations

from dataclasses import replace

import pytest
from httpx2 import Response

from grader.model import ZERO, Json, Report, Status
from tests.api.test_pages import OF_ASSIGNMENT, Visitor, words
from tests.api.world import World

CHECK = "q1.2.negative"


@pytest.fixture
def submission(world: World) -> str:
    """Ada's submission, in which the check waits."""
    world.reports = {**world.reports, "waiting": waiting(world.reports["right"])}
    id = world.hand_in("ada")
    world.grade_next("waiting")
    return id


def waiting(report: Report) -> Report:
    """Return the report with the check waiting."""
    parts = (
        replace(
            part,
            checks=tuple(
                replace(c, points=ZERO, status=Status.WAITING, reason="ratio 5.1") if c.id == CHECK else c
                for c in part.checks
            ),
        )
        for part in report.parts
    )
    return replace(report, parts=tuple(parts))


def put(world: World, id: str, points: object, check: str = CHECK, who: str = "grace") -> Response:
    path = f"/api/v1/submissions/{id}/marks/{check}"
    return world.client.put(path, json={"points": points, "comment": "fast enough"}, headers=world.headers(who))


def got(world: World, path: str, who: str = "ada") -> Json:
    answer = world.client.get(f"/api/v1/submissions/{path}", headers=world.headers(who))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def shown(world: World, id: str, check: str = CHECK) -> Json:
    """Return the check in the student's report."""
    parts = got(world, f"{id}/report.json")["parts"]
    return next(c for part in parts for c in part["checks"] if c["id"] == check)


def figures(world: World, id: str) -> tuple[float, float, float]:
    score = got(world, id)["score"]
    return score["final"], score["decided"], score["waiting"]


def test_a_mark_decides_a_check_that_waits(world: World, submission: str) -> None:
    assert figures(world, submission) == (2, 2, 2)
    assert put(world, submission, 1.5).status_code == 200
    assert figures(world, submission) == (3.5, 4, 0)
    assert (shown(world, submission)["points"], shown(world, submission)["reason"]) == (1.5, "fast enough")


def test_a_mark_replaces_the_points_of_a_decided_check(world: World, submission: str) -> None:
    put(world, submission, 0.25, "q1.1.small")
    assert figures(world, submission) == (1, 2, 2)
    assert shown(world, submission, "q1.1.small")["points"] == 0.25


def test_without_its_mark_the_check_waits_again(world: World, submission: str) -> None:
    put(world, submission, 2)
    path = f"/api/v1/submissions/{submission}/marks/{CHECK}"
    assert world.client.delete(path, headers=world.headers("grace")).json() == []
    assert figures(world, submission) == (2, 2, 2)
    assert shown(world, submission)["status"] == Status.WAITING


@pytest.mark.parametrize(
    ("points", "check", "who", "status"),
    [(2.25, CHECK, "grace", 422), (1, "q1.2.other", "grace", 404), (1, CHECK, "ada", 404)],
)
def test_a_mark_that_cannot_be_is_refused(
    world: World, submission: str, points: float, check: str, who: str, status: int
) -> None:
    assert put(world, submission, points, check, who).status_code == status


def test_a_mark_of_a_hidden_check_is_hidden(world: World, submission: str) -> None:
    put(world, submission, 2)
    world.set(hidden=("q1.2",))
    assert figures(world, submission) == (2, 2, 2)
    assert shown(world, submission)["points"] == 0
    assert got(world, submission, "grace")["score"]["final"] == 4


def test_a_regrade_keeps_the_mark(world: World, submission: str) -> None:
    put(world, submission, 1)
    path = f"/api/v1/submissions/{submission}/regrade"
    started = world.client.post(path, headers=world.headers("grace")).json()["id"]
    world.grade_next("right")
    applied = world.client.post(f"/api/v1/regrades/{started}/apply", headers=world.headers("grace"))
    assert applied.status_code == 200, applied.text
    assert figures(world, submission) == (3, 4, 0)


def test_staff_decide_on_the_pages(world: World, submission: str) -> None:
    grace, page = Visitor(world, "grace"), f"/submissions/{submission}"
    assert f"{CHECK} 2 Ada ratio 5.1" in words(grace.get(f"{OF_ASSIGNMENT}/marking")).replace(" ada ", " ")
    assert f"Waiting for your decision: {CHECK}." in words(grace.get(page))
    assert grace.sends(page, f"{page}/marks", check=CHECK, points="2", comment="seen by hand").status_code == 303
    assert "wait for you" not in words(grace.get(f"{OF_ASSIGNMENT}/marking"))
    student = words(Visitor(world, "ada").get(page))
    assert "4 of 5.5 points" in student
    assert "seen by hand" in student
    assert "Points of a check" not in student
    grace.sends(page, f"{page}/marks", check=CHECK, points="")
    assert f"Waiting for your decision: {CHECK}." in words(grace.get(page))


def test_a_marked_check_still_tells_what_it_found(world: World) -> None:
    id = world.hand_in("ada")
    world.grade_next("wrong")
    parts = got(world, f"{id}/report.json")["parts"]
    lost = next(check for part in parts for check in part["checks"] if check["status"] in ("failed", "partial"))
    assert put(world, id, lost["possible"] / 2, lost["id"]).status_code == 200
    marked = shown(world, id, lost["id"])
    assert (marked["points"], marked["reason"]) == (lost["possible"] / 2, "fast enough")
    assert marked["line"] == lost["line"]
    assert lost["reason"] in " ".join(marked["remarks"])
    put(world, id, lost["possible"], lost["id"])
    assert shown(world, id, lost["id"])["line"] is None, "nothing is to be mended there"


def test_a_new_attempt_tells_that_it_lost_points_that_a_person_gave(world: World) -> None:
    first = world.hand_in("ada")
    world.grade_next("wrong")
    parts = got(world, f"{first}/report.json")["parts"]
    lost = next(check for part in parts for check in part["checks"] if check["status"] in ("failed", "partial"))
    put(world, first, lost["possible"], lost["id"])
    world.hand_in("ada")
    world.grade_next("wrong")
    attempts = words(Visitor(world, "ada").get(OF_ASSIGNMENT))
    assert "the same verdicts" not in attempts
    assert lost["id"] in attempts
