"""grader new: a folder from a marked solution certifies before its author changes a line, and its checks see faults."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from grader.assignments import catalogue
from grader.assignments.seeds import Seed
from grader.authoring import certify
from grader.authoring.mutate import measure
from grader.authoring.new import new
from grader.engine.grade import grade

pytestmark = pytest.mark.long

SOLUTIONS = Path(__file__).parent / "solutions"
NAMES = ("softmax.ipynb", "newton.py", "net.py")
LEAST = 0.9


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Name of a solution → its assignment."""
    root = tmp_path_factory.mktemp("reference")
    folders = {name: new(Path(name).stem, root, source=SOLUTIONS / name, functions=[], class_name="") for name in NAMES}
    return {name: catalogue.load(folder) for name, folder in folders.items()}


@pytest.mark.parametrize("name", NAMES)
def test_it_certifies_as_it_is(made, sandbox, name):
    chosen = [*certify.specimens(made[name]), *certify.without_work(made[name])]
    rows = certify.certify(chosen, made[name], sandbox, long=False, workers=2)
    assert [row.name for row in rows][2:] == ["empty file", "syntax error", "handout", "replay"]
    assert not [row.problems for row in rows if not row.holds]


@pytest.mark.parametrize("name", NAMES)
def test_right_code_loses_nothing_under_any_seed(made, sandbox, name):
    submission = certify.specimens(made[name])[1].submission
    for number in range(3):
        report = grade(submission, made[name], sandbox, Seed(f"new {number}".encode()))
        assert not [(c.id, c.reason) for c in report.checks if c.points < c.possible]


@pytest.mark.parametrize("name", NAMES)
def test_its_checks_catch_most_wrong_mutants(made, sandbox, name):
    """Of some; `make proof` grades all."""
    found = measure.measure(made[name], sandbox, count=10, seed=1)
    assert len(found.of("wrong")) > 5
    assert found.score >= LEAST, [row.mutant.diff for row in found.survivors]
    assert not [row.mutant.diff for row in found.of("same") if row.report.lost]


@pytest.mark.proof
@pytest.mark.parametrize("name", NAMES)
def test_its_checks_catch_nine_of_ten_wrong_mutants(made, sandbox, name):
    found = measure.measure(made[name], sandbox)
    assert found.score >= LEAST
    assert not found.false_charges


# ── by the command ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "reference"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("graded", ["--functions=first,second", "--class=Line"])
def test_without_a_solution_a_small_one_is_written_that_certifies(grader, root, graded):
    assert grader("new", "small", graded, GRADER_ASSIGNMENTS=str(root)).returncode == 0
    done = grader("certify", "small", GRADER_ASSIGNMENTS=str(root))
    assert (done.returncode, "6 specimens: all hold" in done.stdout) == (0, True), done.stdout


def test_a_method_that_leaves_another_one_out_keeps_its_state(command, root):
    command("new", "line", "--class", "Line", GRADER_ASSIGNMENTS=str(root))
    solution = root / "line/variants/solution.py"
    solution.write_text(solution.read_text("utf-8").replace("return self.slope", "raise NotImplementedError"), "utf-8")
    done = command("certify", "line", "--only", "variants", GRADER_ASSIGNMENTS=str(root))
    assert re.findall(r"loses (\S+),", done.stdout) == ["predict.answer", "predict.state"]


MARKED = "import numpy as np\n\n\ndef f(x):\n    ### BEGIN SOLUTION\n    return x + 1\n    ### END SOLUTION\n"
CALLED = '\n\nif __name__ == "__main__":\n    f(np.ones(3))\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MARKED, "f is never called by an example; add a call of it under if __name__ == '__main__':"),
        (
            MARKED.replace("    ### END SOLUTION\n", "") + CALLED,
            "line 5: '### BEGIN SOLUTION' without '### END SOLUTION' after it: add it",
        ),
        ("import numpy as np\n\n\ndef f(x):\n    return x\n" + CALLED, "nothing is marked; put '### BEGIN SOLUTION'"),
        (
            MARKED + CALLED.replace("np.ones(3)", "np.ones(5000)"),
            "x of f has 5000 numbers; pass 1 to 2000 in an example",
        ),
        (
            MARKED + CALLED.replace("f(np.ones(3))", "f(np.one(3))"),
            "the example call 'f(np.one(3))' raises AttributeError",
        ),
        (
            MARKED + MARKED.replace("def f(x)", "class C:\n  def g(self)") + CALLED,
            "solution.py: f: students write this, but no check would call it. Checks call functions, or the public",
        ),
        ("import helpers\n" + MARKED + CALLED, "it must run by itself, with installed packages only"),
    ],
)
def test_a_solution_that_cannot_be_used_says_what_to_change(command, root, tmp_path, text, message):
    source = tmp_path / "solution.py"
    source.write_text(text, "utf-8")
    done = command("new", "f", source, GRADER_ASSIGNMENTS=str(root))
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert not (root / "f").exists()


