"""Calls of students' functions: twice on the same arrays, and with other arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from grader.checks.answer import Answer
from grader.checks.claim import Verdict, because, failed, held, near
from grader.checks.student import Student, shown_arguments
from grader.guest.wire import Ref


@dataclass(frozen=True)
class CalledTwice:
    """The answers of two equal calls, and whether these left their arguments unchanged.

    Args:
        function: Name of the function.
        first, again: Values that each call has returned.
        untouched: True if the array arguments are unchanged.
    """

    function: str
    first: tuple[Answer, ...]
    again: tuple[Answer, ...]
    untouched: bool

    def near(self, item: int, want: Any, **tolerance: Any) -> Verdict:
        """Compare one value of both calls by `near`. If only the second is wrong, the reason says why."""
        first, again = (near(answers[item], want, **tolerance) for answers in (self.first, self.again))
        if not first.holds:
            return first
        if again.holds:
            return first & held(*([] if self.untouched else [f"{self.function} changes its arguments in place"]))
        cause = "keeps something between calls" if self.untouched else "changes its arguments in place: work on copies"
        return because(again, f"The first call was right, so {self.function} {cause}.")


def call_twice(student: Student, function: str, *arguments: Any, items: int = 1) -> CalledTwice:
    """Call a function twice on the same arrays.

    Args:
        student: The submission, in a session that has begun.
        function: Name of the function.
        arguments: Plain data and arrays. Both calls get the same array objects, as in a student's script.
        items: Number of values that it must return.

    Returns:
        Both answers, to be compared by `CalledTwice.near`.
    """
    arrays = {f"argument {n + 1}": a for n, a in enumerate(arguments) if isinstance(a, np.ndarray)}
    student.keep(**arrays)
    given = [Ref(f"argument {n + 1}") if isinstance(a, np.ndarray) else a for n, a in enumerate(arguments)]
    shown = f"{function}({', '.join(shown_arguments(arguments, {}))})"
    first, again = (_items(replace(student.call(function, *given), what=shown), items) for _ in range(2))
    kept = student.look(*arrays)
    untouched = all(np.array_equal(kept.item(name, name).value, array) for name, array in arrays.items())
    return CalledTwice(function, first, again, untouched)


def _items(answer: Answer, items: int) -> tuple[Answer, ...]:
    return answer.unpack(items) if items > 1 else (answer,)


def uses(student: Student, function: str, arguments: Sequence[Any], *others: Sequence[Any], items: int = 1) -> bool:
    """Return whether each value that a function returns changes with its arguments. Constants earn no points.

    Args:
        student: The submission.
        function: Name of the function.
        arguments: Arguments of one call.
        others: Arguments of other calls. All values of each must differ from the first call's.
        items: Number of values that it must return.

    Returns:
        True if no call fails and all values change.
    """
    student.begin()
    first, *changed = (_items(student.call(function, *given), items) for given in (arguments, *others))
    if any(failed(answer) for answers in (first, *changed) for answer in answers):
        return False
    pairs = [(a.value, b.value) for one in changed for a, b in zip(first, one, strict=True)]
    return not any(np.shape(a) == np.shape(b) and np.allclose(a, b) for a, b in pairs)
