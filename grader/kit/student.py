"""Call a student's code and use its objects in the sandbox. Only plain data come out of the sandbox."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from grader.bounds import MAX_NAME, MAX_NAMES, MAX_NOTES, MAX_NUMBERS, MAX_WHY, cut
from grader.guest.entry_points import EntryPoints
from grader.guest.plain import detached
from grader.guest.tables import COLUMNS
from grader.guest.wire import Ref
from grader.kit.answer import Answer
from grader.model import (
    NOTHING_USED,
    Died,
    Environment,
    Failure,
    Limits,
    Loaded,
    Note,
    NoteKind,
    Raised,
    Stopped,
    Submission,
    Usage,
)
from grader.sandbox import environment
from grader.sandbox.budget import Budget
from grader.sandbox.contract import Answered, Array, Sandbox
from grader.sandbox.pipeline import PendingRequest, Pipeline


class Student:
    """A submission in the sandbox. Call `begin` before each check: it starts a session if none is running."""

    def __init__(
        self,
        submission: Submission,
        sandbox: Sandbox,
        entry_points: EntryPoints,
        accepted: Sequence[str],
        limits: Limits,
        shared: Mapping[str, Array],
        handout: Mapping[str, bytes],
        budget: Budget | None = None,
    ) -> None:
        """Prepare a submission. `begin` starts its session.

        Args:
            submission: The files and notebooks of the student.
            sandbox: The sandbox that starts sessions.
            entry_points: The class or functions to load.
            accepted: Accepted names of the student's Python file; the first is the name in the handout.
            limits: Limits of a session and its calls.
            shared: Arrays that are shared with all sessions, by name.
            handout: Modules of the handout that students may import, by file name.
            budget: Limits on all sessions of the submission together; by default a new budget.
        """
        self._submission = submission
        self._sandbox = sandbox
        self.entry_points = entry_points
        self._accepted = list(accepted)
        self._limits = limits
        self.budget = budget or Budget(limits)
        self._shared = shared
        self._handout = handout
        self.load_failure: Failure | None = None
        """The failure to load the code, with which every check fails; None if the code was loaded."""
        self._used_before = NOTHING_USED
        self._last_cpu_seconds: float | None = None
        self.in_single = False
        """True after the student's code has returned parameters or gradients in float32."""
        self.unexamined: list[Answer] = []
        """Answers with parameters or gradients whose precision has not been examined."""
        self.pipeline = Pipeline(self._start, lambda: self._failure)
        self.loaded: Loaded | None = None
        self.environment: Environment | None = None
        self._switching = threading.Lock()
        self._objects = itertools.count()

    def start_anew(self) -> None:
        """Forget stopped calls and used-up time, to grade the submission again with another seed."""
        self.pipeline.start_anew()
        self.budget.start_anew()

    @property
    def used(self) -> Usage:
        """CPU and wall time that all sessions have used together, once all calls so far have been made."""
        self.pipeline.send_all()
        session = self.pipeline.session
        return self._used_before + (session.used if session else NOTHING_USED)

    def cpu_seconds(self) -> float | None:
        """Return the CPU seconds of the current session, even while code runs in it. If the session has ended, return
        the last reading; if there is none, return None."""
        session = self.pipeline.session  # another thread may end it
        seconds = None if session is None else session.process_cpu_seconds()
        if seconds is not None:
            self._last_cpu_seconds = seconds
        return self._last_cpu_seconds

    @property
    def called(self) -> frozenset[str]:
        """Names of the functions and methods that have been called."""
        return frozenset(self.pipeline.stopped) - {"__init__", ""}

    @property
    def _failure(self) -> Failure | None:
        """The failure of every further request, if the code cannot be loaded or the budget is exceeded; otherwise
        None."""
        return self.load_failure or self.budget.exceeded

    def begin(self) -> None:
        """Start a session and load the student's code. Do nothing if a session is running."""
        self.pipeline.begin()

    def _start(self) -> None:
        """Start a new session and load the student's code."""
        with self._switching:
            if self._failure is not None:
                return
            self._end_session()
            session = self.pipeline.session = self._sandbox.session(self._limits, self._shared)
            session.budget = self.budget
        if self.environment is None:
            self.environment = environment.of(session.versions, self._sandbox.name)
        answer = session.request(self._load_request(), _with_grace(self._limits.load_cpu_seconds))
        if isinstance(answer, Answered):
            self.loaded = _loaded(answer.value)
        else:
            self.load_failure = replace(answer, before=f"{self._unloadable(answer)} cannot be loaded")
            session.close()

    def _unloadable(self, failure: Failure) -> str:
        """Return the name of the file that could not be loaded, or "the code" if it is unknown."""
        if isinstance(failure, Raised) and failure.place is not None:
            return failure.place.file.partition(" cell ")[0]
        names = [file for file in self._submission.files if file.endswith(".py")]
        names += [notebook.path for notebook in self._submission.notebooks]
        return names[0] if len(names) == 1 else "the code"

    def rest(self) -> None:
        """End the session and free its memory. `begin` starts another one."""
        with self._switching:
            self._end_session()

    def close(self) -> None:
        """End the session for good: `begin` then does nothing. Any thread may call this method to cancel a grading."""
        with self._switching:
            self.load_failure = self.load_failure or Died("the grading was broken off")
            self._end_session()

    def _end_session(self) -> None:
        session, self.pipeline.session = self.pipeline.session, None
        if session is not None:
            session.close()
            self._used_before += session.used

    def new(self, *args: Any, seed: int = 0, **kwargs: Any) -> Remote:
        """Construct an object of the student's class.

        Args:
            args, kwargs: Arguments of the constructor.
            seed: Seed of numpy's global generator for the constructor.

        Returns:
            The object in the sandbox.
        """
        number = next(self._objects)
        failing = f"{self.entry_points.names[0]}(…) cannot be made"
        return Remote(self, number, self.ask(["new", seed, list(args), kwargs, number], "__init__", failing=failing))

    def new_with(
        self, attribute: str, values: Mapping[str, Array], *args: Any, **kwargs: Any
    ) -> tuple[Remote, Answer, Answer]:
        """Construct an object, write arrays into one of its dict attributes, and read that attribute back.

        Args:
            attribute: Name of the attribute, for example "params".
            values: Arrays to write into the attribute, by key.
            args, kwargs: Arguments of the constructor.

        Returns:
            The object, the answer of the writing, and the attribute's value afterwards.
        """
        remote = self.new(*args, **kwargs)
        return remote, remote.put(attribute, values), remote.get(attribute)

    def call(self, function: str, *args: Any, seed: int | None = None, **kwargs: Any) -> Answer:
        """Call one of the functions that the student wrote.

        Args:
            function: Name of the function, as in assignment.toml.
            args, kwargs: Arguments of the function. Plain data and arrays are copied. Arrays sent by `keep` can be
                passed as references; `look` shows whether the function has changed them.
            seed: Seed of numpy's and Python's global generators for the call; None leaves them unchanged.

        Returns:
            The returned value, or the failure of the call.
        """
        request = ["call", None, function, list(args), kwargs, 0.0, seed]
        return self.answer(shown_call(function, args, kwargs), self.ask(request, function))

    def call_long(self, function: str, *args: Any, cpu_seconds: float, **kwargs: Any) -> Answer:
        """Call a function with its own limit of CPU seconds."""
        request = ["call", None, function, list(args), kwargs, cpu_seconds]
        return self.answer(f"{function}(…)", self.ask(request, cpu_seconds=_with_grace(cpu_seconds)))

    def trace(self, function: str, *args: Any, **kwargs: Any) -> Answer:
        """Call a function under tracing. Return the data flow of the call instead of its value."""
        request = ["trace", None, function, list(args), kwargs]
        return self.answer(function, self.ask(request, function, alone=True))

    def keep(self, **arrays: Array) -> list[Ref]:
        """Send arrays to the sandbox together with the next request, and return references to the arrays. Calls with
        the same reference share one array object."""
        self.ask(["keep", arrays])
        return [Ref(name) for name in arrays]

    def change(self, *arguments: Any) -> None:
        """Change an author's reference before the next request. The arguments are those of `Guest.change`."""
        self.ask(["change", *arguments])

    def look(self, *names: str) -> Answer:
        """Return the current values, by name, of arrays sent by `keep`."""
        return self.answer(", ".join(names), self.ask(["look", list(names)]))

    def structure(self) -> Answer:
        """Return the sandbox's description of the statements in the student's functions."""
        return self.answer("structure", self.ask(["structure"]))

    def _load_request(self) -> list[Any]:
        files, handout = _as_arrays(self._submission.files), _as_arrays(self._handout)
        notebooks = []
        for notebook in self._submission.notebooks:
            numbers = list(notebook.code_cell_numbers)
            notebooks.append({"path": notebook.path, "code": list(notebook.code), "numbers": numbers})
        entry_points = self.entry_points.plain()
        return ["load", files, notebooks, entry_points, self._accepted, handout, self._limits.load_cpu_seconds]

    def ask(
        self, request: list[Any], method: str = "", *, cpu_seconds: float | None = None, **options: Any
    ) -> PendingRequest:
        """Let a request wait until the answer to it or to another one is used.

        Args:
            request: The request.
            method: The student's method that it calls; "" if it calls none.
            cpu_seconds: Limit on the CPU seconds of a long call, which is sent alone. None for the assignment's limit
                on a call.
            options: Further fields of the `PendingRequest`.
        """
        if cpu_seconds is not None:
            options["lasting"] = True
        request = detached(request)  # the caller may change its arrays before the request is sent
        return self.pipeline.add(
            PendingRequest(request, cpu_seconds or self._limits.call_cpu_seconds, method, **options)
        )

    def answer(self, what: str, pending: PendingRequest) -> Answer:
        """Return the answer to a request, under its name for messages."""
        return Answer.later(what, lambda: self.pipeline.result(pending))


