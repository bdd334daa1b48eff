"""action.yml: its steps are run by bash as a runner runs them, on a repository with a wrong submission."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT, TOY_SOLUTION, without_settings, write_toy
from tests.running import WAIT_SECONDS

pytestmark = pytest.mark.long

ACTION: Mapping[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
WRONG = TOY_SOLUTION.replace("return -a", "return undefined")


@dataclass(frozen=True)
class Run:
    code: int
    printed: str
    summary: str
    outputs: Mapping[str, str]


RunAction = Callable[..., Run]


def _filled(template: str, inputs: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: inputs[found[1]], template)


@pytest.fixture
def run(tmp_path: Path) -> RunAction:
    """Runs the action's steps in a repository, with the grader installed already."""
    toy, repository = write_toy(tmp_path / "assignments"), tmp_path / "repository"
    repository.mkdir()

    def act(repository_files: Mapping[str, str], /, **given: str) -> Run:
        for name, text in repository_files.items():
            (repository / name).parent.mkdir(exist_ok=True)
            (repository / name).write_text(text)
        inputs = {name: str(about["default"]) for name, about in ACTION["inputs"].items()} | {"package": ""}
        inputs |= {name.replace("_", "-"): value for name, value in given.items()}
        written = {name: tmp_path / name for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
        for file in written.values():
            file.write_text("")
        ours = without_settings() | {"GRADER_ASSIGNMENTS": str(toy.parent), "GITHUB_WORKSPACE": str(repository)}
        ours |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        printed, code = "", 0
        for step in ACTION["runs"]["steps"]:
            if step.get("if") == "inputs.package != ''" and not inputs["package"]:
                continue
            assert step["shell"] == "bash"
            mine = {name: _filled(value, inputs) for name, value in step["env"].items()}
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                env=ours | mine | {name: str(file) for name, file in written.items()},
                cwd=repository, capture_output=True, text=True, timeout=WAIT_SECONDS,
            )  # fmt: skip
            printed, code = printed + done.stdout + done.stderr, done.returncode
            if code:
                break
        outputs = dict(line.split("=", 1) for line in written["GITHUB_OUTPUT"].read_text().splitlines())
        return Run(code, printed, written["GITHUB_STEP_SUMMARY"].read_text(), outputs)

    return act


def test_a_wrong_repository_is_annotated_at_its_line_and_summed_up(run: RunAction) -> None:
    done = run({"sums.py": WRONG, "notes.txt": ""}, assignment="toy")
    assert done.code == 0, done.printed
    assert re.search(r"^::error file=sums\.py,line=6,title=q1\.2\.negative \(-2\)::.*undefined", done.printed, re.M)
    assert done.summary.startswith("### Sums: 2 of 4 autograded")
    assert "1. **q1\\.2\\.negative (+2)**" in done.summary
    assert done.outputs == {"points": "2", "possible": "4"}


def test_files_in_a_folder_keep_their_path_and_options_are_passed_on(run: RunAction) -> None:
    done = run({"week 1/sums.py": WRONG}, files="week*", assignment="toy", options="--only q1.2 --sandbox plain")
    assert done.code == 2  # no shell expands or splits what the workflow names
    done = run({"week1/sums.py": WRONG}, files="week1", assignment="toy", options="--only q1.2 --sandbox plain")
    assert "file=week1/sums.py,line=6" in done.printed
    assert done.outputs == {"points": "0", "possible": "2"}


def test_too_few_points_fail_the_step_after_the_summary_is_written(run: RunAction) -> None:
    done = run({"sums.py": WRONG}, assignment="toy", fail_under="4")
    assert done.code == 1
    assert done.summary
    assert run({"sums.py": TOY_SOLUTION}, assignment="toy", fail_under="4").code == 0


def test_a_line_of_a_student_is_no_command_of_the_runner(run: RunAction) -> None:
    forged = WRONG.replace("return undefined", "raise ValueError('x ' * 60 + '\\n::error file=x::forged')")
    done = run({"sums.py": forged}, assignment="toy")
    stopped, token = False, ""
    obeyed = []
    for line in map(str.strip, done.printed.splitlines()):
        if stopped:
            stopped = line != f"::{token}::"
        elif line.startswith("::stop-commands::"):
            stopped, token = True, line.removeprefix("::stop-commands::")
        elif line.startswith("::"):
            obeyed.append(line)
    assert len(obeyed) == 1
    assert obeyed[0].startswith("::error file=sums.py,line=6,title=q1.2.negative (-2)::")


def test_inputs_are_not_code(run: RunAction, tmp_path: Path) -> None:
    done = run({"sums.py": TOY_SOLUTION}, files=f"sums.py;touch${{IFS}}{tmp_path}/pwned", assignment="$(id)")
    assert done.code == 2
    assert not (tmp_path / "pwned").exists()
