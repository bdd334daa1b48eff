"""An instructor's new assignment is one folder: with it alone, the real command grades, by its path or by its id."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import TOY_SOLUTION, Command, MakeAssignment

pytestmark = pytest.mark.long


@pytest.fixture
def folder(make_assignment: MakeAssignment) -> Path:
    return make_assignment()


@pytest.fixture
def solution(tmp_path: Path) -> Path:
    file = tmp_path / "sums.py"
    file.write_text(TOY_SOLUTION)
    return file


def test_a_right_solution_earns_everything(command: Command, folder: Path, solution: Path) -> None:
    done = command("check", solution, "-a", folder, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["points"] == {"earned": 4, "decided": 4, "waiting": 1.5, "possible": 5.5}


def test_a_wrong_one_loses_what_is_wrong_and_is_told_why(command: Command, folder: Path, solution: Path) -> None:
    solution.write_text(TOY_SOLUTION.replace("return -a", "return a"))
    done = command("check", solution, "-a", folder)
    assert done.returncode == 0, done.stderr
    assert "negative(1) is -1 times the reference; got 1, expected -1" in done.stdout
    assert "2/2" in done.stdout
    assert "0/2" in done.stdout


def test_it_is_listed_and_found_by_its_id(command: Command, folder: Path, solution: Path) -> None:
    root = str(folder.parent)
    listed = json.loads(command("assignments", "--json", GRADER_ASSIGNMENTS=root).stdout)
    assert [(a["id"], a["points"]) for a in listed] == [("toy", 5.5)]
    assert command("check", solution, "-a", "toy", GRADER_ASSIGNMENTS=root).returncode == 0


def test_its_limits_are_its_own(command: Command, folder: Path, solution: Path) -> None:
    solution.write_text(TOY_SOLUTION.replace("return -a", "while True: pass"))
    done = command("check", solution, "-a", folder, "--only", "q1.2")
    assert "it used more than 1 CPU seconds and was stopped" in done.stdout
