"""All calls of a submission share a budget: sleeping in each of them, or returning much, ends in a failure."""

from __future__ import annotations

import os
import subprocess
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from grader.bounds import HEADER_WEIGHT
from grader.guest.entry_points import EntryPoints
from grader.guest.wire import decode
from grader.intake.receive import receive
from grader.kit.answer import explain
from grader.kit.student import Student
from grader.model import Limit, Limits, Stopped
from grader.sandbox import contract
from grader.sandbox.budget import Budget, ProcessorQueue
from grader.sandbox.contract import Sandbox

NET = b"""\
import time
import numpy as np

class Net:
    def nap(self, seconds=0.4):
        time.sleep(seconds)

    def spin(self):
        while True:
            pass

    def grid(self, size):
        return np.zeros(size, np.uint8)

    def fast(self):
        return 2
"""
LIMITS = Limits(call_cpu_seconds=0.5, wall_seconds=1.0, answers_bytes=3 << 20)
NO_TIME_LEFT = Stopped(Limit.WALL, 1.0, whole_submission=True)
NO_ROOM_LEFT = Stopped(Limit.REPLY, float(3 << 20), whole_submission=True)


def student_of(sandbox: Sandbox, limits: Limits, budget: Budget | None = None) -> Student:
    return Student(
        receive("mlp.py", NET, "mlp.py"), sandbox, EntryPoints("class", ("Net",)), ["mlp.py"], limits, {}, {}, budget
    )


@pytest.fixture
def student(sandbox: Sandbox) -> Iterator[Student]:
    made = student_of(sandbox, LIMITS)
    yield made
    made.close()


def test_sleeping_in_every_call_uses_the_budget_up(student: Student) -> None:
    student.begin()
    net = student.new()
    failures = [net.call("nap").failure for _ in range(4)]
    assert failures[0] is None
    assert failures[-1] == NO_TIME_LEFT


def test_a_call_is_stopped_in_the_middle_where_the_budget_ends(student: Student) -> None:
    student.begin()
    assert student.new().call("nap", 100).failure == NO_TIME_LEFT


def test_what_is_used_up_stays_so_for_the_checks_that_follow(student: Student) -> None:
    for _ in range(3):
        student.begin()
        for method in ("nap", "fast"):
            failure = student.new().call(method, *([100] if method == "nap" else [])).failure
            assert isinstance(failure, Stopped)
            assert replace(failure, before="") == NO_TIME_LEFT


def test_another_seed_begins_with_all_of_it(student: Student) -> None:
    student.begin()
    student.new().call("nap", 100)
    student.start_anew()
    student.begin()
    assert student.new().call("fast").value == 2


def test_all_sessions_of_a_submission_share_it(sandbox: Sandbox) -> None:
    budget = Budget(LIMITS)
    first, second = student_of(sandbox, LIMITS, budget), student_of(sandbox, LIMITS, budget)
    try:
        second.begin()
        net = second.new()
        first.begin()
        assert first.new().call("nap", 100).failure == NO_TIME_LEFT
        assert net.call("fast").failure == NO_TIME_LEFT
    finally:
        first.close()
        second.close()


@contextmanager
def busy(core: int, rivals: int) -> Iterator[None]:
    """Processes that want all of one core, each as much as a whole session of processes gets."""
    forever = ["sh", "-c", "while :; do :; done"]
    started = [subprocess.Popen(forever, start_new_session=True) for _ in range(rivals)]
    try:
        for process in started:
            os.sched_setaffinity(process.pid, {core})
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_waiting_for_a_processor_is_not_charged(sandbox: Sandbox) -> None:
    limits = Limits(call_cpu_seconds=0.4)
    budget = Budget(limits)
    student = student_of(sandbox, limits, budget)
    core = min(os.sched_getaffinity(0))
    try:
        student.begin()
        net = student.new()
        left, before = budget.seconds_left, student.used
        session = student.pipeline.session
        assert session is not None
        with busy(core, rivals=6):
            os.sched_setaffinity(session.pid or 0, {core})
            assert net.call("spin").failure == Stopped(Limit.CPU, 0.4)
        computed = student.used.cpu_seconds - before.cpu_seconds
        assert left - budget.seconds_left < 2 * computed < student.used.wall_seconds - before.wall_seconds
    finally:
        student.close()


@pytest.mark.long
def test_a_call_that_gets_hardly_any_processor_is_not_taken_for_one_that_sleeps(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contract, "IDLE_SECONDS", 2.0)
    student = student_of(sandbox, Limits(call_cpu_seconds=0.05))
    core = min(os.sched_getaffinity(0))
    try:
        student.begin()
        net = student.new()
        session = student.pipeline.session
        assert session is not None
        assert session.pid is not None
        with busy(core, rivals=80):
            os.sched_setaffinity(session.pid, {core})
            assert net.call("spin").failure == Stopped(Limit.CPU, 0.05)
    finally:
        student.close()


def test_threads_that_crowd_each_other_out_are_charged_for_what_they_compute() -> None:
    budget = Budget(Limits(wall_seconds=100.0))
    budget.use_seconds(5.0 - 4.9, cpu_seconds=10.0)
    assert budget.seconds_left == 90.0


def test_waiting_that_is_found_out_later_is_given_back() -> None:
    budget = Budget(Limits(wall_seconds=100.0))
    budget.use_seconds(20.0, cpu_seconds=1.0)
    budget.use_seconds(0.5 - 15.0, cpu_seconds=0.5)
    assert budget.seconds_left == 100.0 - 5.5


def test_without_a_count_of_waiting_all_wall_time_counts() -> None:
    assert ProcessorQueue(None).seconds_since_last() == 0
    assert ProcessorQueue(1 << 30).seconds_since_last() == 0
    assert not ProcessorQueue(None).is_ready
    assert not ProcessorQueue(1 << 30).is_ready


def test_large_answers_use_the_room_up(student: Student) -> None:
    student.begin()
    net = student.new()
    answers, failures = [], []
    for _ in range(4):
        answers.append(net.call("grid", 1 << 20))
        failures.append(answers[-1].failure)
    assert failures == [None, None, NO_ROOM_LEFT, NO_ROOM_LEFT]
    held = sum(a.value.nbytes for a in answers if isinstance(a.value, np.ndarray))
    assert held <= LIMITS.answers_bytes


@pytest.mark.parametrize("item", [b"\x80", b"\x90", b"\x81\xa0\xc0", b"\x91\x90", b"\xc0", b"\xa2ab", b"\xd4\x03a"])
def test_no_header_becomes_more_than_it_is_counted_for(item: bytes) -> None:
    count = 50_000
    header = b"\xdd" + count.to_bytes(4, "big") + item * count
    tracemalloc.start()
    try:
        value = decode(header, bytearray())
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(value) == count
    assert held <= HEADER_WEIGHT * len(header)


def test_a_header_counts_for_the_objects_that_it_becomes() -> None:
    budget = Budget(Limits(answers_bytes=HEADER_WEIGHT * 1000))
    budget.use_answer(1000, 0)
    assert budget.exceeded is None
    budget.use_answer(0, 1)
    assert isinstance(budget.exceeded, Stopped)


@pytest.mark.parametrize(("stopped", "says"), [(NO_TIME_LEFT, "may take 1 seconds"), (NO_ROOM_LEFT, "than 3 MiB")])
def test_the_student_is_told_that_it_is_the_whole_submission(stopped: Stopped, says: str) -> None:
    assert "the whole submission" in explain(stopped)
    assert says in explain(stopped)
