"""Every refusal is RFC 9457 for programs and a page for people."""

from __future__ import annotations

import pytest

from grader.store import people
from grader.store.records import Course
from tests.api.world import World


def test_a_program_gets_a_problem_of_rfc_9457(world: World) -> None:
    answer = world.client.get("/api/v1/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail"} <= set(answer.json())


def test_a_browser_gets_a_page(world: World) -> None:
    answer = world.client.get("/nothing", headers={"Accept": "text/html,*/*"})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


def test_below_api_even_a_browser_gets_json(world: World) -> None:
    answer = world.client.get("/api/v1/nothing", headers={"Accept": "text/html"})
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_error_of_our_own_model_is_internal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the models of request bodies have fields that a person may have sent."""
    monkeypatch.setattr(people, "all_courses", lambda _: [Course("ml", None)])  # type: ignore[arg-type]
    answer = world.client.get("/api/v1/courses", headers=world.headers("root"))
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal-error")


@pytest.mark.parametrize(("path", "methods"), [("/api/v1/courses", "GET, POST"), ("/login", "GET, POST")])
def test_every_method_of_a_path_is_allowed(world: World, path: str, methods: str) -> None:
    answer = world.client.request("PATCH", path, headers=world.headers("ada"))
    assert (answer.status_code, answer.headers["allow"]) == (405, methods)
