"""Downloads of an assignment: the handout and the student's pack, which a process of its own builds once."""

from __future__ import annotations

import datetime as dt
import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

import grader
from grader.api import packs as api_packs
from grader.api.app import create_app
from grader.assignments import catalogue
from grader.assignments.catalogue import Assignment
from grader.model import Report
from grader.store import offerings
from grader.store.records import Offering
from tests.api.world import World, living
from tests.running import WAIT_SECONDS

DEMO = "/courses/ml/assignments/demo"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, toy: Assignment, reports: dict[str, Report]) -> Iterator[World]:
    """A world whose course also offers the demo, which has a handout and a reference."""
    with living(tmp_path_factory.mktemp("packs"), toy, reports) as world:
        demo = catalogue.load(Path(grader.__file__).parent / "demo")
        world.service.assignments["demo"] = demo  # type: ignore[index]
        offer(world)
        yield world


def offer(world: World, **fields: object) -> None:
    with world.service.store.write() as tx:
        offerings.put_offering(tx, Offering("ml", "demo", **fields))  # type: ignore[arg-type]


def ask(world: World, name: str, login: str) -> Response:
    return world.client.get(f"{DEMO}/{name}.zip", headers=world.headers(login))


def when_built(world: World, assignment: str) -> Response:
    """Ask for a pack until it is no longer being built."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        path = DEMO.replace("demo", assignment)
        answer = world.client.get(f"{path}/pack.zip", headers=world.headers("ada"))
        if "pack-building" not in answer.text:
            return answer
        assert answer.headers["retry-after"]
        assert time.monotonic() < deadline
        time.sleep(0.2)


def names(content: bytes) -> set[str]:
    return set(zipfile.ZipFile(io.BytesIO(content)).namelist())


def test_the_handout_is_a_folder_with_its_files(world: World) -> None:
    answer = ask(world, "handout", "ada")
    assert answer.headers["content-disposition"].startswith('attachment; filename="demo-handout.zip"')
    folder = world.service.assignments["demo"].folder / "handout"
    files = {f"handout/{file.name}" for file in folder.iterdir() if file.is_file()}
    assert names(answer.content) == files
    assert ask(world, "handout", "ada").content == answer.content


def test_a_pack_is_built_once_and_kept(world: World) -> None:
    assert (ask(world, "pack", "ada").status_code, ask(world, "pack", "bob").status_code) == (503, 503)
    packs = world.client.app.state.packs  # type: ignore[attr-defined]
    build = packs._build
    answer = when_built(world, "demo")
    there = names(answer.content)
    assert {"README.txt", "precheck/pyproject.toml", "demo/recorded.bin"} <= there
    assert there.isdisjoint({"demo/reference.py", "demo/mistakes.py"})
    assert packs._build is build  # two students asked
    again = create_app(world.service)  # as after a new start of the service
    with TestClient(again) as client:
        kept = client.get(f"{DEMO}/pack.zip", headers=world.headers("bob"))
    assert kept.content == answer.content


def test_a_pack_that_cannot_be_built_is_tried_again_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = when_built(world, "toy")  # which has no handout and no reference
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/pack-failed")
    assert "tell the course's staff" in answer.json()["detail"]
    packs = world.client.app.state.packs  # type: ignore[attr-defined]
    build = packs._build
    when_built(world, "toy")
    assert packs._build is build
    monkeypatch.setattr(api_packs, "_RETRY_SECONDS", 0.0)
    toy = world.client.get(f"{DEMO.replace('demo', 'toy')}/pack.zip", headers=world.headers("ada"))
    assert toy.json()["type"] == "/problems/pack-building"
    assert packs._build is not build
    packs._build.join()


def test_students_download_nothing_before_it_opens(world: World) -> None:
    offer(world, opens_at=dt.datetime(2100, 1, 1, tzinfo=dt.UTC))
    for name in ("handout", "pack"):
        assert ask(world, name, "ada").json()["type"] == "/problems/not-open-yet"
        assert ask(world, name, "eve").status_code == 404
    page = world.client.get(DEMO, headers=world.headers("ada") | {"Accept": "text/html"}).text
    assert ".zip" not in page
    assert ask(world, "handout", "grace").status_code == 200
    offer(world)


def test_checks_that_are_hidden_are_in_no_students_download(world: World) -> None:
    offer(world, hidden=("q1",))
    assert ask(world, "pack", "ada").status_code == 404
    assert ask(world, "pack", "grace").status_code in (200, 503)
    page = world.client.get(DEMO, headers=world.headers("ada") | {"Accept": "text/html"}).text
    assert ("handout.zip" in page, "pack.zip" in page) == (True, False)
    offer(world)
