"""Episodes: sequences of calls that are run with the student's code and with the reference, to compare the results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from itertools import zip_longest
from typing import Any

import numpy as np

from grader.guest.tables import texts_of
from grader.guest.wire import Opaque, Ref
from grader.kit.answer import Answer
from grader.kit.compare import EXACT, near, near_up_to, numbers
from grader.kit.student import Student
from grader.kit.verdict import Verdict, all_hold, call_failure, failed, passed

Array = np.ndarray[Any, np.dtype[Any]]
Plain = Any
"""None, numbers, strings, arrays, and lists and dicts of them."""

VARIES = "varies with shape"
"""Key of the dict {VARIES: shape}. The dict replaces an array whose values are random even if the seed is set."""
ROUNDING = 1e-10
"""Absolute tolerance of comparisons with the reference's results."""


def mapped(value: Plain, kind: type | tuple[type, ...], change: Callable[[Any], Any]) -> Plain:
    """Return a copy of nested lists, tuples and dicts in which `change` is applied to every item of type `kind`."""
    if isinstance(value, kind):
        return change(value)
    if isinstance(value, Mapping):
        return {name: mapped(item, kind, change) for name, item in value.items()}
    if isinstance(value, list | tuple) and not isinstance(value, Ref | Opaque):
        items = [mapped(item, kind, change) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    return value


@dataclass(frozen=True)
class Call:
    """One call of a function or method. Calls with the argument `Ref("X")` share the episode's array "X"."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Episode:
    """A sequence of calls with their inputs, which the student's code and the reference both run.

    An array that several calls refer to is one object for all of them, as in a student's own script.
    """

    calls: tuple[Call, ...]
    arrays: Mapping[str, Array] = field(default_factory=dict)
    """Arrays by the names that `Ref` arguments use."""
    new: Call | None = None
    """The call of the constructor, if methods of an object are called; None if functions are called."""
    put: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)
    """Arrays to write into the object's dict attributes after its construction: {"params": {"W1": array}}."""
    attributes: tuple[str, ...] = ()
    """Names of the object's attributes to read after the calls."""
    judged: str = ""
    """Name of the function or method whose answers are compared; "" if all are."""
    seed: int = 0
    """Seed of numpy's and Python's global generators. It is set before the constructor, or before each call of a
    function."""

    @property
    def places(self) -> list[int]:
        """Indices of the calls of the function or method `judged`."""
        return [i for i, call in enumerate(self.calls) if self.judged in ("", call.name)]

    def until(self, name: str) -> Episode:
        """Return the episode up to its last call of the function or method `name`. That call is made twice.

        The second call shows whether the answer depends on earlier calls. Both answers must match the reference's.
        """
        episode = replace(self, judged=name)
        last = episode.places[-1]
        return replace(episode, calls=(*self.calls[: last + 1], self.calls[last]))


@dataclass(frozen=True)
class Played:
    """The results of an episode (a sequence of calls): answers of the student's code, or right results."""

    answers: list[Any]
    """One for each call of the function or method `judged`."""
    state: dict[str, Any]
    """The arguments and the object's attributes after the calls. Failures if a call of the student's code failed."""


def play(student: Student, episode: Episode) -> Played:
    """Run an episode (a sequence of calls) with the student's class or functions."""
    student.keep(**episode.arrays)
    state: dict[str, Answer] = {}
    if episode.new is None:
        answers = [student.call(call.name, *call.args, seed=episode.seed, **call.kwargs) for call in episode.calls]
    else:
        remote = student.new(*episode.new.args, seed=episode.seed, **episode.new.kwargs)
        for attribute, values in episode.put.items():
            remote.put(attribute, values)
        answers = [remote.call(call.name, *call.args, **call.kwargs) for call in episode.calls]
        state = {f"self.{name}": remote.get(name) for name in episode.attributes}
    if episode.arrays:
        current = student.look(*episode.arrays)
        state |= {name: current.item(name, f"{name} after the call") for name in episode.arrays}
    for answer in answers:
        if answer.failure is not None:
            state = dict.fromkeys(state, answer)
            break
    return Played([answers[place] for place in episode.places], state)


def right_results(truth: Any, episode: Episode) -> Played:
    """Return the results of an episode with the reference."""
    right = truth.play(episode)
    attributes = {f"self.{name}": right["attributes"][name] for name in episode.attributes}
    return Played([right["answers"][place] for place in episode.places], {**attributes, **right["arrays"]})


def same(answer: Any, want: Plain, *, rtol: float = EXACT, up_to: str = "") -> Verdict:
    """Compare a student's answer with the reference's.

    Numbers and arrays are compared by `near`, lists and dicts entry by entry. If the reference returns None or an
    object, any answer is accepted.

    Args:
        answer: The answer, or a list or dict of answers.
        want: The reference's result.
        rtol: Relative tolerance of `near`.
        up_to: What may differ, as in `aligned`.
    """
    compare = partial(same, rtol=rtol, up_to=up_to)
    if isinstance(answer, list):
        return all_hold(map(compare, answer, want))
    if isinstance(answer, Mapping):
        return all_hold(compare(answer[key], value) for key, value in want.items())
    failure = call_failure(answer)
    if failure is not None:
        return failure
    if want is None or isinstance(want, Opaque):
        return passed()
    texts = texts_of(want)
    if texts is not None:
        return _same_texts(answer, texts)
    if isinstance(want, Mapping):
        if VARIES in want:
            got = numbers(answer, want[VARIES])
            return got if isinstance(got, Verdict) else passed("random, so only its shape was compared")
        return all_hold(compare(answer.item(key, f"{answer.what}[{key!r}]"), value) for key, value in want.items())
    if isinstance(want, list):
        if up_to == "order" and isinstance(answer.value, list):
            answer, want = replace(answer, value=sorted(answer.value, key=repr)), sorted(want, key=repr)
        return all_hold(map(compare, answer.unpack(len(want)), want))
    verdict = _same_value(answer, want, rtol, up_to)
    is_nothing = want == "" if isinstance(want, str) else not np.any(want)  # code that does nothing returns zeros, too
    return replace(verdict, inconclusive=verdict.inconclusive or is_nothing)


def _same_texts(answer: Answer, texts: Sequence[str | None]) -> Verdict:
    """Compare an answer with a column of texts."""
    rows = zip_longest(texts_of(answer.value) or [], texts, fillvalue="no row")
    for row, (text, expected) in enumerate(rows):
        if text != expected:
            return failed(f"{answer.what} has another text", f"row {row}: got {text!r}, expected {expected!r}")
    return Verdict(Fraction(1))


def _same_value(answer: Answer, want: Any, rtol: float, up_to: str) -> Verdict:
    """Compare an answer with a string, a number or an array."""
    if isinstance(want, str | bool):
        if type(answer.value) is type(want) and answer.value == want:
            return Verdict(Fraction(1))
        return failed(f"{answer.what} is not the expected value", f"got {answer.value!r}, expected {want!r}")
    if isinstance(want, np.ndarray) and want.dtype.kind == "b":
        if type(answer.value) is np.ndarray and answer.value.dtype.kind == "b":
            answer = replace(answer, value=answer.value.astype(int))
        want = want.astype(int)
    if up_to:
        return near_up_to(answer, np.asarray(want), up_to, rtol=rtol, atol=ROUNDING)
    return near(answer, want, rtol=rtol, atol=ROUNDING)
