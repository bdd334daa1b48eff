"""No database, no disk: a clear 503 with a time to come back, and recovery without anybody's help."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import Engine, event
from starlette.testclient import TestClient

from grader.api.app import create_app
from grader.errors import StoreUnavailable
from grader.store.database import Store
from tests.api.world import SUBMISSIONS, World
from tests.conftest import TOY_SOLUTION


def post(world: World, size: int = 0) -> Response:
    content = TOY_SOLUTION.encode() + b"# " + os.urandom(size // 2).hex().encode()
    return world.client.post(SUBMISSIONS, files=[("files", ("mlp.py", content))], headers=world.headers("ada"))


class Disk:
    """Pages that the database may have; None for no limit."""

    pages: int | None = None


@pytest.fixture
def disk() -> Iterator[Disk]:
    """SQLite's own limit stands for the disk's: the error is the same, and it can be lifted while connections live."""
    disk = Disk()

    def limit(connection: Any) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {disk.pages or 2**30}")

    event.listen(Engine, "begin", limit, insert=True)
    yield disk
    event.remove(Engine, "begin", limit)


def fill(world: World, disk: Disk) -> None:
    with world.service.store.read() as tx:
        disk.pages = tx.exec_driver_sql("PRAGMA page_count").scalar_one() + 8


def test_a_full_disk_refuses_keeps_nothing_half_and_recovers(world: World, disk: Disk) -> None:
    fill(world, disk)
    refused = post(world, size=200_000)
    kept = world.client.get(SUBMISSIONS, headers=world.headers("ada"))
    disk.pages = None
    accepted = post(world, size=200_000)
    assert (refused.status_code, refused.json()["type"]) == (503, "/problems/unavailable")
    assert refused.json()["detail"].startswith("try again in a moment")
    assert int(refused.headers["retry-after"]) > 0
    assert kept.json() == []
    assert accepted.status_code == 202


def test_what_a_full_disk_cannot_take_can_still_be_read(world: World, disk: Disk) -> None:
    id = world.hand_in("ada")
    world.grade_next()
    fill(world, disk)
    answer = world.client.get(f"/api/v1/submissions/{id}/report.json", headers=world.headers("ada"))
    assert answer.status_code == 200


@pytest.fixture
def away(world: World) -> Iterator[Path]:
    """The database's file is where nobody looks; connections to it are still open."""
    path = world.service.settings.home / "grader.db"
    path.rename(path.with_name("away.db"))
    yield path
    come_back(path)


def come_back(path: Path) -> None:
    hidden = path.with_name("away.db")
    if hidden.exists():
        hidden.rename(path)


PATHS = (SUBMISSIONS, f"/api/v1/submissions/{'0' * 26}", f"/api/v1/submissions/{'0' * 26}/events", "/api/v1/queue")


@pytest.mark.parametrize("path", PATHS)
def test_without_a_database_every_route_sends_retry_after(world: World, away: Path, path: str) -> None:
    answer = world.client.get(path, headers=world.headers("ada"))
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_a_database_that_comes_back_is_used_again(world: World, away: Path) -> None:
    refused = post(world)
    come_back(away)
    assert (refused.status_code, post(world).status_code) == (503, 202)


def test_no_empty_database_takes_the_place_of_one_that_is_missing(world: World, away: Path) -> None:
    assert post(world).status_code == 503
    assert not away.exists()


def test_health_and_metrics_do_without_a_database(world: World, away: Path) -> None:
    assert world.client.get("/healthz").status_code == 200
    assert "grader_database_up 0.0" in world.client.get("/metrics").text
    assert world.client.get("/readyz").json()["parts"]["database"]["ok"] is False


def test_no_public_error_names_a_host_or_a_port(world: World) -> None:
    away = Store("postgresql://grader@127.0.0.1:1/elsewhere")
    client = TestClient(create_app(replace(world.service, store=away)), client=("127.0.0.1", 50000))
    answers = [
        client.get("/api/v1/courses", headers=world.headers("ada")),
        client.post(SUBMISSIONS, files=[("files", ("mlp.py", b"x"))], headers=world.headers("ada")),
        client.get("/readyz"),
        client.get("/", headers={"Accept": "text/html", "Cookie": "grader=x"}),
    ]
    away.close()
    assert [answer.status_code for answer in answers] == [503] * 4
    told = "".join(answer.text for answer in answers)
    assert [word for word in ("127.0.0.1", "elsewhere", "port ", "refused") if word in told] == []
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1.*port 1 "), away.read():  # for the log, it is named
        pass
