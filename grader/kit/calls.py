"""Episodes: sequences of calls that are run with the student's code and with the reference, to compare the results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from grader.guest.wire import Opaque, Ref
from grader.kit.answer import Answer
from grader.kit.claim import Claim, claim
from grader.kit.compare import near, numbers
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


def with_references(values: Sequence[Any]) -> tuple[list[Any], dict[str, Array]]:
    """Replace each array among a call's arguments by a reference (`Ref`). Return the new arguments, and the arrays by
    the names of the references."""
    arguments: list[Any] = []
    arrays: dict[str, Array] = {}
    for number, value in enumerate(values, 1):
        if isinstance(value, np.ndarray):
            name = f"argument {number}"
            arrays[name] = value
            arguments.append(Ref(name))
        else:
            arguments.append(value)
    return arguments, arrays


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
    """Name of the function or method whose answers are compared."""
    seed: int = 0
    """Seed of numpy's and Python's global generators. It is set before the constructor, or before each call of a
    function."""

    @property
    def places(self) -> list[int]:
        """Indices of the calls of the function or method `judged`."""
        return [i for i, call in enumerate(self.calls) if call.name == self.judged]

    def until(self, name: str) -> Episode:
        """Return the episode up to its last call of the function or method `name`. That call is made twice.

        The second call shows whether the answer depends on earlier calls. Both answers must match the reference's.
        """
        episode = replace(self, judged=name)
        last = episode.places[-1]
        return replace(episode, calls=(*self.calls[: last + 1], self.calls[last]))


@dataclass(frozen=True)
class Played:
    """The results of an episode (a sequence of calls) that was run with a student's code."""

    answers: tuple[Answer, ...]
    """One answer for each call."""
    attributes: Mapping[str, Answer]
    arrays: Mapping[str, Answer]
    """The arrays of the episode, as the calls have left them."""

    @property
    def failure(self) -> Verdict | None:
        """The verdict on the first call that failed; None if all succeeded."""
        failures = map(call_failure, self.answers)
        return next((failure for failure in failures if failure is not None), None)


def play(student: Student, episode: Episode) -> Played:
    """Run an episode (a sequence of calls) with the student's class or functions."""
    student.keep(**episode.arrays)
    attributes: dict[str, Answer] = {}
    if episode.new is None:
        answers = [student.call(call.name, *call.args, seed=episode.seed, **call.kwargs) for call in episode.calls]
    else:
        remote = student.new(*episode.new.args, seed=episode.seed, **episode.new.kwargs)
        for attribute, values in episode.put.items():
            remote.put(attribute, values)
        answers = [remote.call(call.name, *call.args, **call.kwargs) for call in episode.calls]
        attributes = {name: remote.get(name) for name in episode.attributes}
    arrays: dict[str, Answer] = {}
    if episode.arrays:
        current = student.look(*episode.arrays)
        arrays = {name: current.item(name, _argument_phrase(name, episode)) for name in episode.arrays}
    return Played(tuple(answers), attributes, arrays)


def _argument_phrase(name: str, episode: Episode) -> str:
    """Return the phrase that names an array in messages: "argument 1 of loss, after the call"."""
    for call in (*([episode.new] if episode.new else []), *episode.calls):
        for position, value in enumerate(call.args):
            if value == Ref(name):
                return f"argument {position + 1} of {call.name}, after the call"
        for keyword, value in call.kwargs.items():
            if value == Ref(name):
                return f"{keyword} of {call.name}, after the call"
    return f"{name} after the calls"


def same_as_reference(student: Student, episode: Episode, *, answers: bool = True) -> Iterator[Claim]:
    """Run an episode with the student's code, and claim that the results are those of the reference.

    Args:
        student: The submission.
        episode: An episode drawn by `around`.
        answers: False to yield only the claim "state", for a function or method that returns nothing.

    Returns:
        Two claims. "answer": each call of the judged function or method returns the same as the reference. "state":
        after the calls, the arguments and the object's attributes are the same as with the reference. If a call of the
        student's code raises and "answer" fails, "state" fails as well.
    """
    played = play(student, episode)

    def answer(truth: Any) -> Verdict:
        right = truth.play(episode)["answers"]
        return all_hold(same(played.answers[i], right[i]) for i in episode.places)

    def state(truth: Any) -> Verdict:
        if played.failure is not None and not answer(truth).holds:
            return played.failure
        right = truth.play(episode)
        arrays = all_hold(same(played.arrays[name], right["arrays"][name]) for name in episode.arrays)
        return arrays & all_hold(
            same(played.attributes[name], right["attributes"][name]) for name in episode.attributes
        )

    if answers:
        yield claim("answer", answer)
    yield claim("state", state)


def same(answer: Answer, want: Plain) -> Verdict:
    """Compare a student's answer with the reference's.

    Numbers and arrays are compared by `near`, lists and dicts entry by entry. If the reference returns None or an
    object, any answer is accepted.
    """
    failure = call_failure(answer)
    if failure is not None:
        return failure
    if want is None or isinstance(want, Opaque):
        return passed()
    if isinstance(want, Mapping):
        if VARIES in want:
            got = numbers(answer, want[VARIES])
            return got if isinstance(got, Verdict) else passed("random, so only its shape was compared")
        return all_hold(same(answer.item(key, f"{answer.what}[{key!r}]"), value) for key, value in want.items())
    if isinstance(want, list):
        return all_hold(map(same, answer.unpack(len(want)), want))
    if isinstance(want, str | bool):
        if type(answer.value) is type(want) and answer.value == want:
            return Verdict(Fraction(1))
        return failed(f"{answer.what} is not the expected value", f"got {answer.value!r}, expected {want!r}")
    if isinstance(want, np.ndarray) and want.dtype.kind == "b":
        if type(answer.value) is np.ndarray and answer.value.dtype.kind == "b":
            answer = replace(answer, value=answer.value.astype(int))
        return near(answer, want.astype(int))
    return near(answer, want, atol=ROUNDING)
