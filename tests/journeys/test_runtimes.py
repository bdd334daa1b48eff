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

pytestmark = pytest.mark.long

COMMON = ROOT / "grader" / "sandbox" / "runtime.lock"
EXTRA = "structlog"
"""A package that the grader itself uses, and no student."""


def pinned(file: Path, name: str) -> str:
    """Return a package's lines of a requirements file: its version and its hashes."""
    found = re.search(rf"^{name}==.*?(?=^\S|\Z)", file.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found, name
    return "\n".join(line for line in found[0].splitlines() if "# via" not in line and not line.strip().startswith("#"))


@pytest.fixture
def lock() -> str:
    """What every environment needs, and a package that only this assignment has."""
    needed = [pinned(COMMON, name) for name in ("numpy", "msgpack", "threadpoolctl")]
    return "\n".join([*needed, pinned(ROOT / "requirements.lock", EXTRA)]) + "\n"


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
