"""The results of the reference solution, with or without known mistakes, for assignments that have no truth.py."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import random
import threading
import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from types import ModuleType
from typing import Any

import numpy as np

from grader.errors import BadAssignment
from grader.guest.changes import class_in, substituted, with_changes
from grader.guest.plain import plain
from grader.guest.serve import resolved
from grader.guest.wire import encode
from grader.kit.calls import VARIES, Array, Call, Episode, Plain, mapped
from grader.kit.diagnosis import Assumptions, Truths
from grader.kit.mistake import (
    KnownInterpretation,
    KnownMistake,
    addressed,
    mistakes_of,
    validate,
)

Namespace = Mapping[str, Any]
"""The variables of a module by name, among them its functions or its class."""

RAISED = "raised"
"""Key of the error message in an episode's result, if the reference raises in this episode."""

STABLE = 1e-8
"""Limit on the relative change of an episode's result when the last digits of its inputs change. With a larger change,
the episode is not used."""

_GLOBAL_RANDOM = threading.RLock()
"""Lock for code that sets the seeds of the global random generators, because all threads share these."""


class Rejected(dict[str, Plain]):
    """The result of an episode (a sequence of calls) in which the reference raises. The only key is `RAISED`; any other
    key raises `ValueError`."""

    def __missing__(self, key: str) -> Plain:
        raise ValueError(f"the reference has no {key} in this episode: it raises {self[RAISED]}")


class ReferenceTruth:
    """Computes right results with the reference: `truth.f(*args)` calls the reference's function f, and
    `truth.play(episode)` runs an episode (a sequence of calls).

    Arguments and results are plain data, so that they can be recorded for students, who do not get the reference.
    Results are cached. Arguments are copied, so that calls cannot change them.

    Args:
        namespace: The reference's functions, or its class, by name.
    """

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self._cached: dict[bytes, Any] = {}

    def __getattr__(self, name: str) -> Callable[..., Plain]:
        """Return a function that calls the reference's function `name` as an episode of one call, so that results are
        cached and arguments copied. Raise `AttributeError` if there is no such function."""
        function = self.namespace.get(name)
        if name.startswith("_") or not callable(function):
            functions = sorted(name for name, value in self.namespace.items() if callable(value) and name[0] != "_")
            raise AttributeError(f"the reference has no function {name!r} (it has {', '.join(functions)})")

        def ask(*args: Any, **kwargs: Any) -> Plain:
            played = self.play(Episode((Call(name, args, kwargs),), judged=name))
            if RAISED in played:
                raise ValueError(f"the reference's {name} raises {played[RAISED]}")
            return played["answers"][0]

        return ask

    def changed(self, make: Callable[[Namespace], Mapping[str, Any]]) -> ReferenceTruth:
        """Return the truth of a reference in which functions or the class are replaced. `make` returns the new ones by
        name, and gets the reference's variables."""
        return ReferenceTruth(substituted(self.namespace, make(self.namespace)))

    def play(self, episode: Episode) -> dict[str, Plain]:
        """Run an episode with the reference.

        Returns:
            A dict with the keys "answers" (one for each call), "attributes" and "arrays" (by name, after the calls). A
            value that is random despite the seed is replaced by the dict {VARIES: shape}. If the reference raises, the
            result is a `Rejected` instead.
        """
        played = self._once("play", episode, self._play_twice)
        return Rejected(played) if RAISED in played else played

    def _play_twice(self, episode: Episode) -> Any:
        return agreed(self._run(episode), self._run(episode))

    def _run(self, episode: Episode) -> dict[str, Plain]:
        """Run an episode once, without the cache."""
        return played_with(self.namespace, episode)

    def seconds(self, episode: Episode) -> float:
        """Run an episode with the reference, and return the CPU seconds of the last call. The result is not cached."""
        # two runs, without and with the last call: the difference of their times is that of the last call
        started = time.thread_time()
        played_with(self.namespace, replace(episode, calls=episode.calls[:-1], attributes=()))
        between = time.thread_time()
        played_with(self.namespace, replace(episode, attributes=()))
        return time.thread_time() - between - (between - started)

    def usable(self, episode: Episode) -> bool:
        """Return whether an episode is suitable for grading.

        The reference must neither raise nor return infinity, and rounding must not decide its results. Rounding
        decides, for example, a tie between two labels, or a training that amplifies the last digit.
        """
        return bool(self._once("usable", episode, self._is_usable))

    def _is_usable(self, episode: Episode) -> bool:
        """Return the result of `usable` without caching it. If the last digits of the inputs change, up or down, the
        results must stay nearly the same."""
        right = self.play(episode)
        if RAISED in right or has(np.isinf, right):
            return False
        return all(is_near(self.play(nudged(episode, sign)), right, STABLE) for sign in (1, -1))

    def _once(self, question: str, episode: Episode, compute: Callable[[Episode], Any]) -> Any:
        """Compute the answer to a question about an episode, and cache it by the episode's content."""
        header, buffers = encode([question, asdict(episode)])
        key = hashlib.sha256(header + b"".join(buffers)).digest()
        if key not in self._cached:
            self._cached[key] = compute(episode)
        return self._cached[key]


