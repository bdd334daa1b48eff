"""Checks that read like a test, with the k-means++ of the tutorial: what follows, and what cannot pass."""

from __future__ import annotations

import re

import numpy as np
import pytest

from grader.assignments import recorded_truth
from grader.assignments.catalogue import load
from grader.authoring.recording import record
from grader.errors import BrokenCheck
from grader.kit import testing
from grader.kit.answer import Answer
from grader.kit.compare import near_up_to
from grader.kit.reference_truth import used_functions
from tests.conftest import ROOT

TUTORIAL = (ROOT / "docs" / "write-an-assignment.md").read_text("utf-8")
FILES = dict(re.findall(r"^```\w+ file=reference/kmeans/(\S+)\n(.*?)^```$", TUTORIAL, re.MULTILINE | re.DOTALL))
COMPARED = 'expect("inertia", ask.inertia(X, C), ref.inertia(X, C))'


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / "kmeans" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "kmeans" / name).write_text(text, "utf-8")
    return tmp_path / "kmeans"


def solution(**functions):
    """The reference's functions with some others, which the rest of them call."""
    namespace = {}
    exec(FILES["reference.py"], namespace)
    namespace.update(functions)
    return namespace


def farthest(X, C):
    return ((X[:, None] - C) ** 2).sum(axis=2).argmax(axis=1)


def shifted(X, C):
    return (farthest(X, C) + 1) % len(C)


@pytest.mark.parametrize(("assign", "diagnosed"), [(farthest, {"farthest"}), (shifted, set())])
def test_what_follows_from_an_own_function_costs_nothing_known_mistake_or_not(folder, assign, diagnosed):
    report = testing.grade(load(folder), solution(assign=assign))
    assert (testing.failed(report), testing.diagnosed(report)) == ({"q1.labels"}, diagnosed)
    assert [check.follows_from for check in report.checks[1:3]] == [("q1.labels",)] * 2


@pytest.mark.parametrize("inertia", [lambda X, C: 0.0, lambda X, C: 17.0, lambda X, C: None, lambda X, C: C[len(X)]])
def test_work_that_does_not_follow_loses_its_points(folder, inertia):
    report = testing.grade(load(folder), solution(assign=shifted, inertia=inertia))
    assert testing.failed(report) == {"q1.labels", "q3.inertia"}


def test_a_generated_check_builds_on_the_functions_that_the_reference_calls():
    assert used_functions(FILES["reference.py"], "inertia", ["assign", "update", "inertia"]) == {"assign": "assign"}


def test_zeros_do_not_follow_from_zeros(folder):
    wanted = FILES["reference.py"].replace("float(((X - C[assign(X, C)]) ** 2).sum())", "int(assign(X, C).sum())")
    (folder / "reference.py").write_text(wanted, "utf-8")
    nothing = solution(assign=lambda X, C: np.zeros(len(X), int), inertia=lambda X, C: 0)
    assert {"q1.labels", "q3.inertia"} <= testing.failed(testing.grade(load(folder), nothing))


@pytest.mark.parametrize(
    "added", ['expect("inertia", X.size, X.size)', 'expect.that("inertia", answer is not None, "")']
)
def test_after_a_failed_call_nothing_passes_that_has_compared_nothing(folder, added):
    checks = FILES["checks.py"].replace(COMPARED, f"answer = ask.inertia(X, C)\n    {added}")
    (folder / "checks.py").write_text(checks, "utf-8")
    report = testing.grade(load(folder), solution(inertia=lambda X, C: X[len(X)]))
    assert testing.failed(report) == {"q3.inertia"}
    assert "IndexError" in report.checks[2].reason


def test_an_answer_passed_on_to_another_call_fails_with_the_first_error(folder):
    passed_on = 'expect("inertia", ask.inertia(X, ask.update(X, C)), ref.inertia(X, ref.update(X, C)))'
    (folder / "checks.py").write_text(FILES["checks.py"].replace(COMPARED, passed_on), "utf-8")
    report = testing.grade(load(folder), solution(update=lambda X, C: X[len(X)]))
    assert testing.failed(report) == {"q2.centres", "q3.inertia"}
    assert "IndexError" in report.checks[2].reason


@pytest.mark.parametrize("line", ['expect("inertia", ask.inertia(X, C), None)', 'expect("inertia", unknown, 1.0)'])
def test_a_comparison_with_nothing_is_the_authors_fault(folder, line):
    (folder / "checks.py").write_text(FILES["checks.py"].replace(COMPARED, line), "utf-8")
    with pytest.raises(BrokenCheck, match=r"checks.py, line 45: .*(nothing to compare|'unknown' is not defined)"):
        testing.grade(load(folder), solution())


def test_a_pack_has_what_the_reference_is_asked_and_leaves_the_rest_for_later(folder, sandbox):
    assignment = load(folder)
    answers = record(assignment, sandbox, lambda _count: None, processes=1)
    content = recorded_truth.dumps(assignment.digest, answers, assignment.mistakes, assignment.interpretations)
    (folder / "recorded.bin").write_bytes(content)
    for name in ("reference.py", "mistakes.py"):
        (folder / name).unlink()
    pack = load(folder)
    assert testing.grade(pack, solution()).points == 10
    assert testing.grade(pack, solution(assign=farthest)).points == 7
    assert [str(check.status) for check in testing.grade(pack, solution(assign=shifted)).checks[:2]] == [
        "failed",
        "not_run",
    ]


@pytest.mark.parametrize(
    ("up_to", "got", "others"),
    [
        ("sign", [[1.0, -2.0], [3.0, -4.0]], [[1.0, 2.0], [3.0, -4.0]]),
        ("sign", [[-1.0, -2.0, -3.0]], [[1.0, -2.0, 3.0]]),
        ("order", [[3.0, 4.0], [1.0, 2.0]], [[3.0, 4.0], [3.0, 4.0]]),
        ("permutation", [[7, 5], [4, 9]], [[7, 5], [4, 4]]),
    ],
)
def test_what_the_task_leaves_open_may_differ_and_nothing_else(up_to, got, others):
    want = np.array([[0, 1], [2, 3]]) if up_to == "permutation" else np.arange(1.0, np.size(got) + 1)
    want = want.reshape(np.shape(got))
    assert near_up_to(Answer("f(X)", np.array(got)), want, up_to).holds
    assert not near_up_to(Answer("f(X)", np.array(others)), want, up_to).holds


@pytest.mark.parametrize(("up_to", "got", "want"), [("order", -3.0, 3.0), ("permutation", [7.0, 5.0], [1.0, 2.0])])
def test_a_number_and_groups_that_are_no_integers_leave_nothing_open(up_to, got, want):
    assert not near_up_to(Answer("f(X)", np.array(got)), np.array(want), up_to).holds
    assert near_up_to(Answer("f(X)", np.array(want)), np.array(want), up_to).holds
