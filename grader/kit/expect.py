"""Checks that read like a test:

    @kit.check("q3", each=clouds, builds_on={"q1": "assign"})
    def inertia(ask, ref, expect, X, C):
        expect("inertia", ask.inertia(X, C), ref.inertia(X, C))

The function runs several times for each problem. First, the reference takes the student's place; this run shows which
expectations there are. Then it runs with the student's code, and the answers are remembered. For each verdict it runs
again with these answers, while `ref` is a truth: the reference, possibly with a known mistake or with the student's
own function in it.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import cache, partial
from typing import Any

import numpy as np

from grader.errors import GraderError
from grader.guest.wire import Opaque, encode
from grader.kit.answer import Answer, describe
from grader.kit.calls import Call, Episode, Plain, Played, mapped, play, right_results, same
from grader.kit.claim import Claim, NotRecorded, covers
from grader.kit.compare import EXACT, numbers
from grader.kit.student import Remote, Student
from grader.kit.verdict import Verdict, all_hold, call_failure, failed

MOST_TIMES = 10
"""An integer of a student's function that takes part in the reference may be this many times as large as the right
ones, because the reference may allocate memory of this size."""
MOST_CALLS = 200
"""Limit on the calls of the student's functions from inside the reference, for each problem. A loop of the reference
may call them often, and their time counts as the submission's."""
NUMBERS = (int, float, np.generic, np.ndarray)


class NotAsked(Exception):
    """Raised if a check would call the student's code with other arguments than before, because they come from
    `ref`."""


class CallProxy(ABC):
    """Functions to call: `ask.f(X)` or `ref.f(X)`. If students write a class, `ask.Line()` is an object. All names but
    `play` are names of functions."""

    def __init__(self, student: Student) -> None:
        self._student = student
        self._answers: list[Answer] = []
        """The answers of the student's code in this run of the check."""
        self._values: list[tuple[Any, Any]] = []
        """The values that the check has got, with the answers that they come from."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            args, kwargs = mapped((args, kwargs), np.generic, np.generic.item)
            called = Call(name, args, kwargs)
            if self._student.entry_points.of_class:
                return ObjectProxy(self, called)
            live = partial(self._student.call, name, *args, seed=0, **kwargs)
            return self._answer(Episode((called,), judged=name), live)

        return call

    @abstractmethod
    def _answer(self, episode: Episode, live: Callable[[], Answer]) -> Any:
        """Return the value of an episode's last call, or of its attribute. `live` asks the student's code."""

    @property
    def _failure(self) -> Verdict | None:
        """The verdict on the first call that failed; None if all succeeded."""
        return next(filter(None, map(call_failure, self._answers)), None)


class ObjectProxy:
    """An object of the class that students write: `line.fit(x, y)` calls a method, `line.slope` is an attribute."""

    def __init__(self, proxy: CallProxy, new: Call) -> None:
        self._proxy = proxy
        self._episode = Episode((), new=new)
        self._remote = cache(partial(proxy._student.new, *new.args, seed=0, **new.kwargs))

    def __getattr__(self, name: str) -> Any:
        if name not in self._proxy._student.entry_points.methods:
            episode = replace(self._episode, attributes=(name,))
            return self._proxy._answer(episode, lambda: self._remote().get(name))

        def call(*args: Any, **kwargs: Any) -> Any:
            self._episode = replace(self._episode, calls=(*self._episode.calls, Call(name, args, kwargs)))
            return self._proxy._answer(self._episode, lambda: self._remote().call(name, *args, **kwargs))

        return call


class Reference(CallProxy):
    """The argument `ref` of a check: results of a truth."""

    def __init__(self, student: Student, truth: Any) -> None:
        super().__init__(student)
        self._truth = truth

    def _answer(self, episode: Episode, live: Callable[[], Answer]) -> Plain:
        if episode.new is None:
            (call,) = episode.calls
            value = getattr(self._truth, call.name)(*call.args, **call.kwargs)
        else:
            right = self._truth.play(episode)
            value = right["attributes"][episode.attributes[0]] if episode.attributes else right["answers"][-1]
        return mapped(value, np.ndarray, np.copy)  # the truth keeps its results

    def play(self, episode: Episode) -> Played:
        """Return the right results of a sequence of calls, such as `kit.around` draws."""
        return right_results(self._truth, episode)


class Ask(CallProxy):
    """The argument `ask` of a check: values that the student's code returns. If a call fails or returns an object, the
    value is the `Answer`, with which nothing can be computed.

    Args:
        student: The submission.
        memory: Digest of a call, and how often the check has made it → the result.
        live: True to call the student's code; False to use the memory alone.
    """

    def __init__(self, student: Student, memory: dict[tuple[bytes, int], Any], *, live: bool) -> None:
        super().__init__(student)
        self._memory, self._live = memory, live
        self._times: Counter[bytes] = Counter()

    def _answer(self, episode: Episode, live: Callable[[], Answer]) -> Any:
        unusable: list[Answer] = []  # answers of failed calls that the check has passed on
        mapped([(call.args, call.kwargs) for call in episode.calls], Answer, unusable.append)
        answer: Answer = unusable[0] if unusable else self._remembered(episode, live)
        is_unusable = answer.failure is not None or isinstance(answer.value, Opaque)
        value = answer if is_unusable else mapped(answer.value, np.ndarray, np.copy)
        self._answers.append(answer)
        self._values.append((value, answer))
        return value

    def play(self, episode: Episode) -> Played:
        """Run a sequence of calls, such as `kit.around` draws, with the student's code."""
        played: Played = self._remembered(episode, partial(play, self._student, episode))
        self._answers += played.answers
        self._values += [(played.answers, played.answers), (played.state, played.state)]
        return played

    def _remembered(self, episode: Episode, live: Callable[[], Any]) -> Any:
        header, buffers = encode(asdict(episode))
        digest = hashlib.sha256(header + b"".join(buffers)).digest()
        self._times[digest] += 1
        key = digest, self._times[digest]
        if key not in self._memory:
            if not self._live:
                raise NotAsked
            self._memory[key] = live()
        return self._memory[key]


