"""NUL, which PostgreSQL cannot store, in what people send."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from grader.api.app import create_app
from grader.assignments.catalogue import Assignment
from grader.service import Service
from grader.settings import Settings
from grader.store.database import Store
from grader.store.queue import StoreQueue
from grader.workers.events import Hub
from tests.api.world import ASSIGNMENT, LANE, intake, populate


@pytest.fixture
def world(store: Store, toy: Assignment, tmp_path: Path) -> Iterator[tuple[TestClient, dict[str, str]]]:
    """A client of a service on the database, and people's tokens."""
    _, tokens = populate(store)
    settings = Settings(home=tmp_path, assignments=toy.folder.parent)
    queue = StoreQueue({ASSIGNMENT: LANE})
    service = Service(store, queue, Hub(), {ASSIGNMENT: toy}, settings, intake())
    with TestClient(create_app(service)) as client:
        yield client, tokens


def test_a_login_with_nul_is_unknown(world: tuple[TestClient, dict[str, str]]) -> None:
    client, _ = world
    for login in ("a\0da", "ada\0", "\0"):
        answer = client.post("/login/password", data={"login": login, "password": "correct horse battery"})
        assert (answer.status_code, "The login or the password is wrong" in answer.text) == (403, True)
