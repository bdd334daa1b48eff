"""Repeated calls of a student's function, to detect state kept between calls and arguments changed in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from grader.guest.wire import Ref
from grader.kit.answer import Answer
from grader.kit.compare import near
from grader.kit.student import Student, shown_call
from grader.kit.verdict import Verdict, because, passed
from grader.sandbox.contract import Array


@dataclass(frozen=True)
class CalledTwice:
    """The answers of two calls with the same arguments.

    Args:
        function: Name of the function.
        first, again: The returned values of the first and of the second call.
        untouched: True if the calls left their arguments unchanged.
    """

    function: str
    first: tuple[Answer, ...]
    again: tuple[Answer, ...]
    untouched: bool

    def near(self, item: int, want: Any, **tolerance: Any) -> Verdict:
        """Compare one of the returned values, in both calls, with the right value.

        Args:
            item: Index of the returned value.
            want: The right value.
            tolerance: Keyword arguments of the function `near`, such as `rtol`.

        Returns:
            The verdict, with a cause if only the second call is wrong.
        """
        first = near(self.first[item], want, **tolerance)
        again = near(self.again[item], want, **tolerance)
        if not first.holds:
            return first
        if again.holds:
            return first if self.untouched else first & passed(f"{self.function} changes its arguments in place")
        cause = "keeps something between calls" if self.untouched else "changes its arguments in place: work on copies"
        return because(again, f"The first call was right, so {self.function} {cause}.")


def call_twice(student: Student, function: str, *arguments: Any, items: int = 1) -> CalledTwice:
    """Call a function twice with the same arrays.

    Args:
        student: The submission, in a session that has begun.
        function: Name of the function.
        arguments: Plain data and arrays. Both calls get the same array objects, as in a student's own script.
        items: Number of values that the function must return.

    Returns:
        The answers of both calls.
    """
    arrays = {f"argument {n}": value for n, value in enumerate(arguments, 1) if isinstance(value, np.ndarray)}
    given = [Ref(f"argument {n}") if isinstance(value, np.ndarray) else value for n, value in enumerate(arguments, 1)]
    student.keep(**arrays)
    label = shown_call(function, arguments, {})
    first = replace(student.call(function, *given), what=label)
    again = replace(student.call(function, *given), what=label)
    arrays_now = student.look(*arrays)
    untouched = all(np.array_equal(arrays_now.item(name, name).value, array) for name, array in arrays.items())
    return CalledTwice(function, _items(first, items), _items(again, items), untouched)


def _items(answer: Answer, items: int) -> tuple[Answer, ...]:
    return answer.unpack(items) if items > 1 else (answer,)


def uses(student: Student, function: str, arguments: Sequence[Any], *changed: Sequence[Any], items: int = 1) -> bool:
    """Return whether a student's function computes finite values that depend on its arguments. Later checks can then
    build on the function.

    Args:
        student: The submission.
        function: Name of the function.
        arguments: Arguments of one call.
        changed: Arguments of other calls. Every value that these calls return must differ from the first call's.
        items: Number of values that the function must return.
    """
    student.begin()
    first = _items(student.call(function, *arguments), items)
    pairs: list[tuple[Answer, Answer]] = []
    for changed_arguments in changed:
        answers = _items(student.call(function, *changed_arguments), items)
        pairs += zip(first, answers, strict=True)
    return all(_differ(first_answer, answer) for first_answer, answer in pairs)


def _differ(first: Answer, second: Answer) -> bool:
    """Return whether two answers are different finite numbers or arrays."""
    first_value, second_value = _finite(first), _finite(second)
    if first_value is None or second_value is None:
        return False
    return first_value.shape != second_value.shape or not np.allclose(first_value, second_value)


def _finite(answer: Answer) -> Array | None:
    """Return an answer as an array; None if it is not numeric or not finite."""
    if type(answer.value) not in (int, float, np.ndarray):
        return None
    value = np.asarray(answer.value)
    return value if value.dtype.kind in "fiu" and np.isfinite(value).all() else None
