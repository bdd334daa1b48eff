"""The request loop of the guest, the process inside the sandbox. The guest first sends a value to report that it is
ready. Then it answers requests until the grader closes the channel.

Answers are `["value", value]`, `["raised", kind, message, file, line, source, caret]`, `["stopped", seconds]` (the soft
limit was reached; the model trained so far can still be inspected) and `["unusable", why]`. The grader does not trust
the answers, because they come from a process that a student controls.
"""

from __future__ import annotations

import copy
import importlib
import random
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from io import BufferedReader
from types import SimpleNamespace
from typing import Any

import numpy as np

from .changes import substituted, with_changes
from .cpu_limit import SoftLimit, soft_limit
from .describe import describe
from .entry_points import EntryPoints
from .gaps import is_gap
from .load import NotFound, load
from .plain import detached, plain, sequence_type
from .structure import Structure, structure
from .tables import table_of
from .tracing import Trace
from .wire import PREFIX, SMALL_BYTES, Ref, WireError, decode, encode, pieces

CALL = "(call of a student's function)"
"""First item of an answer that asks for a call of a student's function: CALL, name, keyword arguments, arguments."""


class UnusableObject(Exception):
    """Raised if the student's object lacks something that a request needs."""


class StudentsCall(BaseException):
    """Raised if an author's reference calls a student's function, whose answer this sandbox does not have."""


