"""Fixtures of the HTTP door's tests; `world` is what they all stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from grader import catalogue
from grader.api.app import create_app
from grader.catalogue import Assignment
from grader.dispatch.events import Hub
from grader.dispatch.here import Here
from grader.dispatch.process import Plan
from grader.intake import receive
from grader.model import Report
from grader.pipeline import grade
from grader.sandbox.contract import Sandbox
from grader.seeds import Seed
from grader.service import Service
from grader.settings import Settings
from grader.store.database import Store
from tests.api.world import ASSIGNMENT, LANE, WRONG, World, populate
from tests.conftest import TOY_CHECKS, TOY_SOLUTION, TOY_TOML

SECRET = b"tests"


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    folder = tmp_path_factory.mktemp("assignments") / ASSIGNMENT
    folder.mkdir()
    (folder / "assignment.toml").write_text(TOY_TOML, "utf-8")
    (folder / "checks.py").write_text(TOY_CHECKS, "utf-8")
    return catalogue.load(folder)


@pytest.fixture(scope="session")
def reports(toy: Assignment, sandbox: Sandbox) -> dict[str, Report]:
    sources = {"right": TOY_SOLUTION, "wrong": WRONG}
    return {
        name: grade(receive("mlp.py", source.encode()), toy, sandbox, Seed(SECRET)) for name, source in sources.items()
    }


@pytest.fixture
def world(tmp_path: Path, toy: Assignment, reports: dict[str, Report]) -> Iterator[World]:
    store = Store(f"sqlite:///{tmp_path}/grader.db")
    store.migrate()
    settings = Settings(home=tmp_path, assignments=toy.folder.parent)
    events = Hub()
    # its workers are not started: nobody empties it but the test
    queue = Here(
        store, events, Plan(settings.assignments, settings.runtime, "bubblewrap"), SECRET, 1, {ASSIGNMENT: LANE}
    )
    service = Service(store, queue, events, {ASSIGNMENT: toy}, settings)
    who, tokens = populate(store)
    with TestClient(create_app(service)) as client:
        yield World(service, client, who, tokens, reports)
    store.close()
