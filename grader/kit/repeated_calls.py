"""Repeated calls of a student's function, to detect state kept between calls and arguments changed in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from grader.kit.answer import Answer
from grader.kit.calls import with_references
from grader.kit.compare import near
from grader.kit.student import Student, shown_arguments
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
        first, again = (near(answers[item], want, **tolerance) for answers in (self.first, self.again))
        if not first.holds:
            return first
        if again.holds:
            return first & passed(*([] if self.untouched else [f"{self.function} changes its arguments in place"]))
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
    given, arrays = with_references(arguments)
    student.keep(**arrays)
    shown = f"{function}({', '.join(shown_arguments(arguments, {}))})"
    first, again = (_items(replace(student.call(function, *given), what=shown), items) for _ in range(2))
    kept = student.look(*arrays)
    untouched = all(np.array_equal(kept.item(name, name).value, array) for name, array in arrays.items())
    return CalledTwice(function, first, again, untouched)


def _items(answer: Answer, items: int) -> tuple[Answer, ...]:
    return answer.unpack(items) if items > 1 else (answer,)


def uses(student: Student, function: str, arguments: Sequence[Any], *others: Sequence[Any], items: int = 1) -> bool:
    """Return whether a student's function computes finite values that depend on its arguments. Later checks can then
    build on the function.

    Args:
        student: The submission.
        function: Name of the function.
        arguments: Arguments of one call.
        others: Arguments of other calls. Every value that these calls return must differ from the first call's.
        items: Number of values that the function must return.
    """
    student.begin()
    first, *changed = (_items(student.call(function, *given), items) for given in (arguments, *others))
    pairs = [(_finite(a), _finite(b)) for one in changed for a, b in zip(first, one, strict=True)]
    return all(a is not None and b is not None and not _are_close(a, b) for a, b in pairs)


def _finite(answer: Answer) -> Array | None:
    """Return an answer as an array; None if it is not numeric or not finite."""
    value = np.asarray(answer.value) if type(answer.value) in (int, float, np.ndarray) else None
    return value if value is not None and value.dtype.kind in "fiu" and np.isfinite(value).all() else None


def _are_close(one: Array, other: Array) -> bool:
    return one.shape == other.shape and np.allclose(one, other)
