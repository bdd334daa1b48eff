"""`grader check` starts its sandbox before it imports what takes as long."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.cli import early
from grader.model import Limits
from grader.sandbox import bubblewrap
from grader.sandbox.launch import COMMON_IMPORTS
from grader.settings import Settings
from tests.conftest import ROOT

pytestmark = pytest.mark.long

PERFECT = str(ROOT / "submissions" / "perfect")
"""Its file imports matplotlib and no scipy."""


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    for process, _ in bubblewrap._early.values():
        process.close()
    bubblewrap._early.clear()


@pytest.mark.parametrize("imports", [COMMON_IMPORTS[:1], ()])
def test_the_process_of_a_submission_is_used_where_it_has_imported_enough(imports: tuple[str, ...]) -> None:
    early.start(["--code", PERFECT])
    ((process, imported),) = bubblewrap._early.values()
    assert imported == {"matplotlib.pyplot"}
    room = bubblewrap.bubblewrap(Settings().runtime, imports=imports)
    assert room._templates == [process]
    room.session(Limits(), {}).close()
    room.close()


def test_a_process_that_lacks_an_import_is_not_used() -> None:
    early.start([PERFECT])
    ((process, _),) = bubblewrap._early.values()
    room = bubblewrap.bubblewrap(Settings().runtime, imports=COMMON_IMPORTS)
    assert process not in room._templates
    assert process._process.poll() is not None
    room.close()


def test_a_process_that_was_not_used_ends_with_the_next_start() -> None:
    early.start([PERFECT])
    ((unused, _),) = bubblewrap._early.values()
    early.start([PERFECT])
    assert unused._process.poll() is not None


@pytest.mark.parametrize("arguments", [["--help"], ["no-such-file.py"], ["--sandbox", "plain", PERFECT]])
def test_nothing_is_started_where_a_submission_is_not_graded_in_bubblewrap(arguments: list[str]) -> None:
    early.start(arguments)
    assert not bubblewrap._early


def test_the_command_starts_its_sandbox_before_it_imports_the_libraries_of_grading(tmp_path: Path) -> None:
    file = tmp_path / "mlp.py"
    file.write_text("class TwoLayerMLP: pass\n")
    command = [sys.executable, "-X", "importtime", "-m", "grader", "check", "--code", str(file)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()
    imported = [line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")]
    assert imported.index("grader.sandbox.bubblewrap") < imported.index("grader.model")