class Remote:
    """A student's object in the sandbox. If its constructor failed, every call returns that failure."""

    def __init__(self, student: Student, number: int, made: PendingRequest) -> None:
        self._student = student
        self._number = number
        self._made = made
        self._called = made
        self._written = made
        """The first request that writes arrays into an attribute; until there is one, the constructor's request."""
        self._last = Answer("", None)
        """The answer of the last call. If it failed, attributes that it should have set may be missing."""

    def call(self, method: str, *args: Any, **kwargs: Any) -> Answer:
        """Call a method of the object. Arguments are as for `Student.call`."""
        self._called = self._pending("call", method, list(args), kwargs, 0.0, calls=method)
        self._last = self._student.answer(shown_call(method, args, kwargs), self._called)
        return self._last

    def call_as_written(self, method: str, *args: Any, **kwargs: Any) -> Answer:
        """Call a method, unless the first `put` failed. The answer is then the failure of `put`."""
        answer = self.call(method, *args, **kwargs)
        self._called.conditions = (self._made, self._written)
        return answer

    def if_it_raises(self, instead: Callable[[Failure], Any]) -> None:
        """If the last call raises, call this function before later calls are made. It returns the value or failure that
        replaces the call's."""
        self._called.instead = instead

    def call_long(self, method: str, *args: Any, cpu_seconds: float, **kwargs: Any) -> Answer:
        """Call a method with its own limit of CPU seconds.

        At the limit the call is interrupted, and the object can still be read. A call that ignores the interrupt is
        killed a little later.
        """
        arguments = [method, list(args), kwargs, cpu_seconds]
        self._last = self._ask(f"{method}(…)", "call", *arguments, cpu_seconds=_with_grace(cpu_seconds))
        return self._last

    def trace(self, method: str, *args: Any, **kwargs: Any) -> Answer:
        """Call a method under tracing. Return the data flow of the call instead of its value."""
        return self._ask(method, "trace", method, list(args), kwargs, calls=method, alone=True)

    def call_many(self, attribute: str, stacks: Mapping[str, Array], method: str, *args: Any, **kwargs: Any) -> Answer:
        """Call a method K times, each time with other arrays in one of the object's dict attributes.

        Args:
            attribute: Name of the attribute, for example "params".
            stacks: K arrays for each key of the attribute, stacked (K, *shape).
            method: Name of the method.
            args, kwargs: Arguments of each call.

        Returns:
            The K answers as one array. If the method returns tuples, only their first items are returned.
        """
        arguments = [attribute, dict(stacks), method, list(args), kwargs]
        return self._ask(f"{method}(…)", "call_many", *arguments, calls=method, alone=True)

    def get(self, attribute: str) -> Answer:
        """Return the value of one of the object's attributes. If the attribute is missing and the last call failed,
        return that call's failure."""
        answer, last = self._ask(attribute, "get", attribute), self._last

        def value() -> Any:
            failure = answer.failure
            if last.failure and isinstance(failure, Raised) and failure.kind == "AttributeError":
                return replace(last.failure, before=last.failure.before or last.what)
            return answer.value

        return Answer.later(attribute, value)

    def stand_in(self, method: str) -> Answer:
        """Replace a method by one that returns a zero for each row of its argument, for other methods to call."""
        return self._ask(method, "stand_in", method)

    def answer_always(self, method: str, answer: Sequence[Any]) -> Answer:
        """Replace a method by one that always returns this tuple, to judge the methods that call it separately."""
        return self._ask(method, "answer_always", method, list(answer))

    def put(self, attribute: str, values: Mapping[str, Array]) -> Answer:
        """Write arrays into one of the object's dict attributes, by key."""
        pending = self._pending("put", attribute, dict(values), failing=attribute)
        if self._written is self._made:
            self._written = pending
        return self._student.answer(attribute, pending)

    def _ask(self, label: str, operation: str, *arguments: Any, **options: Any) -> Answer:
        """Let a request about the object wait, and return its answer."""
        return self._student.answer(label, self._pending(operation, *arguments, **options))

    def _pending(self, operation: str, *arguments: Any, calls: str = "", **options: Any) -> PendingRequest:
        """Let a request about the object wait. `calls` is the method that the request calls; "" if it is interrupted at
        its own limit or calls none."""
        return self._student.ask([operation, self._number, *arguments], calls, conditions=[self._made], **options)


