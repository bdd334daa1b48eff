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
from grader.guest.plain import plain
from grader.guest.wire import Ref
from grader.kit.calls import Call, Episode

MOST_NUMBERS = 2000
"""Largest number of entries of an array argument. Checks draw inputs similar to an example, so a small example is as
good as a large one."""
MOST_EXAMPLES = 8
"""Largest number of recorded calls of a function, or of recorded objects of a class."""


Function = Callable[..., Any]


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
            setattr(solution, function, recorder.wrapped(function, value))


def _run_calls(solution: types.ModuleType, source: str, name: str) -> None:
    """Run the example calls in the solution's module. If one fails, the message shows its line."""
    try:
        exec(compile(source, "example calls", "exec"), vars(solution))  # noqa: S102  the author's own code
    except BadCall as wrong:
        raise BadCall(f"{name}: {wrong}") from None
    except Exception as error:  # noqa: BLE001  becomes the author's message
        statement = ""
        for frame in traceback.extract_tb(error.__traceback__):
            if frame.filename == "example calls" and frame.lineno:
                statement = source.splitlines()[frame.lineno - 1].strip()
        message = f"the example call {statement!r} raises {type(error).__name__}: {error}"
        raise BadCall(f"{name}: {message}".replace("\n", " ")) from None


@dataclass
class Recorder:
    """Wraps functions and classes, and records their calls. Calls from inside a recorded function are left out."""

    attributes: Sequence[str]
    depth: int = 0
    """Number of recorded functions that are running. Only calls at depth 0 are recorded."""
    returning: set[str] = field(default_factory=set)
    """Functions and methods that returned something other than None."""
    records: list[_Record] = field(default_factory=list)

    def wrap_class(self, kind: type) -> None:
        """Wrap a class's constructor and public methods in place."""
        for name, method in list(vars(kind).items()):
            if isinstance(method, types.FunctionType) and not name.startswith("_"):
                setattr(kind, name, self.wrapped(name, method, self._record_of, 1))
        constructor: Any = kind.__init__  # type: ignore[misc]
        kind.__init__ = self.wrapped(kind.__name__, constructor, first=1)  # type: ignore[misc]

    def wrapped(
        self,
        name: str,
        function: Function,
        record_of: Callable[..., _Record | None] | None = None,
        first: int = 0,
    ) -> Function:
        """Return a wrapper that records the function's calls.

        Args:
            name: Name of the function, method or class.
            function: The function to wrap.
            record_of: Function (arguments before `first`) → the record of a call. By default, a call begins one.
            first: Index of the first argument to record: 1 after `self`.
        """
        parameters = list(inspect.signature(function).parameters)[first:]

        @functools.wraps(function)
        def recorded(*args: Any, **kwargs: Any) -> Any:
            record = None if self.depth else (record_of or self._new_record)(*args[:first])
            if record is not None:
                record.add(name, parameters, args[first:], kwargs)
            self.depth += 1
            try:
                value = function(*args, **kwargs)
            finally:
                self.depth -= 1
            if value is not None:
                self.returning.add(name)
            return value

        return recorded

    def _new_record(self, this: Any = None) -> _Record:
        """Begin the record of a function call, or of a new object."""
        record = _Record(this)
        self.records.append(record)
        return record

    def _record_of(self, this: Any) -> _Record | None:
        """Return the record of an object; None if it was created inside a recorded function."""
        for record in self.records:
            if record.this is this:
                record.note_parameters(self.attributes)
                return record
        return None

    def recorded(self) -> list[Episode]:
        """Return the recorded calls, at most `MOST_EXAMPLES` for each combination of functions or methods."""
        by_functions: dict[tuple[str, ...], list[Episode]] = {}
        for record in self.records:
            episode = record.episode(self.attributes)
            functions = tuple(dict.fromkeys(call.name for call in episode.calls))
            if functions:
                by_functions.setdefault(functions, []).append(episode)
        chosen: list[Episode] = []
        for similar_episodes in by_functions.values():
            chosen += similar_episodes[:MOST_EXAMPLES]
        return chosen


@dataclass
class _Record:
    """A call of a function, or an object of the graded class with its calls so far."""

    this: Any
    """The object; None for a function."""
    calls: list[Call] = field(default_factory=list)
    """The calls. The first call of an object is that of its constructor."""
    arrays: dict[str, Any] = field(default_factory=dict)
    put: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Dict attributes with arrays that checks replace by random ones, as in `Episode.put`."""

    def note_parameters(self, names: Sequence[str]) -> None:
        """Before the first call of a method, copy the named attributes that are dicts of float arrays, such as
        `params`."""
        for name in names if len(self.calls) == 1 else ():
            value = getattr(self.this, name, None)
            if isinstance(value, dict) and value and all(map(_is_parameter, value.values())):
                self.put[name] = {key: array.copy() for key, array in value.items()}

    def add(self, name: str, parameters: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Add a call of a function with these parameters."""
        positional = []
        for i, value in enumerate(args):
            label = parameters[i] if i < len(parameters) else f"argument {i + 1}"
            positional.append(self._recordable(value, label, name))
        named = {key: self._recordable(value, key, name) for key, value in kwargs.items()}
        self.calls.append(Call(name, tuple(positional), named))

    def _recordable(self, value: Any, label: str, function: str) -> Any:
        """Return an argument with each array in it replaced by a reference. `label` and `function` name the argument in
        messages."""
        if isinstance(value, list | tuple):
            return [self._recordable(item, label, function) for item in value]
        if type(value).__module__.startswith("pandas"):
            value = plain(value)
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            return {key: self._recordable(item, label, function) for key, item in value.items()}
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, int | float | str):
            return value
        if type(value) is not np.ndarray or value.dtype.kind not in "fiub":
            raise BadCall(
                f"{label} of {function} is a {type(value).__name__}; "
                "pass numbers, strings, arrays, lists or dicts there"
            )
        if not 0 < value.size <= MOST_NUMBERS:
            raise BadCall(f"{label} of {function} has {value.size} numbers; pass 1 to {MOST_NUMBERS} in an example")
        return self._reference(value, label)

    def _reference(self, value: Any, label: str) -> Ref:
        """Return a reference to an equal recorded array. If there is none, record a copy, because the call may change
        the array."""
        for name, array in self.arrays.items():
            if array.dtype == value.dtype and np.array_equal(array, value):
                return Ref(name)
        name = label
        number = 1
        while name in self.arrays:
            number += 1
            name = f"{label} {number}"
        self.arrays[name] = value.copy()
        return Ref(name)

    def episode(self, names: Sequence[str]) -> Episode:
        """Return the calls, with those of the named attributes that the object has."""
        if self.this is None:
            return Episode(tuple(self.calls), self.arrays)
        construction, *calls = self.calls
        attributes = tuple(name for name in names if hasattr(self.this, name))
        return Episode(tuple(calls), self.arrays, construction, self.put, attributes)


def _is_parameter(value: Any) -> bool:
    """Return whether a value is a nonempty array of floats."""
    return type(value) is np.ndarray and value.dtype.kind == "f" and value.size > 0