def played_with(namespace: Namespace, episode: Episode) -> dict[str, Plain]:
    """Run an episode in this process with the functions or class in `namespace`. Return results as copied plain
    data."""
    arrays = mapped(episode.arrays, np.ndarray, np.copy)
    answers = []
    with own_random_state(), np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
        try:
            instance = None
            if episode.new is not None:
                _seed(episode.seed)
                instance = _called(namespace[episode.new.name], episode.new, arrays)
                for attribute, values in episode.put.items():
                    getattr(instance, attribute).update(mapped(values, np.ndarray, np.copy))
            for call in episode.calls:
                if instance is None:
                    _seed(episode.seed)
                    function = namespace[call.name]
                else:
                    function = getattr(instance, call.name)
                answers.append(_copied(_called(function, call, arrays)))
            attributes = {name: _copied(getattr(instance, name)) for name in episode.attributes}
        except Exception as error:  # noqa: BLE001  episodes that the reference rejects are not used
            return {RAISED: f"{type(error).__name__}: {error}"}
    return {"answers": answers, "attributes": attributes, "arrays": arrays}


def _called(function: Any, call: Call, arrays: Mapping[str, Array]) -> Any:
    """Call a function with a call's arguments. References become the shared `arrays`, and other arrays are copied."""
    args, kwargs = mapped(([*call.args], {**call.kwargs}), np.ndarray, np.copy)
    return function(*resolved(args, arrays), **resolved(kwargs, arrays))


def _copied(value: Any) -> Plain:
    return mapped(plain(value), np.ndarray, np.copy)


@contextlib.contextmanager
def own_random_state() -> Iterator[None]:
    """Lock the global random generators, and restore their states afterwards."""
    with _GLOBAL_RANDOM:
        state_of_python, state_of_numpy = random.getstate(), np.random.get_state()
        try:
            yield
        finally:
            random.setstate(state_of_python)
            np.random.set_state(state_of_numpy)


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)


# ── comparing results ────────────────────────────────────────────────────────────────────────────────


def agreed(first: Plain, second: Plain) -> Any:
    """Merge the results of two runs of one episode. A value that differs between the runs is replaced by the dict
    {VARIES: shape}."""
    if isinstance(first, dict) and isinstance(second, dict) and first.keys() == second.keys():
        return {name: agreed(first[name], second[name]) for name in first}
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        return list(map(agreed, first, second))
    return first if is_near(first, second, 1e-12) else {VARIES: list(np.shape(first))}


def is_near(got: Plain, want: Plain, rtol: float) -> bool:
    """Return whether two results are equal. Numbers and arrays may differ by `rtol` times the norm of `want`. NaN
    equals NaN. Values that are random despite the seed (`VARIES` in `want`) are compared by shape."""
    if isinstance(want, dict) and VARIES in want and not isinstance(got, dict):
        return bool(list(np.shape(got)) == want[VARIES])
    if isinstance(got, dict) and isinstance(want, dict):
        return got.keys() == want.keys() and all(is_near(got[key], want[key], rtol) for key in got)
    if isinstance(got, list) and isinstance(want, list):
        pairs = zip(got, want, strict=False)
        return len(got) == len(want) and all(is_near(*pair, rtol) for pair in pairs)
    try:
        a, b = np.asarray(got), np.asarray(want)
    except ValueError:  # a list of rows that differ in length
        return False
    if a.dtype.kind not in "fiub" or b.dtype.kind not in "fiub":
        return type(got) is type(want) and bool(got == want)
    if a.shape != b.shape:
        return False
    a, b = a.astype(float), b.astype(float)
    finite = np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return False
    difference = np.linalg.norm(a[finite] - b[finite])
    return bool(difference <= rtol * np.linalg.norm(b[finite]) + 1e-12)


