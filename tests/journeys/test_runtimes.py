"""An assignment whose students' code needs a package that the common environment does not have."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from grader.assignments import catalogue
from grader.errors import SandboxUnavailable
from grader.settings import Settings
from grader.workers.compatibility import compatibility_keys
from tests.conftest import ROOT, TOY_SOLUTION, TOY_TOML, Command, MakeAssignment
from tests.unit.assignments.test_sandboxed_truth import RIGHT, SHARE, write_shop

pytestmark = pytest.mark.long

EXTRA = "structlog"
"""A package that the grader itself uses, and no student."""


def pinned(file: Path, name: str) -> str:
    """Return a package's lines of a requirements file: its version and its hashes."""
    found = re.search(rf"^{name}==.*?(?=^\S|\Z)", file.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found, name
    return "\n".join(line for line in found[0].splitlines() if "# via" not in line and not line.strip().startswith("#"))


@pytest.fixture
def lock() -> str:
    """A package that only this assignment has. What the sandbox needs is not in the lock."""
    return pinned(ROOT / "requirements.lock", EXTRA) + "\n"


def test_its_environment_is_made_used_and_named(
    lock: str, make_assignment: MakeAssignment, grader: Command, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = make_assignment(toml=f'{TOY_TOML}\n[runtime]\nlock = "runtime.lock"\n')
    (folder / "runtime.lock").write_text(lock, "utf-8")
    solution = tmp_path / "solution.py"
    solution.write_text(f"import {EXTRA}\n{TOY_SOLUTION}", "utf-8")
    toy, common = catalogue.load(folder), Settings().runtime
    request.addfinalizer(lambda: shutil.rmtree(toy.runtime(common), ignore_errors=True))
    here = {"GRADER_ASSIGNMENTS": str(folder.parent)}

    with pytest.raises(SandboxUnavailable, match="grader runtimes"):
        compatibility_keys([toy], common, b"secret")
    made = grader("runtimes", **here)
    assert made.returncode == 0, made.stderr
    assert toy.runtime(common).name in made.stdout
    done = grader("check", solution, "-a", "toy", "--json", "--sandbox", "bubblewrap", **here)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["points"]["earned"] == 4
    assert report["environment"]["runtime"] == toy.runtime_name != ""
    assert "numpy" in compatibility_keys([toy], common, b"secret")["toy"]
    out = tmp_path / "out"
    (tmp_path / "class" / "ada").mkdir(parents=True)
    (tmp_path / "class" / "ada" / "sums.py").write_bytes(solution.read_bytes())
    batch = grader("batch", tmp_path / "class", "-o", out, "-a", "toy", **here)
    assert batch.returncode == 0, batch.stderr
    (graded,) = out.glob("students/*/report.json")
    assert json.loads(graded.read_text("utf-8"))["points"]["earned"] == 4


def test_students_are_graded_against_a_reference_in_the_sandbox(grader: Command, tmp_path: Path) -> None:
    folder = write_shop(tmp_path / "assignments" / "shop")
    here = {"GRADER_ASSIGNMENTS": str(folder.parent)}
    for name, total in {"ada": "price @ count", "bob": "price.sum()", "cleo": "7 * (price @ count)"}.items():
        submitted = tmp_path / "class" / name / "shop.py"
        submitted.parent.mkdir(parents=True)
        submitted.write_text(RIGHT.replace("price @ count", total) + SHARE, "utf-8")
    certified = grader("certify", "shop", **here)
    assert certified.returncode == 0, certified.stdout + certified.stderr
    assert "mistakes/without_count" in certified.stdout
    out = tmp_path / "out"
    batch = grader("batch", tmp_path / "class", "-o", out, "-a", "shop", **here)
    assert batch.returncode == 0, batch.stderr
    reports = [json.loads(file.read_text("utf-8")) for file in sorted(out.glob("students/*/report.json"))]
    assert [report["points"]["earned"] for report in reports] == [4, 2, 2]
    assert [report["parts"][0]["checks"][0]["mistake"] for report in reports] == ["", "without_count", ""]
