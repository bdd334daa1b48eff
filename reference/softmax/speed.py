"""The speed of a student's vectorised function relative to the student's version with loops.

Both functions are timed in the same session, so that the speed of the machine does not matter. The CPU time of the
sandboxed process is read from outside, because students' code can change the clocks inside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from grader.errors import BadAssignment
from grader.kit.answer import Answer
from grader.kit.calls import Call, Episode, same
from grader.kit.student import Student
from grader.kit.verdict import Verdict, call_failure, failed, waiting

LEAST_SECONDS = 0.05
"""The size of the arguments is increased until a call of the slow function takes this many CPU seconds. The overhead of
a call is about a millisecond. If a submission is timed repeatedly, ratios (slow / fast) of about 50 vary by a third,
and ratios of about 1 by a few percent."""
CALLS = 5
PASSES, FAILS = 6.0, 4.0
MOST_OF_REFERENCE = 3.0
"""Limit on the CPU time of the student's slow function, divided by the time of the reference's slow function. A slower
function counts as slowed down on purpose."""
FIRST_SIZE, LARGEST_SIZE = 64, 200_000
"""Size of the first timed call, and limit on the size of later ones."""
MOST_GROWTH = 8
"""Limit on the factor by which the size grows from one timed call to the next."""

Sizes = Callable[[np.random.Generator, int], Sequence[Any]]
"""Function (random generator, size) → the arguments with which the slow and the fast function are timed."""


@dataclass(frozen=True)
class Speed:
    """Measured times of a student's slow and fast function.

    Args:
        slow, fast: Names of the functions.
        slow_seconds, fast_seconds: CPU seconds of each function's fastest call; 0 if a call failed or no clock can be
            read.
        size: Size at which both functions were timed.
        draw: Function (random, size) → arguments of both functions.
        seed: Seed for the arguments.
        arguments: The arguments of the fast function's fastest call.
        answer: The answer of the fast function's fastest call, or of a failed call if there is one.
        passes: Least ratio (slow / fast) with which the claim passes.
        fails: Ratio (slow / fast) below which the claim fails.
    """

    slow: str
    fast: str
    slow_seconds: float
    fast_seconds: float
    size: int
    draw: Sizes
    seed: int
    arguments: Sequence[Any]
    answer: Answer
    passes: float
    fails: float
    _of_reference: list[float] = field(default_factory=list, compare=False)

    @property
    def ratio(self) -> float:
        """Time of the slow function divided by the time of the fast one."""
        return self.slow_seconds / self.fast_seconds

    def against(self, truth: Any) -> Verdict:
        """Judge the ratio of the times, and also the fast function's answer, because a wrong function may be fast.

        With a ratio between `fails` and `passes`, the claim waits for a person. The reference's slow function is timed
        too, because a student can reach any ratio by slowing down the slow function.

        Args:
            truth: Object with the right results. Its `seconds` and its version of the fast function are called.

        Returns:
            The verdict.
        """
        failure = call_failure(self.answer)
        if failure is not None:
            return failure
        return self.ratio_verdict(truth) & same(self.answer, getattr(truth, self.fast)(*self.arguments))

    def ratio_verdict(self, truth: Any) -> Verdict:
        """Judge only the ratio of the times, and not the functions' answers."""
        failure = call_failure(self.answer)
        if failure is not None:
            return failure
        if not self.slow_seconds:
            return waiting("The speed cannot be measured here.")
        # a slow function that is quick at the largest size is not slowed down, and loops would take half a minute there
        if self.slow_seconds >= LEAST_SECONDS / 2:
            share = self.slow_seconds / self._reference_seconds(truth)
            if share > MOST_OF_REFERENCE:
                return failed(
                    f"{self.slow} takes {share:.1f} times as long as plain loops, and only up to {MOST_OF_REFERENCE:g} "
                    "times is accepted: remove what slows it down"
                )
        measured = f"{self.fast} is {self.ratio:.1f} times as fast as {self.slow}"
        if self.ratio >= self.passes:
            return Verdict(Fraction(1))
        if self.ratio < self.fails:
            return failed(f"{measured}, and at least {self.passes:g} times are needed")
        return waiting(f"{measured}, which is close to the required {self.passes:g} times, so a person decides.")

    def _reference_seconds(self, truth: Any) -> float:
        """Return the CPU seconds of the reference's slow function, for the fastest of three calls."""
        if not self._of_reference:
            random = np.random.default_rng(self.seed)
            drawn = [Episode((Call(self.slow, tuple(self.draw(random, self.size))),)) for _ in range(3)]
            self._of_reference.extend(map(truth.seconds, drawn))
        return min(self._of_reference)


