"""The softmax assignment, whose students write functions: what is charged, once, and how speed is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from grader.assignments import catalogue
from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.engine.grade import Scope, grade
from grader.intake.receive import receive_files
from grader.model import CheckResult, Report, Status
from grader.sandbox.contract import Sandbox
from tests.conftest import ROOT

FOLDER = ROOT / "reference" / "softmax"
RIGHT = (FOLDER / "variants" / "rows.py").read_text("utf-8")
START = RIGHT.index("def softmax_loss_vectorized")
NAIVE, VECTORIZED = RIGHT[:START], "import numpy as np\n" + RIGHT[START:]

Graded = Callable[..., Report]


@pytest.fixture(scope="module")
def softmax() -> Assignment:
    return catalogue.load(FOLDER)


@pytest.fixture
def graded(softmax: Assignment, sandbox: Sandbox) -> Graded:
    def grade_it(*, only: str = "", **files: str) -> Report:
        submission = receive_files([(f"{name}.py", text.encode()) for name, text in files.items()])
        return grade(submission, softmax, sandbox, Seed(b"secret"), Scope(only=only))

    return grade_it


def lost(report: Report) -> dict[str, CheckResult]:
    return {c.id: c for c in report.checks if c.points < c.possible}


def test_functions_in_two_files_earn_everything_and_the_report_says_where_they_were(graded: Graded) -> None:
    report = graded(softmax=NAIVE, quick=VECTORIZED)
    assert report.points == 20
    assert "quick.py has softmax_loss_vectorized, which softmax.py lacks; that was graded from there" in report.remarks


def test_the_same_mistake_in_both_functions_is_charged_once(graded: Graded) -> None:
    report = graded(only="q2", softmax=RIGHT.replace("dW /= num_train", "").replace("(P - onehot) / N", "(P - onehot)"))
    assert report.checks[-1].follows_from == ("q1.gradient",)
    assert report.points == 8


def test_an_unknown_cause_in_both_functions_is_charged_once(graded: Graded) -> None:
    text = RIGHT.replace("    dW /= num_train", "    dW /= 1.7 * num_train").replace("/ N + 2.0", "/ (1.7 * N) + 2.0")
    report = graded(softmax=text)
    assert set(lost(report)) == {"q1.gradient"}


CONSTANTS = "def f(W, X, y, reg):\n    return 1.0, W + 1\nsoftmax_loss_naive = softmax_loss_vectorized = f\n"


def test_constants_earn_nothing_though_both_functions_agree(graded: Graded) -> None:
    assert graded(softmax=CONSTANTS).points == 2  # they do not overflow


# ── speed ────────────────────────────────────────────────────────────────────────────────────────────


def speed(report: Report) -> CheckResult:
    (check,) = (c for c in report.checks if c.id == "q4.speed")
    return check


def test_answers_that_were_remembered_are_not_fast(graded: Graded) -> None:
    kept = "\nKEPT = {}\ndef softmax_loss_vectorized(W, X, y, reg):\n    key = W.shape, X.shape\n"
    kept += "    if key not in KEPT:\n        KEPT[key] = softmax_loss_naive(W, X, y, reg)\n    return KEPT[key]\n"
    assert speed(graded(softmax=NAIVE + kept)).status is Status.FAILED


def test_a_wrong_vectorised_version_that_is_charged_may_still_be_fast(graded: Graded) -> None:
    wrong = VECTORIZED.replace("loss = np.mean(", "loss = np.sum(")
    assert set(lost(graded(softmax=NAIVE + wrong))) == {"q2.loss"}


def test_between_the_thresholds_a_person_decides(softmax: Assignment, sandbox: Sandbox) -> None:
    checks = tuple(
        replace(c, run=_with_thresholds(c.run, passes=1e9, fails=2.0)) if c.section == "q4" else c
        for c in softmax.checks
    )
    submission = receive_files([("softmax.py", RIGHT.encode())])
    report = grade(submission, replace(softmax, checks=checks), sandbox, Seed(), Scope(only="q4"))
    check = speed(report)
    assert check.status is Status.WAITING
    assert check.points == 0
    assert report.decided == 0
    assert "so a person decides" in check.reason


def _with_thresholds(run: Callable[..., object], **thresholds: float) -> Callable[..., object]:
    """Return the check with other thresholds of its ratio."""

    def changed(student: object, seed: int) -> object:
        for claim in run(student, seed):  # type: ignore[attr-defined]
            measured = claim.judge.__self__
            yield replace(claim, judge=replace(measured, **thresholds).against)

    return changed