def test_a_method_that_returns_nothing_has_no_points_for_its_answer(command, root):
    command("new", "line", "--class", "Line", GRADER_ASSIGNMENTS=str(root))
    points = catalogue.load(root / "line").check_points
    assert list(points) == ["fit.state", "predict.answer", "predict.state"]
    assert sum(points.values()) == 4


LONG = """

[[part]]
id = "q2"
title = "Slow"
[part.checks.slow]
paid = 2

[[long]]
name = "slow"
sections = ["slow"]
cpu_seconds = 5
"""
COMPARES_NOTHING = """

@kit.check("slow")
def slow(student):
    \"\"\"Slow\"\"\"
    answer = student.call("f", "xyz")
    right = lambda truth: kit.passed() if answer.value == truth.f("xyz") else kit.failed("it differs")
    yield kit.claim("paid", right, given=["f"], own=lambda *_: kit.passed())
"""


def test_a_check_that_pays_a_table_of_results_or_no_work_is_refused_with_its_name(command, root, tmp_path):
    source = tmp_path / "solution.py"
    source.write_text(MARKED.replace("x + 1", "x[::-1]") + CALLED.replace("np.ones(3)", "'abc'"), "utf-8")
    done = command("new", "f", source, GRADER_ASSIGNMENTS=str(root))
    assert "always as in the examples: argument 1 of f." in done.stdout
    for name, more in (("assignment.toml", LONG), ("checks.py", COMPARES_NOTHING)):
        text = (root / "f" / name).read_text("utf-8").replace("points = 3", "points = 5")
        (root / "f" / name).write_text(text + more, "utf-8")
    done = command("certify", "f", GRADER_ASSIGNMENTS=str(root))
    assert done.returncode == 3, done.stderr
    for name in ("empty file", "syntax error", "handout"):
        assert f"slow.paid paid the {name} 2 points (follows from f.answer" in done.stdout
    assert "f.answer paid the replay 2 points: all submissions get the same problems: draw them" in done.stdout


def test_another_solution_becomes_a_variant_and_a_broken_assignment_harms_no_other(command, root, tmp_path):
    for name, source in (("solution.py", MARKED + CALLED), ("other.py", MARKED.replace("x + 1", "1.0 + x"))):
        (tmp_path / name).write_text(source, "utf-8")
    command("new", "f", tmp_path / "solution.py", "--also", tmp_path / "other.py", GRADER_ASSIGNMENTS=str(root))
    done = command("certify", "f", "--only", "variants", GRADER_ASSIGNMENTS=str(root))
    assert "variants/other  everything earned" in done.stdout
    command("new", "g", tmp_path / "solution.py", GRADER_ASSIGNMENTS=str(root))
    (root / "g" / "reference.py").write_text("import nowhere\n", "utf-8")
    done = command("assignments", GRADER_ASSIGNMENTS=str(root))
    assert (done.returncode, " f " in done.stdout) == (3, True)
    assert "g cannot be loaded: " in done.stderr
    assert "nowhere" in done.stderr


@pytest.mark.parametrize(
    ("solution", "other", "remedy"),
    [
        ("np.linalg.svd(x)[2][0]", "-np.linalg.svd(x)[2][0]", 'f.answer: would pass with up_to="sign" of expect'),
        ("np.linalg.svd(x)[2][0]", "np.linalg.eigh(x.T @ x)[1][:, 0]", "require by expect.that what the task says"),
    ],
)
def test_another_right_solution_that_loses_points_says_what_to_change(command, root, tmp_path, solution, other, remedy):
    text = MARKED.replace("x + 1", solution)
    (tmp_path / "f.py").write_text(text + CALLED.replace("np.ones(3)", "np.random.randn(5, 3)"), "utf-8")
    (tmp_path / "other.py").write_text(text.replace(solution, other), "utf-8")
    command("new", "f", tmp_path / "f.py", "--also", tmp_path / "other.py", GRADER_ASSIGNMENTS=str(root))
    done = command("certify", "f", "--only", "variants", GRADER_ASSIGNMENTS=str(root))
    assert (done.returncode, "loses f.answer, which it should earn" in done.stdout) == (3, True)
    assert remedy in done.stdout


def test_certify_runs_nothing_without_isolation_unless_told(grader, root, tmp_path):
    grader("new", "small", "--functions", "f", GRADER_ASSIGNMENTS=str(root))
    done = grader("certify", "small", GRADER_ASSIGNMENTS=str(root), PATH=str(tmp_path))  # there is no bwrap
    assert (done.returncode, "--sandbox plain has no isolation" in done.stderr) == (4, True), done.stderr
