"""kit.testing grades the author's own objects in this process, as a sandbox would grade a file of the same code."""

from __future__ import annotations

import inspect
import time

import numpy as np
import pytest

from grader.assignments.catalogue import Assignment, load
from grader.assignments.seeds import Seed
from grader.authoring.new import new
from grader.engine.grade import Scope, grade
from grader.errors import BadCall
from grader.intake.receive import receive
from grader.kit import testing
from grader.model import Limits, Report

WRONG = "def weighted(X, w):\n    X *= 2\n    return X @ w\n"


@pytest.fixture(scope="module")
def assignment(tmp_path_factory) -> Assignment:
    folder = new("weights", tmp_path_factory.mktemp("root"), source=None, functions=["weighted"], class_name="")
    return load(folder)


def rows(report: Report) -> list[tuple[str, ...]]:
    return [(c.id, str(c.points), c.status, c.reason) for c in report.checks]


def test_the_reference_loses_nothing(assignment):
    report = testing.grade(assignment, vars(assignment.reference_module))
    assert (testing.failed(report), report.environment.isolation) == (frozenset(), "in process")


def test_it_says_what_a_sandbox_says(assignment, sandbox):
    namespace: dict[str, object] = {}
    exec(WRONG, namespace)
    inside = grade(
        receive("weights.py", WRONG.encode(), "weights.py"), assignment, sandbox, Seed(), Scope(code_only=True)
    )
    assert rows(testing.grade(assignment, namespace)) == rows(inside)


def test_a_function_that_raises_loses_its_checks(assignment):
    def weighted(X, w):
        raise RuntimeError("not yet")

    report = testing.grade(assignment, {"weighted": weighted})
    assert "weighted.answer" in testing.failed(report)
    assert "RuntimeError: not yet" in next(c.reason for c in report.checks if c.id == "weighted.answer")


def test_arguments_are_copies(assignment):
    kept = []

    def weighted(X, w):
        kept.append(X)
        return X @ w

    testing.grade(assignment, {"weighted": weighted})
    before = [X.copy() for X in kept]
    testing.grade(assignment, {"weighted": lambda X, w: np.multiply(X, 0, out=X) @ w})
    assert all(np.array_equal(a, b) for a, b in zip(before, kept, strict=True))


def test_the_process_keeps_its_random_numbers(assignment):
    np.random.seed(5)
    expected = np.random.rand()
    np.random.seed(5)
    testing.grade(assignment, {"weighted": lambda X, w: np.random.rand(len(X))})
    assert np.random.rand() == expected


def test_a_grading_takes_milliseconds(assignment):
    """Far less than a process takes to start."""
    testing.grade(assignment, vars(assignment.reference_module))
    started = time.process_time()
    for _ in range(10):
        testing.grade(assignment, vars(assignment.reference_module))
    of_grading = time.process_time() - started
    started = time.process_time()
    for _ in range(10):
        np.linalg.svd(np.random.default_rng(0).normal(size=(300, 300)))
    assert of_grading < 5 * (time.process_time() - started)


@pytest.mark.parametrize("solution", ["weights.py", b"def weighted(X, w): ...", None])
def test_what_is_no_object_of_the_authors_is_refused(assignment, solution):
    with pytest.raises(
        BadCall, match=r"takes a class or functions by their names, not \w+; grade files by `grader check`"
    ):
        testing.grade(assignment, solution)


def test_a_session_refuses_a_file_and_never_runs_it(assignment, tmp_path):
    ran = tmp_path / "ran"
    code = f"open({str(ran)!r}, 'w')\n"
    files = {"weights.py": np.frombuffer(code.encode(), np.uint8)}
    with testing.InProcess({}).session(Limits(), {}) as session, pytest.raises(BadCall, match="not files"):
        session.request(["load", files, [], assignment.entry_points.plain(), ["weights.py"], {}, 0.0], 1.0)
    assert not ran.exists()


def test_an_assignments_own_code_reads_its_settings(tmp_path):
    folder = new("weights", tmp_path, source=None, functions=["weighted"], class_name="")
    with (folder / "assignment.toml").open("a") as manifest:
        manifest.write("\n[settings]\nlargest = 7\n")
    with (folder / "checks.py").open("a") as checks:
        checks.write('\nLARGEST = kit.settings(__package__)["largest"]\n')
    assert vars(inspect.getmodule(load(folder).checks[0].run))["LARGEST"] == 7
