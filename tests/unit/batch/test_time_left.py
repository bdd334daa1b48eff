"""What is said of the time that is left, by a clock that the test moves."""

from __future__ import annotations

import io
import re
from itertools import pairwise

from rich.console import Console

from grader.batch.display import Display, JobOutcome


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
        said = re.search(r"(\d+):(\d+):(\d+) left", self.display._summary().plain)
        if said is None:
            return None
        hours, minutes, seconds = (int(number) for number in said.groups())
        return 3600 * hours + 60 * minutes + seconds


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
