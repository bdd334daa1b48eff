"""Record the example calls of an author's solution, in which the graded functions are wrapped. Nothing here runs
students' code."""

from __future__ import annotations

import functools
import inspect
import io
import os
import sys
import traceback
import types
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grader.errors import BadCall
from grader.guest.wire import Ref
from grader.kit.calls import Call, Episode

MOST_NUMBERS = 2000
"""Largest number of entries of an array argument. Checks draw inputs similar to an example, so a small example is as
good as a large one."""
MOST_EXAMPLES = 8
"""Largest number of recorded calls of a function, or of recorded objects of a class."""


@dataclass(frozen=True)
class Recording:
    """The recorded calls of a solution."""

    episodes: list[Episode]
    returning: frozenset[str]
    """Functions and methods that returned something other than None."""


def record(name: str, module: str, calls: str, functions: Sequence[str], attributes: Sequence[str]) -> Recording:
    """Run a solution and its example calls, and record the calls of the graded functions or class.

    Args:
        name: The author's file, for messages.
        module: Source of the solution.
        calls: Source of the example calls; it runs in the solution's module.
        functions: Names of the functions to record, or of one class.
        attributes: Names of the attributes to compare after an object's calls.

    Raises:
        BadCall: If a call fails, or has an argument that cannot be recorded. The message names the call.
    """
    os.environ.setdefault("MPLBACKEND", "Agg")  # examples may plot
    solution = types.ModuleType("reference")
    recorder = Recorder(attributes)
    sys.modules["reference"] = solution
    try:
        with redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _run_solution(solution, module, name)
            _wrap(recorder, solution, functions, name)
            np.random.seed(0)  # so that recording again gives the same inputs
            _run_calls(solution, calls, name)
    finally:
        del sys.modules["reference"]
    return Recording(recorder.recorded(), frozenset(recorder.returning))


def _run_solution(solution: types.ModuleType, source: str, name: str) -> None:
    """Run the solution's source in the module `solution`. `name` is the author's file, for messages."""
    try:
        exec(compile(source, "solution", "exec"), vars(solution))  # noqa: S102  the author's own code
    except Exception as error:  # noqa: BLE001  becomes the author's message
        raised = f"{type(error).__name__}: {error}"
        raise BadCall(f"{name}: it raises {raised}; it must run by itself, with installed packages only") from None


def _wrap(recorder: Recorder, solution: types.ModuleType, functions: Sequence[str], name: str) -> None:
    """Replace the graded functions of a module by recording ones, and make the graded class record its calls."""
    for function in functions:
        value = getattr(solution, function, None)
        if value is None:
            raise BadCall(f"{name}: it does not define {function}; correct the name, or define it")
        if isinstance(value, type):
            recorder.wrap_class(value)
        else:
            setattr(solution, function, recorder.function(function, value))


def _run_calls(solution: types.ModuleType, source: str, name: str) -> None:
    """Run the example calls in the solution's module. If one fails, the message shows its line."""
    try:
        exec(compile(source, "example calls", "exec"), vars(solution))  # noqa: S102  the author's own code
    except Unrecordable as wrong:
        raise BadCall(f"{name}: {wrong}") from None
    except Exception as error:  # noqa: BLE001  becomes the author's message
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == "example calls"]
        statement = source.splitlines()[lines[-1] - 1].strip() if lines and lines[-1] else ""
        message = f"the example call {statement!r} raises {type(error).__name__}: {error}".replace("\n", " ")
        raise BadCall(f"{name}: {message}") from None


class Unrecordable(Exception):
    """Raised if a call has an argument that cannot be recorded."""


