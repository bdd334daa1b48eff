"""Every assignment is checked, replayed and packed, and no text of one speaks of another. That the engine names none is
tested in tests/unit/test_engine_knows_no_assignment.py."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest

from grader.assignments import catalogue
from grader.assignments.catalogue import Assignment
from tests.conftest import ROOT, Command

pytestmark = pytest.mark.long

REFERENCE = ROOT / "reference"
IDS = sorted(path.parent.name for path in REFERENCE.glob("*/assignment.toml"))
ASSIGNMENTS = {id: catalogue.load(REFERENCE / id) for id in IDS}


def words(assignment: Assignment) -> set[str]:
    """Return what only a text about this assignment should name. Its id may be an ordinary word."""
    manifest = assignment.manifest
    return {*manifest.files, *manifest.entry_points.names, *(long.name for long in manifest.long)}


def speaks_of_others(text: str, assignment: Assignment) -> list[str]:
    others = set().union(*(words(other) for other in ASSIGNMENTS.values() if other.id != assignment.id))
    return [word for word in others - words(assignment) if re.search(rf"(?<![\w.]){re.escape(word)}(?!\w)", text)]


def right_solution(assignment: Assignment) -> Path:
    """Return a complete right submission."""
    return next(path for path in sorted((assignment.folder / "variants").glob("*.py")))


@pytest.fixture(params=IDS)
def assignment(request: pytest.FixtureRequest) -> Assignment:
    return ASSIGNMENTS[request.param]


@pytest.fixture
def wrong(assignment: Assignment, tmp_path: Path) -> Path:
    """A file whose last line with code cannot be read."""
    file = tmp_path / assignment.files[0]
    file.write_text(right_solution(assignment).read_text("utf-8") + "\nclass :\n", "utf-8")
    return file


def test_what_is_shown_speaks_of_no_other(assignment: Assignment, command: Command, wrong: Path) -> None:
    shown = [
        command("check", file, "-a", assignment.id, "--code").stdout for file in (right_solution(assignment), wrong)
    ]
    assert "SyntaxError" in shown[1]
    assert speaks_of_others("\n".join(shown), assignment) == []


def test_one_verdict_is_formed_again(assignment: Assignment, command: Command, tmp_path: Path) -> None:
    solution = right_solution(assignment)
    (tmp_path / "report.json").write_text(command("check", solution, "-a", assignment.id, "--code", "--json").stdout)
    (tmp_path / solution.name).write_bytes(solution.read_bytes())
    long = {section for check in assignment.manifest.long for section in check.sections}
    checks = [id for part in assignment.parts for id in part.points_of_checks if id.rpartition(".")[0] not in long]
    done = command("replay", tmp_path / "report.json", checks[-1])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("assignment", sorted(set(IDS) - {"ps4"}), indirect=True)
def test_the_students_pack_earns_the_same(assignment: Assignment, command: Command, tmp_path: Path) -> None:
    """ps4's pack, the largest, has tests of its own."""
    done = command("pack", "student", assignment.id, "--to", tmp_path / "pack.zip")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "pack.zip") as archive:
        archive.extractall(tmp_path / "pack")
    readme = (tmp_path / "pack" / "README.txt").read_text("utf-8")
    assert assignment.files[0] in readme
    assert speaks_of_others(readme, assignment) == []
    held = [path.name for path in (tmp_path / "pack" / assignment.id).iterdir()]
    assert not {"reference.py", "truth.py", "mistakes.py", "variants", "faults"} & set(held)
    checked = command("check", right_solution(assignment), "-a", tmp_path / "pack" / assignment.id, "--json")
    assert checked.returncode == 0, checked.stderr
    points = json.loads(checked.stdout)["points"]
    assert points["earned"] == points["decided"] > 0
