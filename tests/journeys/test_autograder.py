"""The zip for Gradescope, unpacked and run as Gradescope does."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.authoring.gradescope_pack import pack_gradescope
from grader.engine.grade import grade
from grader.intake.receive import receive
from grader.render.gradescope import gradescope
from grader.sandbox.contract import Sandbox
from tests.conftest import TOY_SOLUTION

SECRET = "a secret of the course's"
METADATA = {"id": 1, "created_at": "2026-11-20T10:00:00Z", "users": [{"email": "ada@x.edu", "id": 1, "name": "Ada"}]}


@pytest.fixture
def root(toy: Assignment, tmp_path: Path) -> Path:
    """/autograder, with what setup.sh installs already there."""
    root = tmp_path / "autograder"
    for name in ("source", "submission", "results"):
        (root / name).mkdir(parents=True)
    with zipfile.ZipFile(io.BytesIO(pack_gradescope(toy, SECRET))) as archive:
        archive.extractall(root / "source")
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
    assert (modes["setup.sh"], modes["run_autograder"]) == (0o755, 0o755)
    (root / "run_autograder").write_bytes((root / "source" / "run_autograder").read_bytes())
    (root / "submission_metadata.json").write_text(json.dumps(METADATA), "utf-8")
    (root / "source" / ".venv").symlink_to(sys.prefix)
    return root


def run(root: Path) -> subprocess.CompletedProcess[str]:
    """With the grader of the zip, not with the one that is installed here."""
    environment = {"PATH": os.defpath, "PYTHONPATH": str(root / "source" / "package"), "HOME": str(root)}
    return subprocess.run(
        ["bash", root / "run_autograder"], cwd=root, env=environment, capture_output=True, text=True, timeout=300
    )


def results(root: Path) -> dict[str, object]:
    return json.loads((root / "results" / "results.json").read_text("utf-8"))


@pytest.mark.long
def test_the_same_bytes_come_to_the_same_results_there_as_here(root: Path, toy: Assignment, sandbox: Sandbox) -> None:
    source = TOY_SOLUTION.replace("return -a", "return a").encode()
    (root / "submission" / "mlp.py").write_bytes(source)
    done = run(root)
    assert done.returncode == 0, done.stderr
    here = gradescope(grade(receive("mlp.py", source, "mlp.py"), toy, sandbox, Seed(SECRET.encode())))
    there = results(root)
    for found in (here, there):
        del found["execution_time"]
    assert there == here
    assert there["score"] == 2
    assert sum(test["max_score"] for test in there["tests"]) == toy.points


def test_what_cannot_be_read_is_told_to_its_student(root: Path) -> None:
    (root / "submission" / "essay.txt").write_text("x", "utf-8")
    assert run(root).returncode == 0
    assert "there is no Python file and no notebook in the submission" in str(results(root)["output"])


def test_an_internal_error_leaves_no_score(root: Path) -> None:
    (root / "submission" / "mlp.py").write_text(TOY_SOLUTION, "utf-8")
    (root / "source" / "toy" / "checks.py").write_text("raise RuntimeError", "utf-8")
    assert run(root).returncode != 0
    assert not (root / "results" / "results.json").exists()


def test_the_zip_has_scripts_that_a_shell_can_read_and_no_faults(root: Path, ps4: Assignment) -> None:
    for name in ("setup.sh", "run_autograder"):
        assert subprocess.run(["bash", "-n", root / "source" / name]).returncode == 0
    with zipfile.ZipFile(io.BytesIO(pack_gradescope(ps4, ""))) as archive:
        names = archive.namelist()
        assert len(archive.read("secret")) == 32
    assert {"ps4/reference.py", "ps4/data/mnist.npz", "package/pyproject.toml", "runtime.lock"} <= set(names)
    assert not [name for name in names if "/faults/" in name or "/variants/" in name]
