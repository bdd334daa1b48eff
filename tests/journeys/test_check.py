"""`grader check`, as a student, a course's CI and Gradescope use it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.engine.grade import Scope, grade
from grader.intake.receive import receive_path
from grader.model import Report
from grader.render.as_json import schema
from grader.sandbox.contract import Sandbox
from tests.conftest import ROOT, TOY_SOLUTION, Command, MakeAssignment, MakeNotebook

SUBMISSIONS = ROOT / "submissions"


def code_checks(name: str, ps4: Assignment, sandbox: Sandbox) -> Report:
    """Everything but the training on MNIST."""
    return grade(receive_path(SUBMISSIONS / name, "mlp.py"), ps4, sandbox, Seed(), Scope(code_only=True))


def acting(text: str) -> list[str]:
    """The characters that a terminal obeys instead of showing them."""
    return [c for c in text if unicodedata.category(c) == "Cc" and c not in "\n\t"]


# ── formats ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def checked(grader: Command, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, str]:
    """One partly right submission in three formats at once: JSON, Gradescope's and HTML."""
    folder = tmp_path_factory.mktemp("formats")
    done = grader(
        *("check", "submissions/partly", "--only", "q2.2", "--json"),
        *("--gradescope", folder / "results.json", "--html", folder / "report.html"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    results = json.loads((folder / "results.json").read_text("utf-8"))
    return json.loads(done.stdout), results, (folder / "report.html").read_text("utf-8")


def test_json_is_alone_on_standard_output_and_follows_the_schema(checked: tuple[Any, Any, str]) -> None:
    jsonschema_rs.validate(schema(), checked[0])


def test_json_says_what_was_lost_and_why(checked: tuple[Any, Any, str]) -> None:
    report = checked[0]
    (part,) = report["parts"]
    assert {c["id"]: (c["points"], c["status"]) for c in part["checks"]} == {
        "q2.2.W1": (0, "failed"),
        "q2.2.b1": (2, "passed"),
        "q2.2.W2": (3, "passed"),
        "q2.2.b2": (2, "passed"),
    }
    assert part["checks"][0]["line"]["source"] == "grads['W1'] = X.T.dot(dz1) + reg * W1"
    assert (report["points"]["earned"], report["scope"]["label"], report["seed"]) == (7, "only q2.2", "public")
    assert report["first_to_fix"] == ["q2.2.W1"]


def test_json_says_under_what_it_was_graded(checked: tuple[Any, Any, str]) -> None:
    environment = checked[0]["environment"]
    assert environment["isolation"] == "bubblewrap"
    assert all(environment[name] not in ("", "unknown") for name in ("python", "numpy", "blas", "kernel", "grader"))
    assert environment["threads"] == 1


def test_gradescopes_file_and_the_page_say_the_same(checked: tuple[Any, Any, str]) -> None:
    report, results, page = checked
    assert results["score"] == 7
    assert [(t["extra_data"]["id"], t["score"], t["max_score"]) for t in results["tests"]] == [
        (c["id"], c["points"], c["possible"]) for c in report["parts"][0]["checks"]
    ]
    assert page.lower().startswith("<!doctype html>")
    assert report["parts"][0]["checks"][0]["reason"][:30] in page


def test_a_syntax_error_has_a_caret_in_every_format(command: Command, tmp_path: Path) -> None:
    (tmp_path / "mlp.py").write_text("class TwoLayerMLP:\n    def loss(self:\n        pass\n")
    done = command("check", tmp_path, "--only", "q2.1", "--html", tmp_path / "report.html")
    assert "\ndef loss(self:\n        ^" in done.stdout
    assert "def loss(self:\n        ^</code>" in (tmp_path / "report.html").read_text("utf-8")


def test_a_notebook_is_graded_with_the_modules_beside_it_that_it_imports(
    command: Command, make_assignment: MakeAssignment, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    assignment = make_assignment()
    (tmp_path / "answers.ipynb").write_bytes(make_notebook(("code", "from sums import Sums")))
    (tmp_path / "sums.py").write_text(
        "from adding import add\n" + TOY_SOLUTION.replace("return a + b", "return add(a, b)")
    )
    (tmp_path / "adding.py").write_text("def add(a, b):\n    return a + b\n")
    (tmp_path / "others.py").write_text("not Python")
    done = command("check", tmp_path / "answers.ipynb", "-a", assignment)
    assert "Autograded 4/4" in done.stdout
    assert done.stderr == "with sums.py, adding.py, which the notebook imports\n"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "sums.py").write_text(TOY_SOLUTION.replace("return -a", "return a"))
    done = command("check", tmp_path / "answers.ipynb", tmp_path / "mine" / "sums.py", "-a", assignment)
    assert "Autograded 2/4" in done.stdout  # of two modules with one name, the one that is given counts


@pytest.mark.parametrize(("least", "code"), [("7", 0), ("7.5", 1)])
def test_a_score_under_the_threshold_is_exit_code_1(grader: Command, least: str, code: int) -> None:
    assert grader("check", "submissions/partly", "--only", "q2.2", "--fail-under", least).returncode == code


def test_the_terminal_shows_part_points_diagnosis_and_line(command: Command) -> None:
    done = command("check", "submissions/partly", "--only", "q2.2")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) < 30
    assert any("q2.2" in line and "7/10" in line for line in lines)
    assert any("→" in line and "W1" in line and "mlp.py:52" in line for line in lines)
    assert "Autograded 7/10" in done.stdout
    assert "Fix first: q2.2.W1 (+3)" in done.stdout


def test_where_nothing_runs_it_is_said_once_and_on_top(command: Command, tmp_path: Path) -> None:
    says = "No module named 'torch' (imported in mlp.py, line 1))"
    (tmp_path / "mlp.py").write_text("import torch\nclass TwoLayerMLP(torch.nn.Module): pass\n")
    done = command("check", tmp_path, COLUMNS="80")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) <= 30
    assert lines[1].startswith("Nothing runs yet: ")
    assert " ".join(done.stdout.split()).count(says) == 1
    assert [line[:6] for line in lines if line.startswith("✗")] == [f"✗ q2.{n}" for n in range(1, 6)]