def has(predicate: Callable[[Array], Array], value: Plain) -> bool:
    """Return whether a predicate such as `np.isnan` is true for any number in a result."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return any(has(predicate, item) for item in value)
    array = np.asarray(value)
    return array.dtype.kind == "f" and bool(predicate(array).any())


def nudged(episode: Episode, sign: int) -> Episode:
    """Return a copy of the episode in which the last digits of all float64 arrays are changed at random. Sign -1
    reverses the changes of sign 1, so that the two copies break a tie in opposite ways."""
    generator = np.random.default_rng(0)

    def nudge(array: Array) -> Array:
        if array.dtype != np.float64:
            return array
        return array * (1 + sign * 1e-13 * generator.normal(size=array.shape))

    arrays = mapped(episode.arrays, np.ndarray, nudge)
    return replace(episode, arrays=arrays, put=mapped(episode.put, np.ndarray, nudge))


# ── from an assignment's folder ──────────────────────────────────────────────────────────────────────


def truths(
    reference: ModuleType,
    names: Sequence[str],
    mistakes: Sequence[KnownMistake],
    interpretations: Sequence[KnownInterpretation] = (),
) -> Truths:
    """Return a function that creates truths: objects that compute right results with the reference. The function can
    put known mistakes and an interpretation of the task into the reference.

    Args:
        reference: The module of the reference solution.
        names: The entry points: names of functions, or accepted names of the class.
        mistakes, interpretations: The known mistakes and accepted interpretations that mistakes.py registers.

    Returns:
        Function (id of an interpretation, ids of the mistakes to put in) → truth.
    """
    changes = {mistake.id: mistake for mistake in mistakes}
    namespaces = {meaning.id: with_changes(vars(reference), names, [meaning]) for meaning in interpretations}

    def truth(meaning: str, assumed: Assumptions) -> ReferenceTruth:
        namespace = namespaces.get(meaning, vars(reference))
        return ReferenceTruth(with_changes(namespace, names, [changes[id] for id in sorted(assumed)]))

    return truth


def replaceable(reference: ModuleType, names: Sequence[str]) -> list[str]:
    """Return the names of the reference's functions, or of its class's methods, that a known mistake can replace.

    Raises:
        BadAssignment: If reference.py does not define a function or class that students must write.
    """
    namespace = vars(reference)
    reference_class = class_in(namespace, names)
    if reference_class is not None:
        public = [name for name in vars(reference_class) if not name.startswith("__")]
        return [name for name in public if callable(getattr(reference_class, name))]
    missing = [name for name in names if not callable(namespace.get(name))]
    if missing:
        raise BadAssignment(
            f"reference.py does not define {missing[0]!r}, which assignment.toml names as an entry point"
        )
    return list(names)


def used_functions(reference: str, name: str, functions: Container[str]) -> dict[str, str]:
    """Return which of these functions the function `name` calls, in the source of a reference, as `builds_on` of its
    check if each function has a check of its name."""
    used: dict[str, str] = {}
    for definition in ast.parse(reference).body:
        if isinstance(definition, ast.FunctionDef) and definition.name == name:
            for node in ast.walk(definition):
                if isinstance(node, ast.Name) and node.id in functions and node.id != name:
                    used[node.id] = node.id
    return used


def known_mistakes(
    reference: ModuleType, names: Sequence[str], module: ModuleType, checks: Sequence[str], folder: str
) -> list[KnownMistake]:
    """Validate the known mistakes that mistakes.py has registered, and return them.

    Args:
        reference: The module of the reference solution.
        names: The entry points: names of functions, or accepted names of the class.
        module: The module mistakes.py.
        checks: Ids of all checks.
        folder: Name of the assignment's folder, for messages.

    Returns:
        The mistakes, in order of registration.

    Raises:
        BadAssignment: If a mistake is inconsistent. The message says what to change.
    """
    entry_points = replaceable(reference, names)
    mistakes = addressed(mistakes_of(module), entry_points)
    functions = [name for name, value in vars(reference).items() if callable(value)]
    validate(mistakes, checks, {*entry_points, *functions}, folder)
    return mistakes