class Expect:
    """The argument `expect` of a check: compares the student's answers with right ones."""

    def __init__(self, ask: CallProxy, up_to: str = "") -> None:
        self._ask, self._up_to = ask, up_to
        self.verdicts: dict[str, list[Verdict]] = {}

    def __call__(self, name: str, got: Any, wanted: Any, *, rtol: float = EXACT, up_to: str = "") -> None:
        """Compare an answer with the right one. Expectations of one name share the points of this name.

        Args:
            name: Name of the check in assignment.toml.
            got: An answer of `ask`, or something computed from answers. The answer of a call that failed fails.
            wanted: The right result, from `ref`.
            rtol: Largest relative error: the norm of the error divided by the norm of the right result. Integers must
                be equal up to rounding.
            up_to: What the task leaves open: "sign" (of a vector, and of each row of a matrix, or of each column if
                these are longer), "order" (of entries or rows), or "permutation" (of the numbers of groups, such as
                cluster labels).
        """
        if wanted is None:
            raise ValueError(f"there is nothing to compare {name!r} with: the right result is None")
        answer = next((answer for value, answer in self._ask._values if value is got), None)
        verdict = None if answer else self._ask._failure  # nothing passes after a failed call without its answer
        if verdict is None:
            verdict = same(
                Answer(name, got) if answer is None else answer, wanted, rtol=rtol, up_to=up_to or self._up_to
            )
        self.verdicts.setdefault(name, []).append(verdict)

    def that(self, name: str, condition: Any, reason: str) -> None:
        """Require a condition, computed from answers.

        Args:
            name: Name of the check in assignment.toml.
            condition: True if the answers are right. Counts as false if a call of the student's code has failed.
            reason: What is wrong otherwise, for the student: "a centre is not a row of X".
        """
        verdict = self._ask._failure or (Verdict(Fraction(1)) if condition else failed(reason))
        self.verdicts.setdefault(name, []).append(verdict)


@dataclass(frozen=True)
class CheckRun:
    """The verdicts of one run of a check, by name, and the verdict on the expectations that it did not reach."""

    verdicts: Mapping[str, Sequence[Verdict]]
    ending: Verdict | NotRecorded | NotAsked