# ── the examples ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("notebook", ["q1.1", "q1.2", "q1.3", "q1.4", "q1.5", "q1.6", "q2.4.written", "q2.5.written", "q3.1", "q3.2"]),
        ("notebook_and_file", ["q1.1", "q1.2", "q1.3", "q1.4", "q1.5", "q2.4.written", "q2.5.written", "q3.1"]),
    ],
)
def test_an_example_notebook_earns_its_code_points_and_its_answers_are_found(
    ps4: Assignment, sandbox: Sandbox, name: str, found: list[str]
) -> None:
    report = code_checks(name, ps4, sandbox)
    points = {part.id: part.points for part in report.parts}
    assert [points[f"q2.{n}"] for n in (1, 2, 3, 4)] == [8, 10, 6, 10]
    assert [w.id for part in report.parts for w in part.written if w.found] == found
    assert report.waiting == 46
    assert report.submission.graded is not None
    assert report.submission.graded.source == ("ps4.ipynb" if name == "notebook" else "mlp.py")
    assert len(report.submission.graded.cells) == (3 if name == "notebook" else 0)


# ── on a terminal ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.long
def test_code_parts_stand_on_the_terminal_while_mnist_trains() -> None:
    screen, inside = pty.openpty()
    process = subprocess.Popen(
        [Path(sys.executable).with_name("grader"), "check", "submissions/partly", "--quick"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=inside, cwd=ROOT,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "120", "LINES": "60"},
    )  # fmt: skip
    os.close(inside)
    shown = ""
    with contextlib.suppress(OSError):  # so a terminal says that nobody writes to it any more
        while more := os.read(screen, 65536):
            shown += more.decode("utf-8", "replace")
    os.close(screen)
    shown = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown)
    report, _ = process.communicate()
    assert process.returncode == 0
    assert "Autograded" in report.decode()
    decided = shown.index("q2.4  ReLU  ")
    assert "mlp.py:52" in shown
    assert re.search(r"MNIST q2\.5\.relu +\d+ s, usually \d+ s", shown[decided:])
    assert shown.index("starting …") < shown.index("code checks") < decided


# ── a student's words ────────────────────────────────────────────────────────────────────────────────

ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\r\x08\x00\x7f\u202e[bold]all points[/bold]"


@pytest.fixture(scope="module")
def acting_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Escape sequences in an exception's message and name, in the line that raises, and on standard output."""
    folder = tmp_path_factory.mktemp("acting")
    (folder / "mlp.py").write_text(
        f"import sys\nTEXT = {ESCAPES!a}\nprint(TEXT)\nsys.stderr.write(TEXT)\n"
        "class TwoLayerMLP:\n"
        "    def __init__(self, *args, **kwargs):\n"
        "        self.params = {n: __import__('numpy').zeros((2, 2)) for n in (TEXT, 'W1', 'b1', 'W2', 'b2')}\n"
        "    def loss(self, X, y=None, reg=0.0):\n"
        f"        raise type(TEXT.replace(chr(0), ''), (Exception,), {{}})(TEXT)  # \x1b[2J \x9b31m\n",
        "utf-8",
    )
    return folder


def test_escape_sequences_of_a_student_never_reach_the_terminal(command: Command, acting_file: Path) -> None:
    done = command("check", acting_file, "--only", "q2.1")
    assert done.returncode == 0, done.stderr
    assert acting(done.stdout + done.stderr) == []
    assert "\u202e" not in done.stdout
    assert "\\x1b[2J\\x1b]0;owned" in done.stdout
    assert "[bold]all points[/bold]" in done.stdout


def test_nor_in_colour(grader: Command, acting_file: Path) -> None:
    done = grader("check", acting_file, "--only", "q2.1", FORCE_COLOR="1", TERM="xterm-256color")
    assert not [escape for escape in ("\x1b[2J", "owned\x07", "\x9b") if escape in done.stdout]


def test_nor_in_json(command: Command, acting_file: Path) -> None:
    done = command("check", acting_file, "--only", "q2.1", "--json")
    assert acting(done.stdout + done.stderr) == []
    jsonschema_rs.validate(schema(), json.loads(done.stdout))


def test_a_file_with_an_odd_name_is_graded_and_its_name_is_harmless(
    command: Command, tmp_path: Path, perfect: str
) -> None:
    (tmp_path / "mlp.py").write_text(perfect)
    (tmp_path / "x\x1b[2J\n\udce9.py").write_text("x = 1\n")
    done = command("check", tmp_path, "--only", "q2.1", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["points"]["earned"] == 8
    assert acting(done.stdout + done.stderr) == []
