"""Calls wait until an answer is used, and have the results that they would have one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from grader.guest.entry_points import EntryPoints
from grader.intake.receive import receive
from grader.kit.student import Student
from grader.model import Died, Limit, Limits, Raised, Stopped
from grader.sandbox.contract import Sandbox, Session

NET = b"""\
import os
import time
import numpy as np

class Net:
    def __init__(self, fails=False):
        if fails:
            raise ValueError("no net")
        self.params = {"W": np.zeros(2)}
        self.calls = 0

    def count(self, seconds=0.0):
        self.calls += 1
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass
        return self.calls

    def fail(self):
        self.calls += 1
        raise ValueError("no")

    def leave(self):
        os._exit(0)

    def loss(self):
        return self.params["W"].sum()

    def step(self, x):
        self.params["W"] += x
        return self.params["W"]
"""


@pytest.fixture
def student(sandbox: Sandbox) -> Iterator[Student]:
    limits = Limits(call_cpu_seconds=0.5)
    made = Student(
        receive("mlp.py", NET, "mlp.py"), sandbox, EntryPoints("class", ("Net",)), ["mlp.py"], limits, {}, {}
    )
    made.begin()
    yield made
    made.close()


@pytest.fixture
def frames(student: Student, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The names of the requests that were sent together, in order."""
    sent: list[list[str]] = []
    exchange = Session._exchange

    def noted(session: Session, request: list[Any], watch: Any) -> Any:
        together = request[1] if request[0] == "several" else [request]
        sent.append([name for name, *_ in together])
        return exchange(session, request, watch)

    monkeypatch.setattr(Session, "_exchange", noted)
    return sent


def test_calls_are_sent_together_when_an_answer_is_used(student: Student, frames: list[list[str]]) -> None:
    net = student.new()
    first, second = net.call("count"), net.call("count")
    assert frames == []
    assert (second.value, first.value) == (2, 1)
    assert frames == [["new", "call", "call"]]


def test_each_answer_is_what_its_call_returned(student: Student, frames: list[list[str]]) -> None:
    """Though the student's code changes the array that it has returned."""
    net = student.new()
    first, second = net.call("step", np.ones(2)), net.call("step", np.ones(2))
    assert (list(first.value), list(second.value)) == ([1, 1], [2, 2])
    assert frames == [["new", "call", "call"]]


def test_a_call_gets_the_arguments_of_its_time(student: Student) -> None:
    """Though the caller changes an array before the call is sent."""
    step = np.ones(2)
    first = student.new().call("step", step)
    step += 100
    second = student.new().call("step", step)
    assert (list(first.value), list(second.value)) == ([1, 1], [101, 101])


def test_a_call_that_raises_fails_alone(student: Student) -> None:
    net = student.new()
    answers = [net.call(method) for method in ("count", "fail", "count")]
    assert isinstance(answers[1].failure, Raised)
    assert [answers[0].value, answers[2].value] == [1, 3]


def test_what_depends_on_a_failure_fails_with_it_and_is_not_sent(student: Student, frames: list[list[str]]) -> None:
    none, net = student.new(fails=True), student.new()
    answers = [none.call("count"), net.call("count")]
    assert isinstance(answers[0].failure, Raised)
    assert answers[0].failure.before == "Net(…) cannot be made"
    assert answers[1].value == 1
    assert frames == [["new", "new", "call", "call"], ["new"], ["call"]]
    unwritten = student.new()
    put = unwritten.put("params", {"missing": np.ones(2)})
    assert unwritten.call_as_written("count").failure is not None
    assert put.failure is not None
    assert unwritten.call("count").value == 1


def test_a_replacement_is_made_before_later_calls(student: Student) -> None:
    net = student.new()
    failed = net.call("fail")
    net.if_it_raises(lambda _failure: net.call("count").value)
    after = net.call("count")
    assert (failed.value, after.value) == (2, 3)


def test_a_frame_over_the_limit_of_a_call_is_sent_again_one_by_one(student: Student, frames: list[list[str]]) -> None:
    net = student.new()
    assert net.call("count").value == 1
    answers = [net.call("count", 0.3) for _ in range(3)]
    assert [answer.value for answer in answers] == [2, 3, 4]  # as in the session that was ended
    assert [len(frame) for frame in frames].count(3) == 1
    assert [len(frame) for frame in frames[-3:]] == [1, 1, 1]


def test_what_is_repeated_is_paid_for_once(student: Student) -> None:
    net = student.new()
    for number in range(3):
        assert net.call("count", 0.4).value == number + 1
    answers = [net.call("count", 0.3) for _ in range(3)]
    before = student.budget.seconds_left
    assert answers[-1].value == 6
    assert before - student.budget.seconds_left < 1.7  # 0.9; the ended frame took 0.5, and what was repeated 1.2


def test_a_call_over_its_limit_is_stopped_in_whatever_frame(student: Student) -> None:
    net = student.new()
    answers = [net.call("count", seconds) for seconds in (0.0, 0.6, 0.0)]
    student.begin()
    of_the_next_problem = student.new().call("count")
    assert answers[0].value == 1
    assert [answer.failure for answer in answers[1:]] == [Stopped(Limit.CPU, 0.5)] * 2
    assert of_the_next_problem.value == 1


def test_a_process_that_ends_fails_the_call_that_ended_it(student: Student) -> None:
    net = student.new()
    answers = [net.call(method) for method in ("count", "leave", "count")]
    student.begin()
    of_the_next_problem = student.new().call("count")
    assert of_the_next_problem.value == 1
    assert answers[0].value == 1
    assert all(isinstance(answer.failure, Died) for answer in answers[1:])


def test_the_points_of_a_numerical_gradient_are_sent_alone(student: Student, frames: list[list[str]]) -> None:
    net = student.new()
    loss = net.call("loss")
    losses = net.call_many("params", {"W": np.eye(2)}, "loss")
    after = net.call("loss")
    assert [loss.value, list(losses.value), after.value] == [0.0, [1.0, 1.0], 1.0]
    assert frames == [["new", "call"], ["call_many"], ["call"]]


def test_calls_are_made_before_their_time_is_read(student: Student) -> None:
    before = student.used.cpu_seconds
    student.new().call("count", 0.2)
    assert student.used.cpu_seconds - before > 0.15


def test_a_fresh_session_repeats_nothing_of_another_seed(student: Student, frames: list[list[str]]) -> None:
    """Else the requests of all seeds would be kept, which are megabytes each."""
    assert student.new().call("count").value == 1
    student.start_anew()
    student.begin()
    net = student.new()
    answers = [net.call("count", 0.3) for _ in range(2)]
    assert [answer.value for answer in answers] == [1, 2]
    assert [name for frame in frames for name in frame].count("new") == 3  # two, and the second once more
