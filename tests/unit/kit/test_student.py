"""The remote view of a submission: what was stopped twice is not asked a third time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from grader.guest.entry_points import EntryPoints
from grader.guest.wire import Ref
from grader.intake.receive import receive
from grader.kit.student import Student
from grader.kit.verdict import call_failure
from grader.model import Limit, Limits, Stopped
from grader.sandbox.contract import Sandbox
from tests.conftest import MakeNotebook

NET = b"""\
class Net:
    def spin(self, forever=True):
        while forever:
            pass
        return 1

    def other(self):
        return 2
"""


@contextmanager
def loaded(
    sandbox: Sandbox, name: str, content: bytes, class_name: str = "Net", limits: Limits | None = None
) -> Iterator[Student]:
    submission = receive(name, content, "mlp.py")
    student = Student(submission, sandbox, EntryPoints("class", (class_name,)), ["mlp.py"], limits or Limits(), {}, {})
    yield student
    student.close()


@pytest.fixture
def student(sandbox: Sandbox) -> Iterator[Student]:
    with loaded(sandbox, "mlp.py", NET, limits=Limits(call_cpu_seconds=0.2)) as student:
        yield student


def stopped(student: Student, *methods: str) -> list[bool | None]:
    """One check after another: whether each call was not even made; None where it was not stopped."""
    found: list[bool | None] = []
    for method in methods:
        student.begin()
        failure = student.new().call(method).failure
        found.append(failure.given_up if isinstance(failure, Stopped) else None)
    return found


def test_a_method_that_was_stopped_twice_is_not_called_again(student: Student) -> None:
    assert stopped(student, "spin", "other", "spin", "spin", "spin") == [False, None, False, True, True]


def test_what_an_ended_session_says_again_counts_once(student: Student) -> None:
    student.begin()
    net = student.new()
    assert [net.call("spin").failure for _ in range(3)] == [Stopped(Limit.CPU, 0.2)] * 3
    assert stopped(student, "spin", "spin") == [False, True]


def test_on_another_seed_it_is_called_again(student: Student) -> None:
    assert stopped(student, "spin", "spin", "spin") == [False, False, True]
    student.start_anew()
    assert stopped(student, "spin") == [False]


def test_an_array_that_is_not_there_is_told_and_ends_nothing(student: Student) -> None:
    student.begin()
    net = student.new()
    assert "the check must store it with keep() first" in str(net.call("other", Ref("X")).failure)
    student.keep(X=np.zeros(2))
    assert "takes 1 positional argument" in str(net.call("other", Ref("X")).failure)


def test_long_trainings_do_not_count(student: Student) -> None:
    for _ in range(3):
        student.begin()
        assert isinstance(student.new().call_long("spin", cpu_seconds=0.1).failure, Stopped)
    student.begin()
    assert student.new().call("spin", forever=False).value == 1


FITTED = b"""\
class Line:
    def fit(self, x):
        self.slope = x
        self.intercept = meen
"""


def test_an_attribute_that_a_failed_call_did_not_set_is_that_failure(sandbox: Sandbox) -> None:
    with loaded(sandbox, "mlp.py", FITTED, "Line") as student:
        student.begin()
        line = student.new()
        line.call("fit", 2.5)
        assert line.get("slope").value == 2.5
        missing = call_failure(line.get("intercept"))
        assert missing is not None
        assert missing.reason == "fit(2.5): NameError: name 'meen' is not defined (mlp.py:4)"
        assert missing.line is not None
        assert (missing.line.file, missing.line.line) == ("mlp.py", 4)


def test_a_notebook_with_more_code_than_an_answer_may_have_is_loaded(
    sandbox: Sandbox, make_notebook: MakeNotebook
) -> None:
    long = "\n".join(["# " + "x" * 98] * 9_000)
    cells = [("code", NET.decode()), *[("code", f"{long}\n# {number}") for number in range(6)]]
    with loaded(sandbox, "a.ipynb", make_notebook(*cells)) as student:
        student.begin()
        assert student.new().call("other").value == 2
