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


def test_a_file_of_extensions_with_nul_is_refused(world: tuple[TestClient, dict[str, str]]) -> None:
    client, tokens = world
    date = "2030-01-01T00:00Z"
    lines = (f"a\0da,,{date},ill", f",tues\0day,{date},ill", f"ada,,{date},i\0ll")
    for line in lines:
        file = {"file": ("extensions.csv", f"login,label,due_at,reason\n{line}\n".encode())}
        headers = {"Authorization": f"Bearer {tokens['grace']}"}
        answer = client.put("/api/v1/courses/ml/assignments/toy/extensions.csv", files=file, headers=headers)
        assert (answer.status_code, "line 2: " in answer.json()["detail"]) == (422, True)
