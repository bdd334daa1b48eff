"""The results of the reference solution, with or without known mistakes, for assignments that have no truth.py."""

from __future__ import annotations

import contextlib
import hashlib
import io
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np

from grader.errors import BadAssignment
from grader.guest.plain import plain
from grader.guest.wire import Opaque, Ref, encode
from grader.kit.calls import VARIES, Call, Episode, Plain, mapped, with_references
from grader.kit.diagnosis import Assumptions, Truths
from grader.kit.mistake import (
    KnownInterpretation,
    KnownMistake,
    addressed,
    combined,
    mistakes_of,
    substituted,
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
        self._known: dict[bytes, Plain] = {}

    def __getattr__(self, name: str) -> Callable[..., Plain]:
        function = self.namespace.get(name)
        if name.startswith("_") or not callable(function):
            known = ", ".join(sorted(n for n, value in self.namespace.items() if callable(value) and n[0] != "_"))
            raise AttributeError(f"the reference has no function {name!r} (it has {known})")

        def ask(*args: Any, **kwargs: Any) -> Plain:
            values, arrays = with_references([*args, *kwargs.values()])
            positional, named = values[: len(args)], values[len(args) :]
            call = Call(name, tuple(positional), dict(zip(kwargs, named, strict=True)))
            played = self.play(Episode((call,), arrays, judged=name))
            if RAISED in played:
                raise ValueError(f"the reference's {name} raises {played[RAISED]}")
            return played["answers"][0]

        return ask

    def play(self, episode: Episode) -> dict[str, Plain]:
        """Run an episode with the reference.

        Returns:
            A dict with the keys "answers" (one for each call), "attributes" and "arrays" (by name, after the calls). A
            value that is random despite the seed is replaced by the dict {VARIES: shape}. If the reference raises, the
            result is a `Rejected` instead.
        """
        played = self._once("play", episode, lambda: agreed(*(played_with(self.namespace, episode) for _ in range(2))))
        return Rejected(played) if RAISED in played else played

    def seconds(self, episode: Episode) -> float:
        """Run an episode with the reference, and return the CPU seconds of the last call. The result is not cached."""
        started = time.thread_time()
        played_with(self.namespace, replace(episode, calls=episode.calls[:-1], attributes=()))
        between = time.thread_time()
        played_with(self.namespace, replace(episode, attributes=()))
        return time.thread_time() - between - (between - started)

    def usable(self, episode: Episode) -> bool:
        """Return whether an episode is suitable for grading.

        The reference must return finite numbers that rounding does not decide. Rounding decides, for example, a tie
        between two labels, or a training that amplifies the last digit.
        """
        return bool(self._once("usable", episode, lambda: self._is_usable(episode)))

    def _is_usable(self, episode: Episode) -> bool:
        right = self.play(episode)
        if RAISED in right or not is_finite(right):
            return False
        return all(is_near(self.play(nudged(episode, sign)), right, STABLE) for sign in (1, -1))

    def _once(self, what: str, episode: Episode, compute: Callable[[], Any]) -> Any:
        key = _key(what, episode)
        if key not in self._known:
            self._known[key] = compute()
        return self._known[key]


def played_with(namespace: Namespace, episode: Episode) -> dict[str, Plain]:
    """Run an episode in this process with the functions or class in `namespace`. Return results as copied plain
    data."""
    arrays = {name: array.copy() for name, array in episode.arrays.items()}
    answers = []
    with own_random_state(), np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
        try:
            made = None
            if episode.new is not None:
                _seed(episode.seed)
                made = _called(namespace[episode.new.name], episode.new, arrays)
                for attribute, values in episode.put.items():
                    getattr(made, attribute).update({name: value.copy() for name, value in values.items()})
            for call in episode.calls:
                if made is None:
                    _seed(episode.seed)
                function = namespace[call.name] if made is None else getattr(made, call.name)
                answers.append(_copied(_called(function, call, arrays)))
            attributes = {name: _copied(getattr(made, name)) for name in episode.attributes}
        except Exception as error:  # noqa: BLE001  episodes that the reference rejects are not used
            return {RAISED: f"{type(error).__name__}: {error}"}
    return {"answers": answers, "attributes": attributes, "arrays": arrays}


def _called(function: Any, call: Call, arrays: Mapping[str, Any]) -> Any:
    kwargs = {name: _resolved(value, arrays) for name, value in call.kwargs.items()}
    return function(*(_resolved(value, arrays) for value in call.args), **kwargs)


def _resolved(value: Any, arrays: Mapping[str, Any]) -> Any:
    if isinstance(value, Ref):
        return arrays[value.name]
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, list | tuple):
        return type(value)(_resolved(item, arrays) for item in value)
    if isinstance(value, dict):
        return {name: _resolved(item, arrays) for name, item in value.items()}
    return value


def _copied(value: Any) -> Plain:
    return mapped(plain(value), np.ndarray, lambda array: array.copy())


@contextlib.contextmanager
def own_random_state() -> Iterator[None]:
    """Lock the global random generators, and restore their states afterwards."""
    with _GLOBAL_RANDOM:
        states = random.getstate(), np.random.get_state()
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)


