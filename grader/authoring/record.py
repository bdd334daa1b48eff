"""Record the example calls of an author's solution. The calls run in a separate process, in which the graded functions
are wrapped.

    python -m grader.authoring.record FILE.json < REQUEST

Nothing here runs students' code.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
import subprocess
import sys
import traceback
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from grader.errors import BadCall
from grader.guest.wire import Ref
from grader.kit.calls import Call, Episode
from grader.kit.examples import read, write

MOST_NUMBERS = 2000
"""Largest number of entries of an array argument. Checks draw inputs similar to an example, so a small example is as
good as a large one."""
MOST_EXAMPLES = 8
"""Largest number of recorded calls of a function, or of recorded objects of a class."""
SECONDS = 300
"""Time limit of all example calls together."""


def record(
    name: str, module: str, calls: str, functions: Sequence[str], attributes: Sequence[str]
) -> tuple[list[Episode], frozenset[str]]:
    """Run a solution and its example calls, and record the calls of the graded functions or class.

    Args:
        name: The author's file, for messages.
        module: Source of the solution.
        calls: Source of the example calls; it runs in the solution's module.
        functions: Names of the functions to record, or of one class.
        attributes: Names of the attributes to compare after an object's calls.

    Returns:
        (episodes, names): the recorded calls, and the functions or methods that returned something other than None.

    Raises:
        BadCall: If a call fails, takes too long, or has an argument that cannot be recorded. The message names the
            call.
    """
    request = {"module": module, "calls": calls, "names": list(functions), "attributes": list(attributes)}
    with TemporaryDirectory() as folder:
        file = Path(folder) / "examples.json"
        command = [sys.executable, "-m", "grader.authoring.record", str(file)]
        try:
            process = subprocess.run(
                command,
                input=json.dumps(request),
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
                env=os.environ | {"MPLBACKEND": "Agg"},  # examples may plot
            )
        except subprocess.TimeoutExpired:
            raise BadCall(f"{name}: its example calls take longer than {SECONDS} seconds; make them smaller") from None
        if process.returncode:
            message = process.stderr.strip().splitlines()[-1:] or ["its process ended"]
            raise BadCall(f"{name}: {message[0]}")
        return read(file), frozenset(json.loads(_returning(file).read_text("utf-8")))


def _returning(file: Path) -> Path:
    """Return the path of the file with the names of the functions that returned a value. It is beside the file of
    examples."""
    return file.with_name("returning.json")


# ── in the separate process ───────────────────────────────────────────────────────────────────────────────────


class Unrecordable(Exception):
    """Raised if a call has an argument that cannot be recorded."""


@dataclass
class Recorder:
    """Wraps functions and classes, and records their calls. Calls from inside a recorded function are left out."""

    attributes: Sequence[str]
    depth: int = 0
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
        if value is not None:
            self.returning.add(name)
        return value

    def _inside(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
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
        return [episode for alike in by_functions.values() for episode in alike[:MOST_EXAMPLES]]


@dataclass
class _RecordedObject:
    """An object of the graded class, and its calls so far."""

    this: Any
    """The object. It is kept so that its id is not reused."""
    new: Call
    arrays: dict[str, Any]
    put: dict[str, dict[str, Any]]
    calls: list[Call] = field(default_factory=list)

    def episode(self, names: Sequence[str]) -> Episode:
        """Return the calls, with those of the named attributes that the object has."""
        attributes = tuple(name for name in names if hasattr(self.this, name))
        return Episode(tuple(self.calls), self.arrays, self.new, self.put, attributes)


def _is_parameter(value: Any) -> bool:
    return type(value) is np.ndarray and value.dtype.kind == "f" and value.size > 0


def _recorded_call(
    name: str, parameters: Sequence[str], args: Any, kwargs: Mapping[str, Any], arrays: dict[str, Any]
) -> Call:
    positional = []
    for i, value in enumerate(args):
        label = parameters[i] if i < len(parameters) else f"argument {i + 1}"
        positional.append(_recordable(value, label, name, arrays))
    named = {key: _recordable(value, key, name, arrays) for key, value in kwargs.items()}
    return Call(name, tuple(positional), named)


def _parameters(function: Callable[..., Any]) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except ValueError:
        return []


def _recordable(value: Any, label: str, function: str, arrays: dict[str, Any]) -> Any:
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


def _record_main(file: Path) -> None:
    request = json.load(sys.stdin)
    reference = types.ModuleType("reference")
    sys.modules["reference"] = reference
    try:
        exec(compile(request["module"], "solution", "exec"), reference.__dict__)  # noqa: S102  the author's own code
    except Exception as error:  # noqa: BLE001  becomes the author's message
        sys.exit(f"it raises {type(error).__name__}: {error}; it must run by itself, with installed packages only")
    recorder = Recorder(request["attributes"])
    for name in request["names"]:
        value = getattr(reference, name, None)
        if value is None:
            sys.exit(f"it does not define {name}; correct the name, or define it")
        if isinstance(value, type):
            recorder.wrap_class(value)
        else:
            setattr(reference, name, recorder.function(name, value))
    np.random.seed(0)
    try:
        exec(compile(request["calls"], "example calls", "exec"), reference.__dict__)  # noqa: S102
    except Unrecordable as wrong:
        sys.exit(f"{wrong}")
    except Exception as error:  # noqa: BLE001  becomes the author's message
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == "example calls"]
        statement = request["calls"].splitlines()[lines[-1] - 1].strip() if lines and lines[-1] else ""
        sys.exit(f"the example call {statement!r} raises {type(error).__name__}: {error}".replace("\n", " "))
    write(file, recorder.recorded())
    _returning(file).write_text(json.dumps(sorted(recorder.returning)), "utf-8")


if __name__ == "__main__":
    _record_main(Path(sys.argv[1]))