class Guest:
    """Answers the grader's requests inside the sandbox. The name of a request is the name of the method that answers
    it. A request "several" contains a list of other requests."""

    def __init__(self, channel: socket.socket, arrays: dict[str, Any]) -> None:
        """Prepare to serve a channel. Requests can refer to `arrays` by name."""
        self.channel = channel
        self.stream = BufferedReader(socket.SocketIO(channel, "r"), SMALL_BYTES)  # one system call per small request
        self.objects: dict[int, Any] = {}
        """The student's objects, by the numbers that the grader gives them."""
        self.arrays = arrays
        self.loaded: dict[str, Any] = {}
        """Name → the student's class or function. For a function that was not found, the value is an exception that
        says why."""
        self.called: Any = None
        """The student's function or method that the current request has called; None before it has called one."""
        self.rows_of: Callable[[], Structure] = Structure
        """Function that returns the statements of the student's functions. Only its first call parses the files."""

    def warm(self, modules: list[str]) -> None:
        """Import these modules before a submission is loaded."""
        for name in modules:
            importlib.import_module(name)

    def load(
        self,
        files: dict[str, Any],
        notebooks: list[Any],
        plain_entry_points: list[Any],
        accepted: list[str],
        handout: dict[str, Any],
        cpu_seconds: float,
    ) -> dict[str, Any]:
        """Load the student's class or functions. The arguments are those of `load.load`, with the entry points as plain
        data."""
        entry_points = EntryPoints.read(plain_entry_points)
        self.loaded, report = load(files, notebooks, entry_points, accepted, handout, cpu_seconds)
        self.rows_of = cache(lambda: structure(files, notebooks))
        return report

    def new(self, seed: int, args: list[Any], kwargs: dict[str, Any], number: int = 0) -> int:
        """Create an object of the student's class as `objects[number]`, and return the number."""
        _seed(seed)
        student_class: Any = next(value for value in self.loaded.values() if isinstance(value, type))
        self.called = student_class.__init__
        self.objects[number] = student_class(*args, **kwargs)
        return number

    def call(
        self,
        target: int | None,
        name: str,
        args: list[Any],
        kwargs: dict[str, Any],
        soft: float,
        seed: int | None = None,
    ) -> Any:
        """Call a method of an object, or one of the assignment's functions. `soft` is a limit in CPU seconds; 0 means
        no limit. If a seed is given, first set the global seeds of numpy and Python."""
        if seed is not None:
            _seed(seed)
        with soft_limit(soft):
            function = self.function(target, name)
            return _written(function, function(*args, **kwargs))

    def function(self, target: int | None, name: str) -> Any:
        """Return a method of the object with this number, or one of the assignment's functions if `target` is None."""
        self.called = self.loaded[name] if target is None else getattr(self.objects[target], name)
        if isinstance(self.called, BaseException):
            raise self.called
        return self.called

    def call_many(
        self,
        target: int,
        attribute: str,
        stacks: dict[str, np.ndarray[Any, Any]],
        method: str,
        args: list[Any],
        kwargs: dict[str, Any],
    ) -> list[Any]:
        """Call a method K times. Before each call, write the next arrays into a dict of the object.

        Args:
            target: Number of the object.
            attribute: Name of the dict, such as "params".
            stacks: Key of the dict → K values, as an array (K, *shape).
            method: Name of the method.
            args, kwargs: Arguments of each call.

        Returns:
            The K answers. If an answer is a tuple or list, only its first item is returned.
        """
        bound = self.function(target, method)
        answers = []
        for values in zip(*stacks.values(), strict=True):
            self.put(target, attribute, dict(zip(stacks, values, strict=True)))
            answer = bound(*args, **kwargs)
            base = sequence_type(answer)
            if base is not None:
                answer = base.__getitem__(answer, 0)
            if type(answer) is np.ndarray and answer.size == 1:
                answer = answer.reshape(())  # a loss of shape (1, 1) is a number too
            answers.append(answer)
        return answers

    def get(self, target: int, attribute: str) -> Any:
        """Return an attribute of an object."""
        return getattr(self.objects[target], attribute)

    def put(self, target: int, attribute: str, values: dict[str, np.ndarray[Any, Any]]) -> None:
        """Write arrays into a dict of the object, such as `params`. An existing float array of the same size is
        overwritten in place and keeps its dtype and shape, so that biases may have the shape (1, H) or (H,)."""
        arrays = getattr(self.objects[target], attribute)
        for name, value in values.items():
            try:
                old = arrays[name]
            except (KeyError, TypeError, IndexError):
                raise UnusableObject(f"{attribute} has no entry {name!r}") from None
            if type(old) is np.ndarray and old.size == value.size and old.dtype.kind == "f":
                old[...] = value.reshape(old.shape)
            else:
                arrays[name] = value.copy()

    def stand_in(self, target: int, method: str) -> None:
        """Replace a method by one that returns a zero for each row of its argument."""
        self.replace(target, method, lambda rows: np.zeros(len(rows), int))

    def answer_always(self, target: int, method: str, answer: list[Any]) -> None:
        """Replace a method by one that always returns copies of these values, as a tuple."""
        self.replace(target, method, lambda *_arguments, **_options: tuple(copy.deepcopy(answer)))

    def replace(self, target: int, method: str, function: Callable[..., Any]) -> None:
        """Replace a method of one object by a function without `self`. An object that cannot have further attributes,
        for example because of `__slots__`, becomes an object of a subclass."""
        student_object = self.objects[target]
        try:
            setattr(student_object, method, function)
        except Exception:  # noqa: BLE001  a student's __setattr__ may raise anything
            old_class = type(student_object)
            new_class = type(old_class.__name__, (old_class,), {"__slots__": (), method: staticmethod(function)})
            object.__setattr__(student_object, "__class__", new_class)

    def change(self, names: list[str], changes: list[list[str]], functions: list[str], answers: list[Any]) -> None:
        """Load an author's reference, the package `assignment`, instead of a student's code. Put changes into it, and
        forget its objects.

        Args:
            names: The entry points.
            changes: Pairs: the name of a definition in mistakes.py, and the name of the function or method that it
                replaces.
            functions: Names of the functions that are replaced by the student's.
            answers: Known answers of the student's functions, in the order of the calls. The next call ends the request
                with an answer that describes the call (`CALL`).
        """
        rows = []
        for name, replaced in changes:
            change = getattr(importlib.import_module("assignment.mistakes"), name)
            rows.append(SimpleNamespace(change=change, of=replaced))
        namespace = with_changes(vars(importlib.import_module("assignment.reference")), names, rows)
        asking = {name: partial(_answer_of_student, iter(answers), name) for name in functions}
        namespace = substituted(namespace, asking)
        self.loaded = {name: namespace[name] for name in (*names, *namespace) if name in namespace}
        self.objects.clear()

    def keep(self, arrays: dict[str, np.ndarray[Any, Any]]) -> None:
        """Store copies of arrays under these names, so that later requests can refer to them."""
        self.arrays |= {name: array.copy() for name, array in arrays.items()}

    def look(self, names: list[str]) -> dict[str, Any]:
        """Return arrays that `keep` has stored, with any changes that the student's code has made to them."""
        return {name: self.arrays[name] for name in names}

    def structure(self) -> list[list[Any]]:
        """Return the statements of the student's functions as plain data."""
        return self.rows_of().plain()

    def trace(self, target: int | None, name: str, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Call a method or function as `call` does, and return the data flow of the call. Statements are
        numbered as in the list that `structure` returns."""
        trace = Trace(self.rows_of())
        function = self.function(target, name)
        owner = None if target is None else self.objects[target]
        trace.follow(lambda: function(*args, **kwargs), owner)
        return trace.plain()

    # ── the loop ─────────────────────────────────────────────────────────────────────────────────────

    def serve(self) -> None:
        """Answer requests until the grader closes the channel."""
        request = _receive(self.stream)
        while request is not None:
            if request[0] == "several":  # a request is [name, *arguments]
                self.send(self.several(request[1]))
            else:
                self.send(self.reply_to(request))
            request = _receive(self.stream)

    def several(self, requests: list[Any]) -> list[Any]:
        """Answer the requests in order and stop after the first failure, because later requests may depend on it."""
        replies = []
        for request in requests:
            reply = self.reply_to(request)
            replies.append(detached(reply))
            if reply[0] != "value":  # a failure
                break
        return ["several", replies]

    def reply_to(self, request: list[Any]) -> list[Any]:
        """Return the answer to one request."""
        operation, *arguments = request
        self.called = None
        try:
            method = getattr(self, operation)
            answer = method(*[resolved(argument, self.arrays) for argument in arguments])
            return ["value", plain(answer)]
        except StudentsCall as call:
            return ["value", plain(call.args)]
        except SoftLimit as limit:
            return ["stopped", float(limit.args[0])]
        except (UnusableObject, NotFound) as unusable:
            return ["unusable", str(unusable)]
        except BaseException as error:  # noqa: BLE001  a student may raise anything, SystemExit too
            return ["raised", *describe(error, self.called)]

    def send(self, reply: list[Any]) -> None:
        """Send an answer to the grader. If it cannot be encoded, send the reason."""
        try:
            header, buffers = encode(reply)
        except (WireError, ValueError, OverflowError) as error:
            header, buffers = encode(["unusable", f"the answer cannot be encoded: {error}"])
        for piece in pieces(header, buffers):
            self.channel.sendall(piece)


def _answer_of_student(answers: Iterator[Any], name: str, *args: Any, **kwargs: Any) -> Any:
    """Return the next of a student's answers. Raise `StudentsCall` if there is none."""
    for answer in answers:
        return answer
    raise StudentsCall(CALL, name, kwargs, *args)


def resolved(value: Any, arrays: Mapping[str, Any]) -> Any:
    """Replace each `Ref` in a value by its array, and each dict that stands for a table of pandas by the table. Intern
    strings, because some students compare them with `is`."""
    kind = type(value)
    if kind is Ref:
        if value.name not in arrays:
            raise UnusableObject(f"there is no array {value.name!r}: the check must store it with keep() first")
        return arrays[value.name]
    if kind is str:
        return sys.intern(value)
    if kind is list:
        return [resolved(item, arrays) for item in value]
    if kind is dict:
        return table_of({sys.intern(key): resolved(item, arrays) for key, item in value.items()})
    return value


def _receive(stream: BufferedReader[socket.SocketIO]) -> Any:
    """Return the next request; None if the grader has closed the channel."""
    prefix = stream.read(PREFIX.size)
    if len(prefix) < PREFIX.size:
        return None
    header, body = map(bytearray, PREFIX.unpack(prefix))
    complete = stream.readinto(header) == len(header) and stream.readinto(body) == len(body)
    return decode(header, body) if complete else None


def _written(function: Callable[..., Any], answer: Any) -> Any:
    """Return `answer`. Raise NotImplementedError if `answer` is None because the function's body is still empty."""
    if answer is None and is_gap(function):
        raise NotImplementedError(f"the body of {function.__name__} is empty")
    return answer


def _seed(seed: int) -> None:
    """Set the seeds of Python's and numpy's global generators."""
    random.seed(seed)
    np.random.seed(seed)