def speed_ratio(
    student: Student,
    *,
    slow: str,
    fast: str,
    draw: Sizes,
    seed: int,
    passes: float = PASSES,
    fails: float = FAILS,
) -> Speed:
    """Time two of a student's functions with the same arguments.

    The size grows until a call of the slow function takes at least 0.05 CPU seconds. Then each function is called five
    times, with new arguments each time. The fast function is called first, so that it cannot return a cached result of
    the slow function. The shortest time of each function counts.

    Args:
        student: The submission, in a session that has begun.
        slow: Name of the function with loops.
        fast: Name of the function that must be faster.
        draw: Function (random, size) → arguments of both functions. The slow function's time must grow with the size.
        seed: Seed for the arguments.
        passes: Least ratio (slow / fast) with which the claim passes.
        fails: Ratio (slow / fast) below which the claim fails. Between `fails` and `passes` the claim waits for a
            person.

    Returns:
        The times, which `Speed.against` judges.

    Raises:
        BadAssignment: If `fails` is more than `passes`.
    """
    if fails > passes:
        raise BadAssignment(f"speed_ratio(passes={passes:g}, fails={fails:g}): fails must be at most passes")
    random = np.random.default_rng(seed)

    def measurement(
        size: int, arguments: Sequence[Any], answer: Answer, slow_seconds: float = 0.0, fast_seconds: float = 0.0
    ) -> Speed:
        """Return the result with these measurements: CPU seconds of the slow and of the fast function."""
        return Speed(slow, fast, slow_seconds, fast_seconds, size, draw, seed, arguments, answer, passes, fails)

    arguments = draw(random, FIRST_SIZE)
    for name in (slow, fast):  # not timed: a first call may import modules and fill caches
        answer, _ = _timed(student, name, arguments)
        if answer.failure is not None:
            return measurement(FIRST_SIZE, arguments, answer)
    size, slow_seconds = _measurable(student, slow, draw, random, arguments)
    drawn = [draw(random, size) for _ in range(CALLS if slow_seconds > 0 else 1)]
    failure: Speed | None = None
    fastest: Speed | None = None
    for arguments in drawn:
        answer, fast_seconds = _timed(student, fast, arguments)
        slow_answer, seconds = _timed(student, slow, arguments)
        for failed_answer in (answer, slow_answer):
            if failed_answer.failure is not None and failure is None:
                failure = measurement(size, arguments, failed_answer)
        slow_seconds = min(slow_seconds, seconds)
        if fastest is None or fast_seconds < fastest.fast_seconds:
            fastest = measurement(size, arguments, answer, 0.0, fast_seconds)
    assert fastest is not None
    return failure or replace(fastest, slow_seconds=slow_seconds)


def _measurable(
    student: Student, slow: str, draw: Sizes, random: np.random.Generator, first: Sequence[Any]
) -> tuple[int, float]:
    """Return a size at which a call of the slow function takes at least `LEAST_SECONDS`, and the CPU seconds of the
    call. If no size is large enough, return the largest. `first` are the arguments of the size `FIRST_SIZE`.
    """
    size = FIRST_SIZE
    answer, seconds = _timed(student, slow, first)
    while answer.failure is None and 0 < seconds < LEAST_SECONDS and size < LARGEST_SIZE:
        growth = min(max(1.3 * LEAST_SECONDS / seconds, 1.5), MOST_GROWTH)
        size = min(int(size * growth), LARGEST_SIZE)
        answer, seconds = _timed(student, slow, draw(random, size))
    return size, seconds


def _timed(student: Student, name: str, arguments: Sequence[Any]) -> tuple[Answer, float]:
    """Call a student's function, and return the answer and the CPU seconds. The time includes the transfer of the
    arrays."""
    used = student.used.cpu_seconds
    answer = student.call(name, *arguments, seed=0)
    return replace(answer, what=f"{name}(…)"), student.used.cpu_seconds - used