class Expectations:
    """The expectations of a check on one of its problems.

    Args:
        function: The check: function (ask, ref, expect, *problem).
        problem: The values that `each` has drawn.
        student: The submission, in a session that has begun.
        truth: The object that computes right results.
        builds_on: Ids of earlier checks or sections → the name of the function that each judges.
        up_to: Default `up_to` of the comparisons.
    """

    def __init__(
        self,
        function: Callable[..., None],
        problem: Sequence[Any],
        student: Student,
        truth: Any,
        builds_on: Mapping[str, str],
        up_to: str,
    ) -> None:
        self._function, self._problem, self._student = function, problem, student
        self._builds_on, self._up_to = builds_on, up_to
        self._memory: dict[tuple[bytes, int], Any] = {}
        self._calls_left = MOST_CALLS
        reference = Reference(student, truth)
        expect = Expect(reference)
        function(reference, reference, expect, *problem)
        self._counts = {name: len(verdicts) for name, verdicts in expect.verdicts.items()}
        self._first = self._run(truth, live=True)
        self._replayed = cache(partial(self._run, live=False))

    def claims(self) -> Iterator[Claim]:
        """Yield a claim for each name of an expectation."""
        for name in self._counts:
            own = partial(self._by_own_functions, name) if self._builds_on else None
            yield Claim(name, partial(self._judge, name), given=tuple(self._builds_on), own=own, needs_evidence=True)

    def _judge(self, name: str, truth: Any) -> Verdict:
        """Judge the expectations of a name by a truth."""
        return self._verdict(name, self._replayed(truth))

    def _by_own_functions(self, name: str, truth: Any, causes: Sequence[str]) -> Verdict:
        """Judge the expectations of a name by the reference in which the functions that have lost points are the
        student's own. Zeros are inconclusive."""
        functions = []
        for id, function in self._builds_on.items():
            if any(covers(id, cause) for cause in causes):
                functions.append(function)
        own_truth = truth.changed(partial(self._own_functions, functions, truth))
        return self._verdict(name, self._run(own_truth, live=False))

    def _own_functions(self, functions: Sequence[str], truth: Any, namespace: Mapping[str, Any]) -> dict[str, Any]:
        """Return what takes the place of functions, or methods of the class, of the reference's module: the
        student's."""
        self._student.begin()
        entry_points = self._student.entry_points
        if not entry_points.of_class:
            return {function: partial(self._students, function, truth) for function in functions}
        reference_class = namespace[entry_points.names[0]]
        return dict.fromkeys(
            entry_points.names, class_with_students(self._student, functions, reference_class, self._count_call)
        )

    def _students(self, function: str, truth: Any, *args: Any, **kwargs: Any) -> Plain:
        """Call the student's function from inside the reference."""
        right = getattr(truth, function)(*args, **kwargs)
        self._count_call()
        return in_form_of(right, self._student.call(function, *args, seed=0, **kwargs))

    def _count_call(self) -> None:
        """Raise `ValueError` after `MOST_CALLS` calls."""
        self._calls_left -= 1
        if self._calls_left < 0:
            raise ValueError("the reference calls the student's function too often")

    def _run(self, truth: Any, *, live: bool) -> CheckRun:
        """Run the check's function. Without `live`, the student's answers are remembered ones."""
        ask = Ask(self._student, self._memory, live=live)
        expect = Expect(ask, self._up_to)
        ending: Verdict | NotRecorded | NotAsked = failed("nothing was compared")
        try:
            self._function(ask, Reference(self._student, truth), expect, *self._problem)
        except (NotRecorded, NotAsked) as unknown:
            ending = unknown
        except (GraderError, NameError):
            raise
        except Exception as error:  # noqa: BLE001  with the reference's answers, the function raises nothing
            ending = ask._failure or _unusable(ask._answers, error)
        return CheckRun(expect.verdicts, ending)

    def _verdict(self, name: str, run: CheckRun) -> Verdict:
        """Return the verdict on the expectations of a name in a run."""
        verdicts = run.verdicts.get(name, ())
        verdict = all_hold(verdicts)
        if len(verdicts) >= self._counts[name] or not verdict.holds:
            return verdict
        if isinstance(run.ending, NotAsked):
            return replace(self._verdict(name, self._first), inconclusive=True)
        if isinstance(run.ending, NotRecorded):
            raise run.ending
        return run.ending


def _unusable(answers: Sequence[Answer], error: Exception) -> Verdict:
    """Return the verdict on expectations that were not reached, because the check raised an error on an answer."""
    last = answers[-1] if answers else Answer("the code", None)
    return failed(f"{last.what} returned {describe(last.value)}, which cannot be used ({error})")


def class_with_students(
    student: Student, methods: Sequence[str], reference_class: Any, count_call: Callable[[], None]
) -> type:
    """Return a subclass of the reference's class in which these methods are the student's. After a call, the object has
    the numbers of the student's object in its attributes."""
    remotes: dict[int, Remote] = {}

    def construct(this: Any, *args: Any, **kwargs: Any) -> None:
        reference_class.__init__(this, *args, **kwargs)
        remotes[id(this)] = student.new(*args, seed=0, **kwargs)

    def own_method(method: str) -> Callable[..., Any]:
        def call(this: Any, *args: Any, **kwargs: Any) -> Any:
            right = getattr(reference_class, method)(this, *args, **kwargs)
            remote = remotes[id(this)]
            count_call()
            answer = remote.call(method, *args, **kwargs)
            if answer.failure is not None:
                raise ValueError(f"{answer.what} has failed")
            for name, value in vars(this).items():
                attribute = remote.get(name)
                if isinstance(value, NUMBERS) and attribute.failure is None:
                    setattr(this, name, in_form_of(value, attribute))
            return in_form_of(right, answer) if isinstance(right, NUMBERS) else right

        return call

    own_methods = {method: own_method(method) for method in methods}
    return type(reference_class.__name__, (reference_class,), {"__init__": construct, **own_methods})


def in_form_of(right: Plain, answer: Answer) -> Plain:
    """Return a student's answer in the shape and dtype of the right result, for the reference to compute with.

    Raises:
        ValueError: If the call failed, or its value has another form.
    """
    if isinstance(right, Mapping):
        return {key: in_form_of(value, answer.item(key, key)) for key, value in right.items()}
    if isinstance(right, str | bool) and answer.value == right:
        return right
    if isinstance(right, list):
        return [in_form_of(*pair) for pair in zip(right, answer.unpack(len(right)), strict=True)]
    array, form = numbers(answer, np.shape(right)), np.asarray(right)
    if isinstance(array, Verdict):
        raise ValueError(array.reason)
    if form.dtype.kind in "iub":
        largest = MOST_TIMES * max(np.abs(form).max(initial=1), 1)
        if (array != np.round(array)).any() or np.abs(array).max(initial=0) > largest:
            raise ValueError(f"{answer.what} has other numbers than the reference")
    return array.astype(form.dtype)[()]
