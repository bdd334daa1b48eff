"""Whatever is handed in, the command says one clear sentence that tells what to do, and other credit is kept. Each exit
code is also that of the real process."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, TOY_CHECKS, Command, MakeAssignment, MakeNotebook

pytestmark = pytest.mark.long

MIB = 1 << 20


@pytest.fixture
def hand_in(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Writes one file to hand in."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def zipped(**files: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return held.getvalue()


# ── refused before anything runs ─────────────────────────────────────────────────────────────────────

CODE = b"class TwoLayerMLP:\n    pass\n"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("mlp.py", b"", "mlp.py is empty: save your work in the editor and submit it again"),
        ("mlp.py", PNG, "mlp.py is not Python source but binary data: submit the .py file itself"),
        ("mlp.py", CODE.decode().encode("utf-16"), "mlp.py is saved as UTF-16: save it as UTF-8"),
        ("mlp.py", lambda: b"#" * (50 * MIB), "mlp.py has 50 MiB; at most 20 MiB are allowed"),
        ("ps4.ipynb", lambda: b"#" * (50 * MIB), "clear the outputs (Kernel → Restart & Clear Output) and save"),
        ("ps4.ipynb", b'{"cells": [', "is not a notebook: open it in Jupyter and save it again"),
        ("ps4.ipynb", b'{"nbformat": 4, "cells": 5}', "save it again"),
        ("ps4.ipynb", b'{"nbformat": 1}', "save it again"),
        ("all.zip", lambda: zipped(**{"mlp.py": bytes(300 * MIB)}), "the zip unpacks to more than 200 MiB"),
        ("all.zip", lambda: zipped(**{f"{i}.py": bytes(15 * MIB) for i in range(5)}), "more than 50 MiB or 500 files"),
        ("all.zip", zipped(**{"../../mlp.py": CODE}), "points outside the folder: rename the file"),
        ("all.zip", zipped(**{"/etc/cron.d/mlp.py": CODE}), "points outside the folder: rename the file"),
        ("all.zip", CODE, "the zip cannot be opened: create it again"),
        ("all.zip", zipped(**{"photo.jpg": PNG}), "no notebook in the submission: submit your Python file"),
        ("mlp.docx", PNG, "mlp.docx has an unsupported file type: submit mlp.py"),
    ],
    ids=[
        "empty", "binary", "UTF-16", "50 MB", "50 MB notebook", "broken JSON", "no notebook", "format 1",
        "bomb", "many bombs", "slip", "absolute", "no zip", "photo", "Word",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_one_sentence(
    command: Command, hand_in: Callable[..., Path], name: str, content: bytes | Callable[[], bytes], says: str
) -> None:
    done = command("check", hand_in(name, content() if callable(content) else content))
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "/nowhere/mlp.py"], "there is no file or folder /nowhere/mlp.py"),
        (["check", ".ci"], "there is no Python file and no notebook in the submission"),
        (["check"], "Missing argument"),
        (["check", "submissions/perfect", "--nonsense"], "No such option"),
        (
            ["check", "submissions/perfect", "-a", "ps9"],
            "(there are: demo, ps4, softmax, two_layer_net;",
        ),
        (["check", "submissions/perfect", "--only", "q9"], "--only q9: no such part or check"),
        (["check", "submissions/perfect", "--only", "q2.2.W9"], "no such part or check"),
        (["check", "submissions/perfect", "--sandbox", "docker"], "there is no sandbox 'docker'"),
        (["check", "submissions/perfect", "--fail-under", "many"], "--fail-under"),
        (["check", "submissions/perfect", "--only", "q2.1", "--html", "/nowhere/report.html"], "/nowhere"),
        (["check", "submissions/perfect", "--only", "q2.1", "--gradescope", "/nowhere/results.json"], "/nowhere"),
        (["chek"], "No such command"),
        (["watch", "nosuch.py"], "there is no file or folder nosuch.py to watch"),
        (["serve", "--port", "80000"], "should be less than or equal to 65535"),
        (["pack", "student", "--to", "/nowhere/x.zip"], "there is no folder /nowhere to write x.zip into"),
        (["pack", "gradescope", "--to", "/nowhere/x.zip"], "there is no folder /nowhere to write x.zip into"),
        (["pack", "gradescope", "--to", "submissions"], "submissions cannot be written: choose another path"),
        (["zip", "submissions", "--to", "/nowhere/x.zip"], "there is no folder /nowhere to write x.zip into"),
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


def test_a_part_that_only_people_grade_can_be_asked_for(grader: Command) -> None:
    done = grader("check", "submissions/notebook", "--only", "q1.1")
    assert done.returncode == 0, done.stderr
    assert "1 of 1 answers found" in done.stdout


def test_a_sandbox_that_does_not_start_is_an_internal_error(grader: Command) -> None:
    done = grader("check", "submissions/perfect", "--sandbox", "bubblewrap", GRADER_RUNTIME="/nowhere")
    assert (done.returncode, done.stdout) == (4, "")
    assert "no sandbox runtime at /nowhere (GRADER_RUNTIME" in done.stderr


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
        (
            "class TwoLayerNetwork:\n    pass\n",
            "none of the files defines a class TwoLayerMLP (mlp.py defines TwoLayerNetwork: rename it to TwoLayerMLP)",
        ),
        (
            "if __name__ == '__main__':\n    class TwoLayerMLP:\n        pass\n",
            "mlp.py defines TwoLayerMLP inside another block (line 2), so it does not exist when the file is imported",
        ),
        ("import torch\nclass TwoLayerMLP(torch.nn.Module): pass\n", "The sandbox has numpy, scipy"),
        ("class TwoLayerMLP:\n    print 'hello'\n", "This is Python 2: write print(…) with brackets"),
        ("class TwoLayerMLP:\n    for i in xrange(3): pass\n", "write range instead of xrange (mlp.py:2)"),
        ("import numpy as np\nclass TwoLayerMLP:\n    x = np.float(3)\n", "removed np.float: write float (mlp.py:3)"),
        ("import cPickle as pickle\nclass TwoLayerMLP(pickle.Pickler): pass\n", "import pickle instead of cPickle"),
        ("class TwoLayerMLP:\n    input('go?')\n", "input() gets no answer in the sandbox: remove it"),
        ("class TwoLayerMLP:\n    exit()\n", "Remove exit() and sys.exit()"),
        ("import sys\nclass TwoLayerMLP:\n    sys.exit(0)\n", "Remove exit() and sys.exit()"),
        ("import os; os._exit(0)\nclass TwoLayerMLP: pass\n", "remove os._exit"),
        ("class TwoLayerMLP:\n\tdef a(self):\n        pass\n", "mlp.py cannot be loaded: Python cannot read the"),
        ("class TwoLayerMLP:\n    1 / 0\n", "ZeroDivisionError: division by zero (mlp.py:2)"),
        ("from layers import act\nclass TwoLayerMLP: act = act()\n", "Upload your own modules with your code"),
    ],
    ids=[
        "another class", "under an if", "missing package", "print", "xrange", "np.float", "cPickle", "input", "exit",
        "sys.exit", "os._exit", "tabs", "raises", "helper left out",
    ],
)  # fmt: skip
def test_a_file_that_does_not_run_says_why_and_what_to_do(
    command: Command, hand_in: Callable[..., Path], source: str, says: str
) -> None:
    checks = graded(command, hand_in("mlp.py", source), "q2.1")
    assert {(c["status"], c["points"]) for c in checks.values()} == {("failed", 0)}
    assert all(says in c["reason"] for c in checks.values())


def test_a_syntax_error_is_shown_with_its_line_and_a_caret(command: Command, hand_in: Callable[..., Path]) -> None:
    path = hand_in("mlp.py", "class TwoLayerMLP:\n    def loss(self, X y=None):\n        return 1\n")
    done = command("check", path, "--only", "q2.1")
    assert done.returncode == 0
    assert "mlp.py:2" in done.stdout
    assert "def loss(self, X y=None):" in done.stdout
    assert re.search(r"^\s*\^|column 2\d", done.stdout, re.MULTILINE)


@pytest.fixture
def hurried(tmp_path: Path) -> Path:
    """ps4 with a second for loading, and without the data that its code checks do not need."""
    folder = tmp_path / "hurried"
    shutil.copytree(
        ROOT / "reference" / "ps4",
        folder,
        ignore=shutil.ignore_patterns("data", "faults", "variants", "handout", "__pycache__"),
    )
    toml = (folder / "assignment.toml").read_text()
    (folder / "assignment.toml").write_text(toml.replace("load_cpu_seconds = 20", "load_cpu_seconds = 1"))
    return folder


def test_an_endless_loop_at_import_is_stopped(command: Command, hand_in: Callable[..., Path], hurried: Path) -> None:
    path = hand_in("mlp.py", "class TwoLayerMLP:\n    while True:\n        pass\n")
    checks = graded(command, path, "q2.1", "-a", str(hurried))
    says = "it used more than 1 CPU seconds and was stopped: vectorise it, or look for an endless loop"
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


def test_a_wrong_signature_costs_only_what_needs_it(
    command: Command, hand_in: Callable[..., Path], perfect: str
) -> None:
    wrong = perfect.replace("def predict(self, X):", "def predict(self, X, y):").replace(
        "self.predict(X)", "self.predict(X, y)"
    ).replace("self.predict(X_val)", "self.predict(X_val, y)")  # fmt: skip
    checks = graded(command, hand_in("mlp.py", wrong), "q2.3")
    assert [name for name, status in statuses(checks).items() if status == "failed"] == ["predict"]
    assert "predict() does not accept the arguments of this call" in checks["q2.3.predict"]["reason"]
    line = wrong.splitlines().index("    def predict(self, X, y):") + 1
    assert (checks["q2.3.predict"]["line"]["line"], checks["q2.3.predict"]["line"]["source"]) == (
        line,
        "def predict(self, X, y):",
    )


def test_a_process_that_ends_itself_costs_only_the_check_that_it_ends(
    command: Command, hand_in: Callable[..., Path], perfect: str
) -> None:
    dying = perfect.replace("        N = X.shape[0]\n        loss", "        __import__('os')._exit(0)\n        loss")
    assert dying != perfect
    checks = graded(command, hand_in("mlp.py", dying), "q2.3")
    failed = dict.fromkeys(("step", "decay", "batches", "histories"), "failed")
    assert statuses(checks) == failed | {"predict": "passed"}


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


def test_an_ancient_notebook_is_graded(command: Command, hand_in: Callable[..., Path], perfect: str) -> None:
    cell = {"cell_type": "code", "language": "python", "metadata": {}, "outputs": [], "collapsed": False}
    source = perfect.partition("if __name__")[0]
    ancient = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [{"cells": [cell | {"input": source.splitlines(keepends=True), "prompt_number": 1}]}],
    }
    checks = graded(command, hand_in("ps4.ipynb", json.dumps(ancient)), "q2.1")
    assert {c["status"] for c in checks.values()} == {"passed"}


def test_a_notebook_whose_class_does_not_parse_names_the_cell(
    command: Command, hand_in: Callable[..., Path], make_notebook: MakeNotebook
) -> None:
    broken = make_notebook(("code", "import numpy as np"), ("markdown", "x"), ("code", "class TwoLayerMLP\n    pass"))
    checks = graded(command, hand_in("ps4.ipynb", broken), "q2.1")
    told = "ps4.ipynb cannot be loaded: Python cannot read the file; fix this line first (ps4.ipynb cell 3:1"
    assert all(c["reason"].startswith(told) for c in checks.values())


def test_a_notebook_without_the_class_says_so(
    command: Command, hand_in: Callable[..., Path], make_notebook: MakeNotebook
) -> None:
    checks = graded(command, hand_in("ps4.ipynb", make_notebook(("code", "class Net:\n    pass"))), "q2.1")
    assert all("none of the files defines a class TwoLayerMLP" in c["reason"] for c in checks.values())
    assert all("defines Net: rename it to TwoLayerMLP" in c["reason"] for c in checks.values())


def test_a_notebook_without_its_code_loses_nothing_and_says_what_to_upload(
    command: Command, hand_in: Callable[..., Path], make_notebook: MakeNotebook
) -> None:
    checks = graded(command, hand_in("ps4.ipynb", make_notebook(("code", "from mlp import TwoLayerMLP"))), "q2.1")
    assert {(c["status"], c["reason"]) for c in checks.values()} == {
        ("not_submitted", "mlp.py was not submitted; upload it with the notebook.")
    }


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
    assert report["submission"]["graded"]["cells"] == [2]
    said = "\n".join(report["remarks"])
    assert "ps4.ipynb cell 3 was not run, because it uses the class itself; no method can rely on its net" in said
    assert "ps4.ipynb cell 4 failed and was left out (ZeroDivisionError: division by zero" in said
    assert "ps4.ipynb cell 5 was left out: it has gaps (loss, predict, train)" in said


def test_a_broken_notebook_does_not_hide_the_file_beside_it(
    command: Command, tmp_path: Path, make_notebook: MakeNotebook, perfect: str
) -> None:
    (tmp_path / "ps4.ipynb").write_bytes(make_notebook(("code", "class TwoLayerMLP\n    pass")))
    (tmp_path / "mlp.py").write_text("from utils import visualize_grid\n" + perfect)
    report = reported(command, tmp_path)
    assert report["points"]["earned"] == report["points"]["possible"]
    assert report["submission"]["graded"]["source"] == "mlp.py"
    assert any("ps4.ipynb could not be loaded (SyntaxError: expected ':'" in r for r in report["remarks"])


@pytest.mark.parametrize("part", ["q2", "q2.2", "q2.2.W1"])
def test_a_part_in_the_place_of_a_file_is_told_the_option(command: Command, part: str) -> None:
    done = command("check", "submissions/perfect", part, "-a", "ps4")
    assert done.returncode == 2
    assert f"write --only {part}" in " ".join(done.stderr.split())