def _with_grace(soft_seconds: float) -> float:
    """Return the CPU seconds after which to kill a call that should have been interrupted after `soft_seconds`."""
    return soft_seconds * 1.02 + 1.0


def _as_arrays(files: Mapping[str, bytes]) -> dict[str, Array]:
    return {name: np.frombuffer(content, np.uint8) for name, content in files.items()}


def stopped_softly(answer: Answer, student: Student) -> bool:
    """Return whether a call was interrupted at its time limit without ending the session, so that the student's objects
    can still be read."""
    return isinstance(answer.failure, Stopped) and student.pipeline.is_alive


def shown_call(function: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Return a call as text for messages, such as "loss(X, …, reg=0.1)". An array is shown as "…", or by its name if it
    was sent by `keep`."""
    arguments = [_shown(value) for value in args]
    arguments += [f"{name}={_shown(value)}" for name, value in kwargs.items()]
    return f"{function}({', '.join(arguments)})"


def _shown(value: Any) -> str:
    if isinstance(value, Ref):
        return value.name.partition(" ")[0]  # "X 2" replaces the array X
    if isinstance(value, float):
        return f"{value:g}"
    return "…" if isinstance(value, np.ndarray) or (isinstance(value, dict) and COLUMNS in value) else str(value)


def _loaded(facts: Any) -> Loaded | None:
    """Return the sandbox's report on the loaded code; None if it is malformed."""
    match facts:
        case {"source": str(source), "names": list(names), "cells": cells, "notes": list(notes)}:
            if isinstance(cells, np.ndarray):
                cells = cells.reshape(-1)[:MAX_NUMBERS].tolist()
            numbers = cells[:MAX_NUMBERS] if isinstance(cells, list) else []
            class_names = [cut(name, MAX_NAME) for name in names[:MAX_NAMES] if isinstance(name, str)]
            cell_numbers = [number for number in numbers if type(number) is int]
            valid_notes = filter(None, map(_note, notes[:MAX_NOTES]))
            return Loaded(cut(source, MAX_NAME), tuple(class_names), tuple(cell_numbers), tuple(valid_notes))
    return None


def _note(note: Any) -> Note | None:
    match note:
        case [str(kind), str(where), str(why)] if kind in set(NoteKind):
            return Note(NoteKind(kind), cut(where, MAX_NAME), cut(why, MAX_WHY))
    return None
