"""Whatever is handed in, the command says one clear sentence that tells what to do, and other credit is kept. Each exit
code is also that of the real process."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import (
    ROOT,
    TOY_CHECKS,
    TOY_SOLUTION,
    Command,
    MakeAssignment,
    MakeNotebook,
    without_settings,
)
from tests.journeys.test_operating import IN_ITS_OWN
from tests.running import GRADER

pytestmark = pytest.mark.long


@pytest.fixture
def hand_in(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Writes one file to hand in."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


# ── refused before anything runs ─────────────────────────────────────────────────────────────────────


def test_what_cannot_be_read_is_refused_with_one_sentence(command: Command, hand_in: Callable[..., Path]) -> None:
    done = command("check", hand_in("ps4.ipynb", b'{"cells": ['))
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not a notebook: open it in Jupyter and save it again" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "/nowhere/mlp.py"], "there is no file or folder /nowhere/mlp.py"),
        (["check", "submissions/perfect", "--nonsense"], "No such option"),
        (
            ["check", "submissions/perfect", "-a", "ps9"],
            "(there are: demo, ps4, softmax, two_layer_net;",
        ),
        (["check", "submissions/perfect", "--only", "q9"], "--only q9: no such part or check"),
        (["check", "submissions/perfect", "--sandbox", "docker"], "there is no sandbox 'docker'"),
        (["check", "submissions/perfect", "--fail-under", "many"], "--fail-under"),
        (["check", "submissions/perfect", "--only", "q2.1", "--html", "/nowhere/report.html"], "/nowhere"),
        (["chek"], "No such command"),
        (["watch", "nosuch.py"], "there is no file or folder nosuch.py to watch"),
        (["serve", "--port", "80000"], "should be less than or equal to 65535"),
        (["pack", "student", "--to", "/nowhere/x.zip"], "there is no folder /nowhere to write x.zip into"),
    ],
    ids=lambda value: " ".join(value[1:])[-40:] if isinstance(value, list) else None,
)
def test_a_wrong_call_is_told_with_one_sentence(command: Command, arguments: list[str], says: str) -> None:
    done = command(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("group", [[], ["pack"], ["admin"], ["mark"]], ids=lambda group: " ".join(["grader", *group]))
def test_a_command_without_arguments_prints_its_help_and_no_error(grader: Command, group: list[str]) -> None:
    done = grader(*group)
    assert (done.returncode, done.stderr) == (2, "")
    assert "Usage: " in done.stdout


def test_a_sandbox_that_does_not_start_is_an_internal_error(grader: Command) -> None:
    done = grader("check", "submissions/perfect", "--sandbox", "bubblewrap", GRADER_RUNTIME="/nowhere")
    assert (done.returncode, done.stdout) == (4, "")
    assert "no sandbox runtime at /nowhere (GRADER_RUNTIME" in done.stderr


def test_a_full_disk_loses_no_finished_report(grader: Command, make_assignment: MakeAssignment, tmp_path: Path) -> None:
    (tmp_path / "mlp.py").write_text(TOY_SOLUTION, "utf-8")
    done = grader("check", tmp_path / "mlp.py", "-a", make_assignment(), "--gradescope", "/dev/full", "--json")
    assert json.loads(done.stdout)["points"]["earned"] == 4
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        4,
        "grader: /dev/full cannot be written: No space left on device",
    )


BATCH_ON_A_SMALL_DISK = """
mount -t tmpfs -o size=8m tmpfs "$DISK"
"$@" >&2
rm -r "$DISK"/out/students "$DISK"/out/class.html
cat /dev/zero > "$DISK/filler" 2> /dev/null || truncate --size=-120K "$DISK/filler"
code=0; "$@" >&2 || code=$?
find "$DISK"/out ! -path "*/graded/*" -type f
rm "$DISK/filler"
"$@" >&2
exit "$code"
"""


def test_a_batch_on_a_full_disk_says_so_leaves_no_half_of_a_file_and_goes_on_when_there_is_room(
    tmp_path: Path, make_assignment: MakeAssignment
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    for number in range(4):
        (tmp_path / "class" / f"s{number}").mkdir(parents=True)
        (tmp_path / "class" / f"s{number}" / "mlp.py").write_text(f"{TOY_SOLUTION}# {number}\n", "utf-8")
    batch = [GRADER, "batch", tmp_path / "class", "-a", make_assignment(), "-o", disk / "out"]
    done = subprocess.run(
        [*IN_ITS_OWN, "sh", "-euc", BATCH_ON_A_SMALL_DISK, "sh", *batch],
        env=without_settings() | {"DISK": str(disk), "GRADER_HOME": str(tmp_path / "home"), "GRADER_WORKERS": "2"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("grader: ")]
    assert done.returncode == 4, done.stderr
    # whichever is written first: a report, or the database
    assert error.startswith(("grader: no room on the disk", "grader: the database cannot be used")), error
    assert not [file for file in done.stdout.splitlines() if Path(file).name.startswith(".") and "lock" not in file]
    assert done.stderr.count("\nwritten to ") == 2, "before and afterwards"


def test_a_broken_check_is_the_authors_fault(grader: Command, make_assignment: MakeAssignment) -> None:
    broken = make_assignment(checks=TOY_CHECKS.replace('student.new().call("negative", 1.0)', "1 / 0"))
    done = grader("check", "submissions/perfect", "-a", broken)
    assert (done.returncode, done.stdout) == (3, "")
    assert "q1.2:negative raised ZeroDivisionError" in done.stderr


def test_a_broken_assignment_is_the_authors_fault(grader: Command, make_assignment: MakeAssignment) -> None:
    done = grader("check", "submissions/perfect", "-a", make_assignment(toml='id = "toy"\n'))
    assert (done.returncode, done.stdout) == (3, "")
    assert "toy/assignment.toml: " in done.stderr
    assert "is missing" in done.stderr


# ── read, but it does not run ────────────────────────────────────────────────────────────────────────


def graded(command: Command, path: Path, only: str, *options: str) -> dict[str, dict[str, Any]]:
    """The checks of a report, by id."""
    done = command("check", path, "--only", only, "--json", *options)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return {c["id"]: c for part in json.loads(done.stdout)["parts"] for c in part["checks"]}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("class Net:\n    pass\n", "(mlp.py defines Net: rename it to TwoLayerMLP)"),
        ("if __name__ == '__main__':\n    class TwoLayerMLP:\n        pass\n", "mlp.py defines TwoLayerMLP inside"),
        ("import torch\nclass TwoLayerMLP(torch.nn.Module): pass\n", "The sandbox has numpy, scipy"),
        ("class TwoLayerMLP:\n    print 'hello'\n", "This is Python 2: write print(…) with brackets"),
        ("import os; os._exit(0)\nclass TwoLayerMLP: pass\n", "remove os._exit"),
        ("class TwoLayerMLP:\n\tdef a(self):\n        pass\n", "mlp.py cannot be loaded: Python cannot read the"),
        ("from layers import Net\nclass TwoLayerMLP(Net): pass\n", "Upload your own modules with your code"),
    ],
    ids=["another class", "under an if", "missing package", "print", "os._exit", "tabs", "helper left out"],
)
def test_a_file_that_does_not_run_says_why_and_what_to_do(
    command: Command, hand_in: Callable[..., Path], source: str, says: str
) -> None:
    checks = graded(command, hand_in("mlp.py", source), "q2.1")
    assert {(c["status"], c["points"]) for c in checks.values()} == {("failed", 0)}
    assert all(says in c["reason"] for c in checks.values())


def statuses(checks: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {id.rpartition(".")[2]: c["status"] for id, c in checks.items()}


def test_a_missing_method_costs_only_what_needs_it(
    command: Command, hand_in: Callable[..., Path], perfect: str
) -> None:
    without = perfect.replace("def predict(self", "def _labels(self").replace("self.predict(", "self._labels(")
    checks = graded(command, hand_in("mlp.py", without), "q2.3")
    passed = dict.fromkeys(("step", "decay", "batches", "histories"), "passed")
    assert statuses(checks) == passed | {"predict": "failed"}
    assert "has no attribute 'predict'" in checks["q2.3.predict"]["reason"]


def test_an_error_in_one_method_keeps_the_others_credit_and_names_the_line(
    command: Command, hand_in: Callable[..., Path], perfect: str
) -> None:
    wrong = perfect.replace('grads["b1"] = g.sum(axis=0)', 'grads["b1"] = g.sum(axis=np.int(0))')
    line = wrong.splitlines().index('        grads["b1"] = g.sum(axis=np.int(0))') + 1
    checks = graded(command, hand_in("mlp.py", wrong), "q2.1")
    assert statuses(checks)["scores"] == "passed"
    assert checks["q2.1.published"]["line"]["line"] == line
    assert "Newer numpy has removed np.int: write int" in checks["q2.1.published"]["reason"]


# ── notebooks ────────────────────────────────────────────────────────────────────────────────────────


def reported(command: Command, path: Path) -> dict[str, Any]:
    done = command("check", path, "--only", "q2.1", "--json")
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_a_messy_notebook_is_graded_by_its_answer_and_says_what_it_left_out(
    command: Command, hand_in: Callable[..., Path], make_notebook: MakeNotebook, perfect: str
) -> None:
    answer = perfect.partition("if __name__")[0]
    skeleton = (ROOT / "reference" / "ps4" / "handout" / "mlp.py").read_text("utf-8")
    notebook = make_notebook(
        ("code", "from utils import eval_numerical_gradient, get_MNIST_data"),
        (
            "code",
            answer.replace("    def predict(", "    def best(self):\n        return net, rate\n\n    def predict("),
        ),
        ("code", "net = TwoLayerMLP(4, 10, 3)\nstats = net.train()"),
        ("code", "rate = 1 / 0"),
        ("code", skeleton),
    )
    report = reported(command, hand_in("ps4.ipynb", notebook))
    assert report["points"]["earned"] == report["points"]["possible"]
    assert report["submission"]["graded"]["cells"] == [2, 3]
    said = "\n".join(report["remarks"])
    assert "ps4.ipynb cell 4 failed and was left out (ZeroDivisionError: division by zero" in said
    assert "ps4.ipynb cell 5 was left out: it has gaps (loss, predict, train)" in said