def _key(what: str, episode: Episode) -> bytes:
    def listed(call: Call | None) -> Any:
        return [call.name, list(call.args), dict(call.kwargs)] if call else None

    content = [
        what, [listed(c) for c in episode.calls], dict(episode.arrays), listed(episode.new),
        {name: dict(values) for name, values in episode.put.items()}, list(episode.attributes), episode.seed,
    ]  # fmt: skip
    header, buffers = encode(content)
    return hashlib.sha256(header + b"".join(buffers)).digest()


# ── comparing results ────────────────────────────────────────────────────────────────────────────────


def agreed(one: Plain, other: Plain) -> Any:
    """Merge the results of two runs of one episode. A value that differs between the runs is replaced by the dict
    {VARIES: shape}."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return {name: agreed(one[name], other[name]) for name in one}
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [agreed(a, b) for a, b in zip(one, other, strict=True)]
    return one if is_near(one, other, 1e-12) else {VARIES: list(np.shape(one))}


def is_near(one: Plain, other: Plain, rtol: float) -> bool:
    """Return whether two results are equal. Numbers and arrays may differ by `rtol` times the norm of the one in
    `other`. NaN equals NaN."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_near(one[k], other[k], rtol) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(is_near(a, b, rtol) for a, b in zip(one, other, strict=True))
    if isinstance(one, Opaque | str | None) or isinstance(other, Opaque | str | None):
        return type(one) is type(other) and one == other
    a, b = np.asarray(one), np.asarray(other)
    if a.dtype.kind not in "fiub" or b.dtype.kind not in "fiub" or a.shape != b.shape:
        return False
    a, b = a.astype(float), b.astype(float)
    finite = np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return False
    return bool(np.linalg.norm(a[finite] - b[finite]) <= rtol * np.linalg.norm(b[finite]) + 1e-12)


def is_finite(value: Plain) -> bool:
    """Return whether all numbers in a result are finite."""
    if isinstance(value, dict):
        return all(is_finite(item) for item in value.values())
    if isinstance(value, list):
        return all(is_finite(item) for item in value)
    if isinstance(value, float | np.ndarray) and np.asarray(value).dtype.kind == "f":
        return bool(np.isfinite(value).all())
    return True


def nudged(episode: Episode, sign: int) -> Episode:
    """Return a copy of the episode in which the last digits of all float64 arrays are changed at random. Sign -1
    reverses the changes of sign 1, so that the two copies break a tie in opposite ways."""
    generator = np.random.default_rng(0)

    def nudge(array: Any) -> Any:
        return array * (1 + sign * 1e-13 * generator.normal(size=array.shape)) if array.dtype == np.float64 else array

    arrays, put = (mapped(arrays, np.ndarray, nudge) for arrays in (episode.arrays, episode.put))
    return replace(episode, arrays=arrays, put=put)


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
    by_id = {m.id: m for m in addressed(mistakes, replaceable(reference, names))}
    meanings = {one.id: _with(vars(reference), names, [one]) for one in interpretations}

    def truth(meaning: str, assumed: Assumptions) -> ReferenceTruth:
        right = meanings.get(meaning, vars(reference))
        return ReferenceTruth(_with(right, names, [by_id[id] for id in sorted(assumed)]))

    return truth


def with_mistakes(reference: ModuleType, names: Sequence[str], mistakes: Sequence[KnownMistake]) -> Namespace:
    """Return the variables of the reference module, with known mistakes put into its functions or class.

    Args:
        reference: The module of the reference solution.
        names: The entry points: names of functions, or accepted names of the class.
        mistakes: The mistakes to put in.

    Returns:
        The variables by name.
    """
    return _with(vars(reference), names, mistakes)


def _contradictory(*_args: Any, **_kwargs: Any) -> None:
    """Raise an error. This stands in for a function of the reference if two mistakes replace the function."""
    raise ValueError("two mistakes in one function cannot be combined")


def _with(right: Namespace, names: Sequence[str], changes: Sequence[KnownMistake | KnownInterpretation]) -> Namespace:
    found = next((name for name in names if isinstance(right.get(name), type)), None)
    if found is not None:
        return {**right, **dict.fromkeys(names, combined(right[found], changes))}
    functions = [one.of for one in changes]
    by_function = {one.of: one.change if functions.count(one.of) == 1 else _contradictory for one in changes}
    return substituted(right, by_function)


def replaceable(reference: ModuleType, names: Sequence[str]) -> list[str]:
    """Return the names of the reference's functions, or of its class's methods, that a known mistake can replace.

    Raises:
        BadAssignment: If reference.py does not define a function or class that students must write.
    """
    found = next((vars(reference)[name] for name in names if isinstance(vars(reference).get(name), type)), None)
    if found is not None:
        return [name for name in vars(found) if callable(getattr(found, name)) and not name.startswith("__")]
    missing = [name for name in names if not callable(vars(reference).get(name))]
    if missing:
        raise BadAssignment(
            f"reference.py does not define {missing[0]!r}, which assignment.toml names as an entry point"
        )
    return list(names)


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
    points = replaceable(reference, names)
    mistakes = addressed(mistakes_of(module), points)
    functions = [name for name, value in vars(reference).items() if callable(value) and not name.startswith("__")]
    validate(mistakes, checks, {*points, *functions}, folder)
    return list(mistakes)
