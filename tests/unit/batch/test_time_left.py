"""What is said of the time that is left, by a clock that the test moves."""

from __future__ import annotations

import io
import re
from itertools import pairwise

from rich.console import Console

from grader.batch.display import Display
from grader.batch.run import JobOutcome


class Batch:
    """A class of `total`, graded two at a time."""

    def __init__(self, total: int) -> None:
        self.now = 100.0
        self._started: dict[str, float] = {}
        self.display = Display(Console(file=io.StringIO()), total, lambda key: (key,), lambda: self.now)

    def begin(self, *keys: str) -> None:
        for key in keys:
            self._started[key] = self.now
            self.display.started(key)

    def end(self, *keys: str, outcome: JobOutcome = JobOutcome.GRADED) -> None:
        for key in keys:
            if key in self._started:
                self.display.ended(key, self.now - self._started[key])
            self.display.finished(outcome)

    @property
    def left(self) -> float | None:
        """Seconds, as they are said."""
        said = re.search(r"(?:(\d+) h )?(?:(\d+) min|(\d+) s) left", self.display._summary().plain)
        if said is None:
            return None
        hours, minutes, seconds = (int(number or 0) for number in said.groups())
        return 3600 * hours + 60 * minutes + seconds


def test_no_estimate_is_shown_before_the_first_grading() -> None:
    batch = Batch(20)
    batch.begin("a", "b")
    batch.now += 500
    assert batch.left is None


def test_while_equals_are_graded_the_time_left_is_the_time_it_takes_and_never_goes_up() -> None:
    batch = Batch(20)
    said: list[tuple[float, float]] = []
    for first in range(0, 20, 2):
        pair = (str(first), str(first + 1))
        batch.begin(*pair)
        for _ in range(8):
            batch.now += 5
            if batch.left is not None:
                said.append((batch.now, batch.left))
        batch.end(*pair)
    assert all(after <= before for (_, before), (_, after) in pairwise(said))
    for moment, left in said:
        assert abs(moment + left - batch.now) <= 30  # minutes are rounded


def test_slow_first_gradings_do_not_affect_the_estimate() -> None:
    batch = Batch(1000)
    for n in range(100):
        batch.begin(str(n))
        batch.now += 100 if n < 50 else 1
        batch.end(str(n))
    assert batch.left == 900


def test_earlier_gradings_do_not_affect_the_estimate() -> None:
    batch = Batch(100)
    batch.end(*(f"known {n}" for n in range(50)), outcome=JobOutcome.KNOWN)
    assert batch.left is None
    batch.begin("a")
    batch.now += 2
    batch.end("a")
    assert batch.left == 120  # 98 seconds, in whole minutes


def test_a_grading_that_exceeds_the_average_adds_no_time() -> None:
    batch = Batch(2)
    batch.begin("a", "b")
    batch.now += 10
    batch.end("a")
    batch.now += 300
    assert batch.left is None


def test_gradings_that_no_poll_saw_running_count() -> None:
    batch = Batch(11)
    batch.display.ended("a", 2.0)
    batch.display.finished(JobOutcome.GRADED)
    assert batch.left == 20
