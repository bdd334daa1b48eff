"""kit.testing grades the author's own objects in this process, as a sandbox would grade a file of the same code."""

from __future__ import annotations

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


def test_it_says_what_a_sandbox_says(assignment, sandbox):
    namespace: dict[str, object] = {}
    exec(WRONG, namespace)
    inside = grade(
        receive("weights.py", WRONG.encode(), "weights.py"), assignment, sandbox, Seed(), Scope(code_only=True)
    )
    assert rows(testing.grade(assignment, namespace)) == rows(inside)


def test_arguments_are_copies(assignment):
    kept = []

    def weighted(X, w):
        kept.append(X)
        return X @ w

    testing.grade(assignment, {"weighted": weighted})
    before = [X.copy() for X in kept]
    testing.grade(assignment, {"weighted": lambda X, w: np.multiply(X, 0, out=X) @ w})
    assert all(np.array_equal(a, b) for a, b in zip(before, kept, strict=True))


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


def test_a_title_names_the_thing_and_the_claim(assignment):
    report = testing.grade(assignment, {"weighted": lambda X, w: X @ w})
    assert [check.title for check in report.checks] == ["weighted: answer", "weighted: state"]
