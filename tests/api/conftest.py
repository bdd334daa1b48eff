"""Fixtures of the HTTP door's tests; `world` is what they all stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.engine.grade import grade
from grader.intake.receive import receive
from grader.model import Report
from grader.sandbox.contract import Sandbox
from tests.api.world import SECRET, WRONG, World, living
from tests.conftest import TOY_SOLUTION, MakeNotebook


@pytest.fixture(scope="session")
def reports(toy: Assignment, sandbox: Sandbox, make_notebook: MakeNotebook) -> dict[str, Report]:
    files = {
        "right": ("mlp.py", TOY_SOLUTION.encode()),
        "wrong": ("mlp.py", WRONG.encode()),
        "without_code": ("ps4.ipynb", make_notebook(("code", "from sums import Sums"))),
    }
    return {name: grade(receive(*file, "mlp.py"), toy, sandbox, Seed(SECRET)) for name, file in files.items()}


@pytest.fixture
def world(tmp_path: Path, toy: Assignment, reports: dict[str, Report]) -> Iterator[World]:
    with living(tmp_path, toy, reports) as world:
        yield world
