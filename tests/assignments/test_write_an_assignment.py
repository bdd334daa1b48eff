"""docs/write-an-assignment.md, followed to the letter in a folder of its own."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "write-an-assignment.md").read_text("utf-8")
STEPS = re.findall(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def run(folder, command):
    name, *arguments = shlex.split(command)
    program = [sys.executable, "-m", "pytest", "-p", "no:xdist"] if name == "pytest" else [sys.executable, "-m", name]
    environment = os.environ | {
        "GRADER_ASSIGNMENTS": str(folder / "reference"),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
    }
    return subprocess.run(
        [*program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """The folder in the end, and what every command has printed."""
    folder = tmp_path_factory.mktemp("author")
    (folder / "reference").mkdir()
    done = []
    for language, file, content in STEPS:
        if language == "sh":
            done += [(command, run(folder, command)) for command in content.splitlines()]
        else:
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, "utf-8")
    return folder, done


def test_every_command_of_the_chapter_works(followed):
    _, done = followed
    assert len(done) == 15
    assert not [(command, d.stdout + d.stderr) for command, d in done if d.returncode]


def test_the_assignment_certifies_its_mistakes_and_its_fault(followed):
    (certified,) = [d.stdout for command, d in followed[1] if command == "grader certify line"][1:]
    for name in ("mistakes/no_intercept", "mistakes/divided_by_y", "faults/keeps_the_first_line", "variants/solution"):
        assert f"✓ {name}" in certified


def test_the_handout_earns_nothing_and_the_output_of_new_says_what_is_judged(followed):
    done = dict(followed[1])
    assert "✓ handout" in done["grader certify line"].stdout
    assert "judged after each method: slope, intercept" in done["grader new line line_solution.py"].stdout


def test_another_order_is_right_and_a_wrong_one_is_not(followed):
    folder, _ = followed
    right = (folder / "reference/discrete/reference.py").read_text("utf-8")
    other, wrong = right.replace("in graph if", "in reversed(graph) if"), right.replace("nodes\n", "nodes[::-1]\n")
    for solution, points in ((other, "Autograded 3/3"), (wrong, "Autograded 1/3")):
        assert solution != right
        (folder / "discrete.py").write_text(solution, "utf-8")
        done = run(folder, "grader check discrete.py -a discrete --code")
        assert points in done.stdout, done.stdout


def test_a_mistake_that_is_charged_elsewhere_says_where(followed):
    folder, _ = followed
    mistakes = folder / "reference/line/mistakes.py"
    text = mistakes.read_text("utf-8")
    mistakes.write_text(text.replace('fails=["q1"]', 'fails=["q1", "q2"]'), "utf-8")
    done = run(folder, "grader certify line --only divided_by_y")
    mistakes.write_text(text, "utf-8")
    assert "earns q2, which it should lose (follows from q1" in " ".join(done.stdout.split()), done.stdout


def test_a_wrong_fit_costs_its_points_once(followed):
    folder, _ = followed
    right = (folder / "reference/line/variants/solution.py").read_text("utf-8")
    (folder / "line.py").write_text(right.replace("np.var(x)", "np.var(y)"), "utf-8")
    done = run(folder, "grader check line.py -a line")
    assert "The slope is divided by the variance of y: divide it by that of x." in " ".join(done.stdout.split())
    assert "Autograded 2.5/9.5" in done.stdout


def test_an_assignment_with_pandas_is_graded_with_a_grader_that_has_no_pandas(followed):
    folder, done = followed
    printed = dict(done)
    assert "✓ replay" in printed["grader certify sales"].stdout
    assert "Autograded 6/6" in printed["grader check reference/sales/variants/solution.py -a sales"].stdout
    assert "[runtime]" in (folder / "reference/sales/assignment.toml").read_text("utf-8")
    right = (folder / "reference/sales/variants/solution.py").read_text("utf-8")
    (folder / "sales.py").write_text(right.replace('.dropna(subset=["price"])', ".fillna(9)"), "utf-8")
    told = " ".join(run(folder, "grader check sales.py -a sales").stdout.split())
    assert "totals(…)['price'" in told or "totals(…)['0']" in told, told
    assert importlib.util.find_spec("pandas") is None


@pytest.mark.parametrize(
    ("formula", "told"),
    [
        (r"\frac{\partial L}{\partial m} = 2 x (m x + c - y)", "right value: 0.25 suggested"),
        (r"\frac{\partial L}{\partial m} = 2 (m x + c - y)", "differs It is the derivative by c."),
    ],
)
def test_a_written_formula_is_evaluated(followed, tmp_path, formula, told):
    import nbformat

    folder, _ = followed
    notebook = nbformat.read(folder / "reference/line/handout/questions.ipynb", as_version=4)
    notebook.cells[3].source = f"$${formula}$$"
    (tmp_path / "line.py").write_bytes((folder / "reference/line/variants/solution.py").read_bytes())
    nbformat.write(notebook, tmp_path / "questions.ipynb")
    done = run(folder, f"grader check {tmp_path} -a line")
    assert told in " ".join(done.stdout.split()), done.stdout


def test_a_claim_without_points_is_the_authors_fault_and_not_a_zero(followed):
    folder, _ = followed
    toml = folder / "reference/line/assignment.toml"
    text = toml.read_text("utf-8")
    toml.write_text(text.replace("intercept = 3\n", "").replace("points = 10", "points = 7"), "utf-8")
    done = run(folder, "grader check reference/line/variants/solution.py -a line")
    toml.write_text(text, "utf-8")
    assert done.returncode == 3
    assert "intercept" in done.stderr
