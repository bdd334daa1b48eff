"""Watching a submission being graded."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx2
import pytest

from grader.model import Status
from grader.store import people
from grader.store.records import TokenKind
from grader.workers.events import CheckEvent, Event, Hub
from tests.api.serving import serving
from tests.api.world import COURSE, World

Said = tuple[str, dict[str, Any]]
CHECKS = (CheckEvent("q1.2.negative", Status.PASSED, 2.0, 2.0),)


@pytest.fixture
def url(world: World) -> Iterator[str]:
    with serving(world) as (host, port):
        yield f"http://{host}:{port}"


@contextmanager
def watching(world: World, url: str, id: str, login: str = "ada") -> Iterator[Iterator[Said]]:
    with httpx2.stream("GET", f"{url}/api/v1/submissions/{id}/events", headers=world.headers(login), timeout=30) as r:
        assert r.headers["content-type"].startswith("text/event-stream")
        yield _events(r.iter_lines())


def _events(lines: Iterator[str]) -> Iterator[Said]:
    name = ""
    deadline = time.monotonic() + 60
    for line in lines:  # comments come every 15 seconds where nothing else does
        assert time.monotonic() < deadline
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.02)


def watchers(hub: Hub) -> int:
    return sum(len(watched.watchers) for watched in hub._gradings.values())


def test_a_stream_tells_the_whole_way_from_queue_to_report(world: World, url: str) -> None:
    id = world.hand_in("ada")
    events = world.service.events
    with watching(world, url, id) as said:
        assert next(said)[1] | {"grading": ""} == {"grading": "", "state": "queued", "final": False}
        assert next(said) == ("position", {"position": 1, "estimate_seconds": None})
        grading = world.grade_next()
        events.publish(Event(grading, "state", "running"))
        events.publish(Event(grading, "training", "q1.2", cpu_seconds=1.5, limit=10.0))
        events.publish(Event(grading, "section", "q1.2", True, CHECKS))
        events.publish(Event(grading, "state", "graded", done=True))
        rest = list(said)
    assert [name for name, _ in rest] == ["state", "training", "section", "state", "end"]
    assert rest[1][1] == {"section": "q1.2", "cpu_seconds": 1.5, "limit": 10.0}
    assert rest[2][1]["checks"] == [
        {"id": "q1.2.negative", "status": "passed", "points": 2.0, "possible": 2.0, "reason": ""}
    ]
    assert rest[-1] == ("end", {"state": "graded"})


def test_changes_by_another_machine_are_streamed_without_an_event(world: World, url: str) -> None:
    id = world.hand_in("ada")
    with watching(world, url, id) as said:
        next(said)
        world.grade_next()
        assert list(said)[-1] == ("end", {"state": "graded"})


def test_a_late_watcher_gets_past_events(world: World, url: str) -> None:
    id = world.hand_in("ada")
    grading = world.client.get(f"/api/v1/submissions/{id}", headers=world.headers("ada")).json()["gradings"][0]["id"]
    world.service.events.publish(Event(grading, "section", "q1.2", True, CHECKS))
    with watching(world, url, id) as said:
        assert [next(said)[0] for _ in range(3)] == ["state", "position", "section"]


def test_the_stream_of_a_final_grading_ends_at_once(world: World) -> None:
    id = world.hand_in("ada")
    world.grade_next()
    answer = world.client.get(f"/api/v1/submissions/{id}/events", headers=world.headers("ada"))
    assert [name for name, _ in _events(iter(answer.text.splitlines()))] == ["state", "end"]
    assert "retry: 3000" in answer.text


def test_a_student_s_events_hide_what_the_report_hides(world: World, url: str) -> None:
    world.set(held=True)
    id = world.hand_in("ada")
    with watching(world, url, id) as mine, watching(world, url, id, "grace") as of_staff:
        grading = next(mine)[1]["grading"]
        assert [next(of_staff)[0], next(of_staff)[0], next(mine)[0]] == ["state", "position", "position"]
        world.service.events.publish(Event(grading, "section", "q1.2", True, CHECKS))
        assert next(mine)[1]["checks"][0] == {
            "id": "q1.2.negative",
            "status": "waiting",
            "points": 0,
            "possible": 2,
            "reason": "",
        }
        assert next(of_staff)[1]["checks"][0]["status"] == "passed"


def test_a_watcher_that_disconnects_is_removed(world: World, url: str) -> None:
    id = world.hand_in("ada")
    with watching(world, url, id) as said:
        next(said)
        assert watchers(world.service.events) == 1
    until(lambda: watchers(world.service.events) == 0)


# ── who may watch no more ────────────────────────────────────────────────────────────────────────────


def revoke(world: World, login: str) -> None:
    with world.service.store.write() as tx:
        person = world.people[login].id
        for token in people.tokens_of(tx, person):
            assert people.revoke_token(tx, person, token.id)


def leave(world: World, login: str) -> None:
    with world.service.store.write() as tx:
        people.remove_member(tx, COURSE, world.people[login].id)


@pytest.mark.parametrize("end", [revoke, leave])
@pytest.mark.parametrize("something_happens", [True, False])
def test_a_stream_ends_with_the_right_to_watch(
    world: World, url: str, end: Callable[[World, str], None], something_happens: bool
) -> None:
    id = world.hand_in("ada")
    with watching(world, url, id) as said:
        grading = next(said)[1]["grading"]
        assert next(said)[0] == "position"
        end(world, "ada")
        if something_happens:
            world.service.events.publish(Event(grading, "section", "q1.2", True, CHECKS))
        assert list(said) == []


def test_a_stream_ends_with_its_session(world: World, url: str) -> None:
    id = world.hand_in("ada")
    with world.service.store.write() as tx:
        secret = people.new_token(tx, world.people["ada"].id, TokenKind.SESSION)
    with httpx2.stream(
        "GET", f"{url}/api/v1/submissions/{id}/events", headers={"Cookie": f"grader={secret}"}, timeout=30
    ) as answer:
        said = _events(answer.iter_lines())
        assert [next(said)[0] for _ in range(2)] == ["state", "position"]
        with world.service.store.write() as tx:
            people.end_session(tx, secret)
        assert list(said) == []


def test_others_go_on_where_one_may_watch_no_more(world: World, url: str) -> None:
    id = world.hand_in("ada")
    with watching(world, url, id) as mine, watching(world, url, id, "grace") as of_staff:
        grading = next(of_staff)[1]["grading"]
        leave(world, "ada")
        next(of_staff)
        world.service.events.publish(Event(grading, "section", "q1.2", True, CHECKS))
        assert next(of_staff)[0] == "section"
        assert "section" not in [name for name, _ in mine]


def test_one_person_s_streams_are_few_and_others_go_on(world: World, url: str) -> None:
    id = world.hand_in("ada")
    limit = world.service.settings.streams_limit
    with ExitStack() as open_:
        streams = [open_.enter_context(watching(world, url, id)) for _ in range(limit)]
        assert [next(said)[0] for said in streams] == ["state"] * limit
        refused = httpx2.get(f"{url}/api/v1/submissions/{id}/events", headers=world.headers("ada"), timeout=30)
        assert (refused.status_code, refused.json()["type"]) == (429, "/problems/too-many-streams")
        assert int(refused.headers["retry-after"]) > 0
        with watching(world, url, id, "grace") as said:
            assert next(said)[0] == "state"
    until(lambda: watchers(world.service.events) == 0)
    with watching(world, url, id) as said:
        assert next(said)[0] == "state"
