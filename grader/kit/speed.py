"""The speed ratio of two functions of a student: a loop, and its vectorised version.

Both are timed on the same machine in the same minute, so that no absolute time decides. CPU time is the kernel's count
for the sandboxed process, read from outside, because students' code could change clocks inside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import reduce
from operator import and_
from typing import Any

import numpy as np

from grader.checks.answer import Answer
from grader.checks.claim import Verdict, failed, lost, near, waiting
from grader.checks.student import Student
from grader.errors import BadAssignment
from grader.guest.wire import Ref

LEAST_SECONDS = 0.2
"""Least CPU time of a call of the slow function, so that the overhead of the clock and of the call is negligible."""
CALLS = 5
"""Timed calls of each function."""
PASSES, FAILS = 6.0, 4.0
"""Default ratios: the claim passes from the first on, and fails below the second."""
MOST_OF_REFERENCE = 3.0
"""Most CPU time of the slow function, as a multiple of the reference's. Beyond it, the function counts as padded."""
MOST_GROWTH = 8
"""Most growth of the size between two calls."""

Sizes = Callable[[np.random.Generator, int], Sequence[Any]]
"""(random, size) → arguments of both functions."""


@dataclass(frozen=True)
class Speed:
    """CPU seconds of a slow and a fast function, and the last answer of the fast one.

    Args:
        slow, fast: Names of the functions.
        slow_seconds, fast_seconds: The best of several calls; 0 if a call has failed or no clock can be read.
        size: Size of the timed calls.
        draw: (random, size) → arguments of both functions.
        seed: Seed of the arguments.
        arguments: Arguments of the last calls.
        answer: The fast function's answer to them, or the answer that failed.
        passes: Ratio from which the claim passes.
        fails: Ratio below which it fails.
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
        """CPU seconds of the slow function over those of the fast one."""
        return self.slow_seconds / self.fast_seconds

    def against(self, truth: Any) -> Verdict:
        """Return the verdict on the ratio and on the fast function's last answer, since a wrong function may be fast.

        A ratio between `fails` and `passes` waits for a person. The reference's slow function is timed at the same
        size, and the student's may cost at most 3 times as much, since a padded one could reach any ratio. Asks the
        truth `seconds` and the fast function.
        """
        if (wrong := failed(self.answer)) is not None:
            return wrong
        want = getattr(truth, self.fast)(*self.arguments)
        wants = want if isinstance(want, list) else [want]
        answers = self.answer.unpack(len(wants)) if isinstance(want, list) else (self.answer,)
        right = reduce(and_, (near(a, w) for a, w in zip(answers, wants, strict=True)))
        return self.ratio_verdict(truth) & right

    def ratio_verdict(self, truth: Any) -> Verdict:
        """Return the verdict on the ratio only. The answer is not compared."""
        if (wrong := failed(self.answer)) is not None:
            return wrong
        if not self.slow_seconds:
            return waiting("The speed cannot be measured here.")
        share = self.slow_seconds / self._reference_seconds(truth)
        if share > MOST_OF_REFERENCE:
            return lost(
                f"{self.slow} takes {share:.1f} times as long as plain loops do, and at most {MOST_OF_REFERENCE:g} "
                "times can be compared: remove what slows it"
            )
        found = f"{self.fast} is {self.ratio:.1f} times as fast as {self.slow}"
        if self.ratio >= self.passes:
            return Verdict(Fraction(1))
        if self.ratio < self.fails:
            return lost(f"{found}, and at least {self.passes:g} times are needed: remove its loops")
        return waiting(f"{found}; {self.passes:g} times are enough, so a person decides.")

    def _reference_seconds(self, truth: Any) -> float:
        """Return the least CPU seconds of three calls of the reference's slow function."""
        if not self._of_reference:
            random = np.random.default_rng(self.seed)
            self._of_reference.extend(truth.seconds(self.slow, *self.draw(random, self.size)) for _ in range(3))
        return min(self._of_reference)


def speed_ratio(
    student: Student,
    *,
    slow: str,
    fast: str,
    draw: Sizes,
    seed: int,
    start: int = 64,
    most: int = 200_000,
    passes: float = PASSES,
    fails: float = FAILS,
) -> Speed:
    """Time two functions of a student on the same arguments.

    The size grows until a call of the slow one takes at least 0.2 CPU seconds. Then both are called alternately, five
    times each on new arguments, so that no result can be cached between calls, and the best time of each counts.
    Arguments are sent before the clock is read.

    Args:
        student: The submission, in a session that has begun.
        slow: Name of the function with loops.
        fast: Name of the function that must be faster.
        draw: (random, size) → arguments of both. The time of the slow one must grow with size.
        seed: Seed of the arguments.
        start: First size.
        most: Size at which growth ends.
        passes: Ratio from which the claim passes.
        fails: Ratio below which it fails. Between both it waits for a person.

    Returns:
        The times, to be judged by `Speed.against`.

    Raises:
        BadAssignment: If `fails` is more than `passes`.
    """
    if fails > passes:
        raise BadAssignment(f"speed_ratio(passes={passes:g}, fails={fails:g}): fails must be at most passes")
    random = np.random.default_rng(seed)
    size, arguments = start, draw(random, start)

    def ended(slow_seconds: float, fast_seconds: float, answer: Answer) -> Speed:
        return Speed(slow, fast, slow_seconds, fast_seconds, size, draw, seed, arguments, answer, passes, fails)

    def call(name: str) -> tuple[Answer, float]:
        return _timed(student, name, arguments)

    for name in (slow, fast):  # the first call pays for imports and caches
        answer, _ = call(name)
        if answer.failure is not None:
            return ended(0.0, 0.0, answer)
    answer, seconds = call(slow)
    while answer.failure is None and 0 < seconds < LEAST_SECONDS and size < most:
        growth = min(max(1.3 * LEAST_SECONDS / seconds, 1.5), MOST_GROWTH)
        size = min(int(size * growth), most)
        arguments = draw(random, size)
        answer, seconds = call(slow)
    best = {slow: seconds, fast: float("inf")}
    for _ in range(CALLS if seconds > 0 else 1):
        arguments = draw(random, size)
        for name in (slow, fast):
            answer, seconds = call(name)
            if answer.failure is not None:
                return ended(0.0, 0.0, answer)
            best[name] = min(best[name], seconds)
    return ended(best[slow], best[fast], answer)


def _timed(student: Student, name: str, arguments: Sequence[Any]) -> tuple[Answer, float]:
    """Call a function on arrays that the sandbox already holds; return its answer and the CPU seconds of the call."""
    arrays = {f"argument {n}": value for n, value in enumerate(arguments) if isinstance(value, np.ndarray)}
    student.keep(**arrays)
    student.look()
    given = [Ref(f"argument {n}") if isinstance(a, np.ndarray) else a for n, a in enumerate(arguments)]
    before = student.used.cpu_seconds
    answer = replace(student.call(name, *given), what=f"{name}(…)")
    return answer, student.used.cpu_seconds - before