@dataclass
class Recorder:
    """Wraps functions and classes, and records their calls. Calls from inside a recorded function are left out."""

    attributes: Sequence[str]
    depth: int = 0
    """Number of recorded functions that are running. Only calls at depth 0 are recorded."""
    returning: set[str] = field(default_factory=set)
    """Functions and methods that returned something other than None."""
    episodes: list[Episode] = field(default_factory=list)
    objects: dict[int, _RecordedObject] = field(default_factory=dict)
    """Recorded objects by id."""

    def function(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a wrapper of the function that records its calls."""

        @functools.wraps(function)
        def recorded(*args: Any, **kwargs: Any) -> Any:
            if not self.depth:
                arrays: dict[str, Any] = {}
                call = _recorded_call(name, _parameters(function), args, kwargs, arrays)
                self.episodes.append(Episode((call,), arrays))
            return self._noted(name, self._inside(function, args, kwargs))

        return recorded

    def wrap_class(self, kind: type) -> None:
        """Wrap a class's constructor and public methods in place."""
        for name, method in list(vars(kind).items()):
            if isinstance(method, types.FunctionType) and not name.startswith("_"):
                setattr(kind, name, self._method(name, method))
        construct: Any = kind.__init__  # type: ignore[misc]
        parameters = _parameters(construct)[1:]

        @functools.wraps(construct)
        def construct_and_record(this: Any, *args: Any, **kwargs: Any) -> None:
            arrays: dict[str, Any] = {}
            call = None if self.depth else _recorded_call(kind.__name__, parameters, args, kwargs, arrays)
            if construct is object.__init__:
                object.__init__(this)
            else:
                self._inside(construct, (this, *args), kwargs)
            if call is not None:
                self.objects[id(this)] = _RecordedObject(this, call, arrays, self._parameter_dicts(this))

        kind.__init__ = construct_and_record  # type: ignore[misc]

    def _method(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """Return a wrapper of a method that adds its calls to the record of the object."""
        parameters = _parameters(method)[1:]

        @functools.wraps(method)
        def recorded(this: Any, *args: Any, **kwargs: Any) -> Any:
            recorded_object = self.objects.get(id(this))
            if recorded_object and not self.depth:
                call = _recorded_call(name, parameters, args, kwargs, recorded_object.arrays)
                recorded_object.calls.append(call)
            return self._noted(name, self._inside(method, (this, *args), kwargs))

        return recorded

    def _noted(self, name: str, value: Any) -> Any:
        """Return the value, and note that the function returns one if it is not None."""
        if value is not None:
            self.returning.add(name)
        return value

    def _inside(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Call a function. Calls that it makes to recorded functions are not recorded."""
        self.depth += 1
        try:
            return function(*args, **kwargs)
        finally:
            self.depth -= 1

    def _parameter_dicts(self, this: Any) -> dict[str, dict[str, Any]]:
        """Return copies of the attributes that are dicts of float arrays, such as `params`. Checks fill these with
        random numbers."""
        dicts = {}
        for name in self.attributes:
            value = getattr(this, name, None)
            if isinstance(value, dict) and value and all(map(_is_parameter, value.values())):
                dicts[name] = {key: array.copy() for key, array in value.items()}
        return dicts

    def recorded(self) -> list[Episode]:
        """Return the recorded calls, at most `MOST_EXAMPLES` for each combination of functions or methods."""
        episodes = list(self.episodes)
        for recorded_object in self.objects.values():
            if recorded_object.calls:
                episodes.append(recorded_object.episode(self.attributes))
        by_functions: dict[tuple[str, ...], list[Episode]] = {}
        for episode in episodes:
            functions = tuple(dict.fromkeys(call.name for call in episode.calls))
            by_functions.setdefault(functions, []).append(episode)
        return [episode for similar_episodes in by_functions.values() for episode in similar_episodes[:MOST_EXAMPLES]]


@dataclass
class _RecordedObject:
    """An object of the graded class, and its calls so far."""

    this: Any
    """The object. It is kept so that its id is not reused."""
    new: Call
    """The call of the constructor."""
    arrays: dict[str, Any]
    put: dict[str, dict[str, Any]]
    """Dict attributes with arrays that checks replace by random ones, as in `Episode.put`."""
    calls: list[Call] = field(default_factory=list)

    def episode(self, names: Sequence[str]) -> Episode:
        """Return the calls, with those of the named attributes that the object has."""
        attributes = tuple(name for name in names if hasattr(self.this, name))
        return Episode(tuple(self.calls), self.arrays, self.new, self.put, attributes)


def _is_parameter(value: Any) -> bool:
    """Return whether a value is a nonempty array of floats."""
    return type(value) is np.ndarray and value.dtype.kind == "f" and value.size > 0


def _recorded_call(
    name: str, parameters: Sequence[str], args: Any, kwargs: Mapping[str, Any], arrays: dict[str, Any]
) -> Call:
    """Return a call with its arguments as `_recordable` values. Their arrays are added to `arrays`."""
    positional = []
    for i, value in enumerate(args):
        label = parameters[i] if i < len(parameters) else f"argument {i + 1}"
        positional.append(_recordable(value, label, name, arrays))
    named = {key: _recordable(value, key, name, arrays) for key, value in kwargs.items()}
    return Call(name, tuple(positional), named)


def _parameters(function: Callable[..., Any]) -> list[str]:
    """Return the names of a function's parameters; [] if Python does not know them."""
    try:
        return list(inspect.signature(function).parameters)
    except ValueError:
        return []


def _recordable(value: Any, label: str, function: str, arrays: dict[str, Any]) -> Any:
    """Return an argument with each array in it replaced by a reference (`Ref`). New arrays are copied into `arrays`,
    because the call may change them; an array equal to one in `arrays` refers to that one. `label` and `function` name
    the argument in messages."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_recordable(item, label, function, arrays) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _recordable(item, label, function, arrays) for key, item in value.items()}
    if type(value) is not np.ndarray or value.dtype.kind not in "fiub":
        raise Unrecordable(
            f"{label} of {function} is a {type(value).__name__}; pass numbers, strings, arrays, lists or dicts there"
        )
    if not 0 < value.size <= MOST_NUMBERS:
        raise Unrecordable(f"{label} of {function} has {value.size} numbers; pass 1 to {MOST_NUMBERS} in an example")
    for name, array in arrays.items():
        if array.dtype == value.dtype and np.array_equal(array, value):
            return Ref(name)
    name, number = label, 1
    while name in arrays:
        number += 1
        name = f"{label} {number}"
    arrays[name] = value.copy()
    return Ref(name)
