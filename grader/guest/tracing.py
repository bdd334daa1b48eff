"""Trace one call of a student's function: which statements ran, and which values each statement read and computed.

An event is one execution of a statement. The module `structure` describes each statement as a row of a table. The
sources of an event are the earlier events whose values the statement read, and the event of the enclosing `if` or loop.
Values are variables, entries of dicts, attributes of objects, and return values of the student's functions. A container
is recognised by its identity, under any name. Calls are judged without tracing. A call that lost points is repeated
with tracing.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import numpy as np

from .describe import own, raised_line
from .structure import MAX_NAME, Path, StatementRow, Step, Structure, computed

MAX_EVENTS = 20_000
MAX_SOURCES = 100_000
MAX_VALUES = 4_000
MAX_NUMBERS = 300_000
"""Maximum number of array entries in all recorded values together."""
MAX_VALUE = 2_000
"""Maximum number of array entries in one recorded value. Larger values are not recorded."""
MAX_ITEMS = 20
"""Maximum number of values that are recorded of one list or dict."""
MAX_CALLS = 5_000
MAX_OUTPUTS = 100
MAX_PARAMETERS = 50
"""Maximum number of parameters that are recorded of one call."""

Events = frozenset[int]
"""A set of event numbers. An event is one execution of a statement."""
NONE: Events = frozenset()


class TooManyEvents(Exception):
    """Raised if a call has more than `MAX_EVENTS` events (statement executions), or these have more than `MAX_SOURCES`
    sources in total."""


@dataclass
class Running:
    """A call of one of the student's functions that has not returned yet."""

    statements: list[tuple[int, int, range]]
    caller: Running | None
    frame: FrameType
    variables: dict[str, Events] = field(default_factory=dict)
    """Variable → the events (statement executions) that computed its value."""
    headers: dict[int, int] = field(default_factory=dict)
    """Index of an `if` or loop in the table of statements → its latest event (execution)."""
    rows: range | None = None
    """Indices of the rows of the statement that is running; None between statements."""
    sources: dict[int, Events] = field(default_factory=dict)
    """Index of a row of the running statement in the table → the events (statement executions) whose values it
    reads."""
    latest: list[int] = field(default_factory=list)
    """Events of the statement that ended last."""
    answered: Events = NONE
    """The events (statement executions) that computed the return values of the calls in the running statement."""
    items: dict[int, Events] = field(default_factory=dict)
    """Index of an item in the last returned tuple → the events (statement executions) that computed the item."""


@dataclass
class Trace:
    """The record of one call. `plain` returns the part that is sent to the grader."""

    structure: Structure
    rows: list[int] = field(default_factory=list)
    """For each event (statement execution), the index of the statement in the table of statements."""
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    """The sources of all events (statement executions), as pairs: event `ends[i]` has read a value that event
    `starts[i]` computed."""
    values: list[dict[str, Any]] = field(default_factory=list)
    """The recorded values: the event (statement execution) that computed it, and its numbers as float64 or int64."""
    count: int = 0
    """Total number of entries of all recorded values."""
    is_whole: bool = True
    """False if events (statement executions), calls or values were left out because of a limit."""
    frames: dict[int, Running] = field(default_factory=dict)
    """id of a frame → the call that runs in this frame."""
    stack: list[Running] = field(default_factory=list)
    heap: dict[int, dict[Any, Events]] = field(default_factory=dict)
    """id of a dict or object → {key or attribute: the events (statement executions) that wrote it}. The key None means
    the whole object."""
    kept: list[Any] = field(default_factory=list)
    """The objects of `heap`, kept so that their ids are not reused."""
    calls: list[tuple[str, list[tuple[str, int]]]] = field(default_factory=list)
    """The calls of the student's functions, each as (function, arguments). An argument that is a number or an array is
    listed as (parameter, event (statement execution) that computed it); other arguments are left out."""
    outputs: dict[str, list[int]] = field(default_factory=dict)
    """Name of an output → the events (statement executions) that computed it. The name is, for example, "[1]['W1']" for
    a part of the return value, or "self.params" for an attribute."""
    results: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    """Name of an output → its final value."""

    def plain(self) -> dict[str, Any]:
        """Return the record as plain data for the grader."""
        calls: list[list[Any]] = []
        for function, arguments in self.calls:
            plain_arguments = [[parameter[:MAX_NAME], event] for parameter, event in arguments]
            calls.append([function[:MAX_NAME], plain_arguments])
        return {
            "rows": _integers(self.rows),
            "starts": _integers(self.starts),
            "ends": _integers(self.ends),
            "values": self.values,
            "calls": calls,
            "outputs": {name: _integers(events) for name, events in self.outputs.items()},
            "is_whole": self.is_whole,
            "results": self.results,
        }

    # ── following ────────────────────────────────────────────────────────────────────────────────────

    def follow(self, call: Callable[[], Any], owner: Any) -> None:
        """Run a call and record it. If the call raises an exception, the record ends there, and nothing is raised.

        Args:
            call: Function that makes the call.
            owner: The object whose method is called: its attributes are recorded as outputs. None for a call of a
                function.
        """
        earlier_trace = sys.gettrace()
        sys.settrace(self._enter)
        try:
            answer = call()
        except Exception as error:  # noqa: BLE001  the student's code may raise anything
            self._record_exception(error)
            return
        finally:
            sys.settrace(earlier_trace)
        self._record_outputs("", answer, self.outputs.get("", []), 0)
        for name, value in _attributes_of(owner).items():
            events = self._of_key(owner, name)
            self._record_outputs(f"self.{name}", value, sorted(events), 0)

    def _record_exception(self, error: BaseException) -> None:
        """Record the statement of the student's code that raised an exception. This is the last statement that ran in
        the innermost traced function."""
        step = error.__traceback__
        innermost = None
        while step is not None:
            running = self.frames.get(id(step.tb_frame))
            if running is not None and running.latest:
                innermost = running, raised_line(step, error)
            step = step.tb_next
        if innermost is not None:
            running, line = innermost
            lines = {event: self.structure.rows[self.rows[event]].line for event in running.latest}
            starts = [start for start in lines.values() if start <= line]
            begun = max(starts, default=line)
            events = [event for event in lines if lines[event] == begun]
            self.outputs = {"raised": events or running.latest}

    def _record_outputs(self, name: str, value: Any, events: list[int], depth: int) -> None:
        """Record an output and, down to two levels, the entries of a dict or tuple.

        Args:
            name: Name of the output.
            value: Value of the output.
            events: The events (statement executions) that computed the value. If empty, those that changed the value in
                place are recorded.
            depth: Nesting level of the output; 0 for the return value or an attribute.
        """
        if len(self.outputs) >= MAX_OUTPUTS:
            return
        self.outputs[name] = (events or sorted(self._changes(value)))[-50:]
        numbers = _numbers(value)
        if numbers is not None:
            self.results[name] = numbers.astype(np.float64)
        if depth >= 2:
            return
        writes = self.heap.get(id(value), {})
        events_of_value = self.outputs[name] if not writes or None in writes else []
        for key, item in _entries_of(value):
            events_of_item = self._of_key(value, key) | self._changes(item)
            self._record_outputs(f"{name}[{key!r}]", item, sorted(events_of_item) or events_of_value, depth + 1)

    def _enter(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        """Begin to trace a call. Python calls this function for every call (`sys.settrace`), and the returned function
        for every line of the call; None means that the call is not traced."""
        try:
            return self._entered(frame)
        except Exception:  # noqa: BLE001  a limit is reached, or a student's object raises when its attributes are read
            self.is_whole = False
            sys.settrace(None)
            return None

    def _entered(self, frame: FrameType) -> Any:
        """Return the function that traces the frame of a call; None if the call is not one of the student's
        functions."""
        code = frame.f_code
        file = own(code.co_filename) or ""
        statements = self.structure.functions.get((file, code.co_name, code.co_firstlineno))
        if statements is None:
            return None
        running = self.frames.get(id(frame))
        if running is None:  # otherwise a generator resumes
            caller = self.stack[-1] if self.stack else None
            running = Running(statements, caller, frame)
            self.frames[id(frame)] = running
            self._bind_parameters(running)
        self.stack.append(running)
        return self._step

    def _step(self, frame: FrameType, event: str, argument: Any) -> Any:
        """Trace a line that is about to run, or the return, of a frame. `argument` is the return value."""
        running = self.frames[id(frame)]
        try:
            if event == "line":
                rows = _statement_at(running.statements, frame.f_lineno)
                # a statement of several lines is one event, but each iteration of a loop is another one
                if rows != running.rows or self._is_loop(rows):
                    self._finish(running, None)
                    self._begin(running, rows)
            elif event == "return":
                self._finish(running, (argument,))
                if self.stack and self.stack[-1] is running:
                    self.stack.pop()
        except Exception:  # noqa: BLE001  as in _enter
            self.is_whole = False
            sys.settrace(None)
            return None
        return self._step

    def _begin(self, running: Running, rows: range | None) -> None:
        """Begin the statement with these rows; None between statements."""
        running.rows = rows
        running.answered = NONE
        running.items = {}
        running.sources = {}
        for number in rows or ():
            running.sources[number] = self._read(running, self.structure.rows[number])

    def _is_loop(self, rows: range | None) -> bool:
        """Return whether a statement is the header of a loop."""
        return rows is not None and self.structure.rows[rows[0]].kind in ("for", "while")

    def _read(self, running: Running, row: StatementRow) -> Events:
        """Return the events (statement executions) whose values a row of the table of statements reads."""
        sources: set[int] = set()
        for path in row.reads:
            sources |= self._sources_of(running, path)
        for path in row.writes:
            if row.mutates or row.kind == "augmented" or _keeps_other_elements(running.frame, path):
                sources |= self._sources_of(running, path)
        if row.parent in running.headers:
            sources.add(running.headers[row.parent])
        return frozenset(sources)

    def _finish(self, running: Running, answer: tuple[Any] | None) -> None:
        """Record the events (executions) of the statement that has ended. `answer` is a tuple with the return
        value if the function ends with this statement; otherwise None."""
        rows = running.rows
        running.rows = None
        if rows:
            running.latest = []
        for number in rows or ():
            row = self.structure.rows[number]
            sources = running.sources[number]
            if row.calls or row.kind == "for":
                sources |= running.answered if row.item is None else running.items.get(row.item, running.answered)
            event = self._event(number, sources)
            running.latest.append(event)
            if row.returns is not None:
                if answer is not None:
                    self._give(running, row.returns, answer[0], event)
                continue
            if row.kind in ("for", "if", "while"):
                running.headers[number] = event
            for path in row.writes:
                self._write(running, row, path, event)
        if answer is not None and running.caller is not None:
            self._pass_on(running, answer[0])

    def _give(self, running: Running, where: tuple[Any, ...], answer: Any, event: int) -> None:
        """Record that an event (statement execution) has computed the part of the return value `answer` that is at the
        position `where`. Positions are those of `StatementRow.returns`."""
        container = None
        value = answer
        for key in where:
            container = value
            value = dict(_entries_of(value)).get(key)
        self._value(event, value)
        if where and container is not None:
            self._set(container, where[-1], frozenset({event}))
        if len(where) < 2:
            running.variables["return"] = running.variables.get("return", NONE) | {event}
        if running.caller is None:
            self.outputs[""] = sorted(running.variables.get("return", NONE))

    def _pass_on(self, running: Running, answer: Any) -> None:
        """Record that the calling statement has read the return value of the function that ends."""
        assert running.caller is not None
        events = running.variables.pop("return", NONE)
        running.caller.answered |= events
        if type(answer) is tuple:
            indices = range(min(len(answer), 20))
            running.caller.items = {index: self._of_key(answer, index) or events for index in indices}

    # ── reading and writing ──────────────────────────────────────────────────────────────────────────

    def _bind_parameters(self, running: Running) -> None:
        """Record which events (statement executions) computed each argument of a call.

        If an argument is the value of a variable of the caller, these are the events that computed this variable.
        Otherwise they are all events that the calling statement has read. An argument that is a number or array is also
        recorded as an event of the calling statement.
        """
        caller = running.caller
        if caller is None or caller.rows is None:
            return
        line = caller.frame.f_lineno
        rows: list[int] = []  # of the calling statement, those with the line of the call
        for number in caller.rows:
            row = self.structure.rows[number]
            if row.line <= line <= row.end:
                rows.append(number)
        arguments: list[tuple[str, int]] = []
        parameters = list(running.frame.f_locals.items())  # at the start of a call, these are the only variables
        for name, value in parameters[:MAX_PARAMETERS]:
            if value is None or isinstance(value, str):
                continue
            sources = self._sources_of_argument(caller, rows, value)
            numbers = _numbers(value)
            if rows and numbers is not None:
                event = self._event(rows[0], sources)
                self._note(event, numbers)
                arguments.append((name, event))
                sources = frozenset({event})
            running.variables[name] = sources
        if arguments and len(self.calls) < MAX_CALLS:
            self.calls.append((running.frame.f_code.co_name, arguments))
        elif arguments:
            self.is_whole = False

    def _sources_of_argument(self, caller: Running, rows: list[int], value: Any) -> Events:
        """Return the events that computed an argument. `rows` are the rows of the calling statement."""
        names = [name for name, variable in caller.frame.f_locals.items() if variable is value]
        if names:
            return NONE.union(*(caller.variables.get(name, NONE) for name in names))
        return caller.answered.union(*(caller.sources[row] for row in rows))

    def _sources_of(self, running: Running, path: Path) -> Events:
        """Return the events (statement executions) that computed the value at a path."""
        sources = running.variables.get(path.root, NONE)
        value = _variable_of(running.frame, path.root)
        for kind, key in _steps(running.frame, path):
            if not _is_container(value) or kind == "any" or not isinstance(key, str | int):
                break
            if kind == "attribute" and isinstance(value, dict | list | tuple):
                break  # a method, which may read the whole container
            events = self._of_key(value, key)
            if events:
                sources = events
            elif kind != "attribute" and isinstance(value, dict) and key not in value:
                break
            value = _inside(value, kind, key)
        return sources | self._changes(value)

    def _of_key(self, container: Any, key: Any) -> Events:
        """Return the events (statement executions) that wrote an entry or attribute of a container."""
        return self.heap.get(id(container), {}).get(key, NONE)

    def _changes(self, value: Any) -> Events:
        """Return the events (statement executions) that have changed a container or an array in place, for example by
        writing an entry."""
        writes = self.heap.get(id(value), {})
        return NONE.union(*writes.values())

    def _set(self, container: Any, key: Any, events: Events) -> None:
        """Record the events (statement executions) that wrote an entry or attribute of a container. The key None means
        the whole container."""
        if id(container) not in self.heap:
            self.heap[id(container)] = {}
            self.kept.append(container)
        self.heap[id(container)][key] = events

    def _write(self, running: Running, row: StatementRow, path: Path, event: int) -> None:
        """Record that an event (execution of the statement that `row` describes) has written the value at a path."""
        value = _variable_of(running.frame, path.root, default=self)
        if value is self:  # the variable has no value
            return
        if path.steps:
            self._write_inside(running, row, path, value, event)
            return
        if not row.mutates:
            running.variables[path.root] = frozenset({event})
        if (row.mutates or row.kind == "augmented") and _can_change(value):
            self._set(value, None, frozenset({event}))
        self._value(event, value)

    def _write_inside(self, running: Running, row: StatementRow, path: Path, value: Any, event: int) -> None:
        """Record a write to an entry or attribute of a container, or to a part of an array."""
        *steps, (kind, key) = _steps(running.frame, path)
        for inner, name in steps:
            if not _is_container(value) or inner == "any":
                break
            value = _inside(value, inner, name)
        stored = value
        if _is_container(value) and kind != "any" and isinstance(key, str | int) and not isinstance(value, list):
            stored = _inside(value, kind, key)
            if not row.mutates:
                self._set(value, key, frozenset({event}))
            if (row.mutates or row.kind == "augmented") and _can_change(stored):
                self._set(stored, None, frozenset({event}))
        elif _can_change(value):
            self._set(value, None, frozenset({event}))
        self._value(event, stored)

    # ── recording ────────────────────────────────────────────────────────────────────────────────────

    def _event(self, row: int, sources: Iterable[int]) -> int:
        """Record an event (statement execution) and return its number. Raise `TooManyEvents` if there are too many
        events or sources."""
        event = len(self.rows)
        if event >= MAX_EVENTS or len(self.starts) >= MAX_SOURCES:
            raise TooManyEvents
        self.rows.append(row)
        for source in sources:
            self.starts.append(source)
            self.ends.append(event)
        return event

    def _value(self, event: int, value: Any) -> None:
        """Record the numbers in a value that an event (statement execution) has computed."""
        numbers = _numbers(value)
        if numbers is not None:
            self._note(event, numbers)
        elif isinstance(value, list | tuple | dict):
            items = list(dict.values(value) if isinstance(value, dict) else value)
            for item in items[:MAX_ITEMS]:
                numbers = _numbers(item)
                if numbers is not None:
                    self._note(event, numbers)

    def _note(self, event: int, value: Any) -> None:
        """Record numbers that an event (statement execution) has computed, unless a limit is reached."""
        if len(self.values) < MAX_VALUES and self.count + value.size <= MAX_NUMBERS:
            numbers = value.astype(np.float64 if value.dtype.kind == "f" else np.int64)
            self.values.append({"event": event, "numbers": numbers})
            self.count += value.size
        else:
            self.is_whole = False


def _integers(values: list[int]) -> np.ndarray[Any, Any]:
    return np.array(values, np.int64)


def _numbers(value: Any) -> np.ndarray[Any, Any] | None:
    """Convert a number, an array or a list of numbers to an array. Return None for any other value, and for more than
    `MAX_VALUE` numbers."""
    if isinstance(value, list) and 0 < len(value) <= MAX_VALUE and all(type(v) in _SCALARS for v in value):
        value = np.array(value)
    elif type(value) in _SCALARS:
        value = np.asarray(value)
    fits = type(value) is np.ndarray and value.dtype.kind in "fiub" and value.size <= MAX_VALUE
    return value if fits else None


_SCALARS: frozenset[type] = frozenset({bool, int, float, np.float64, np.float32, np.int64, np.int32, np.bool_})


def _attributes_of(owner: Any) -> dict[str, Any]:
    """Return an object's attributes and the values of its properties."""
    attributes = dict(vars(owner)) if hasattr(owner, "__dict__") else {}
    for name in dir(type(owner)):
        if isinstance(getattr(type(owner), name, None), property):
            with contextlib.suppress(Exception):
                attributes[name] = getattr(owner, name)
    return attributes


def _statement_at(statements: list[tuple[int, int, range]], line: int) -> range | None:
    """Return the indices of the rows of the statement at a line; None if there is no statement."""
    for first, last, rows in reversed(statements):
        if first <= line <= last:
            return rows
    return None


def _variable_of(frame: FrameType, name: str, default: Any = None) -> Any:
    """Return the value of a local or global variable."""
    return frame.f_locals.get(name, frame.f_globals.get(name, default))


def _steps(frame: FrameType, path: Path) -> list[Step]:
    """Return the steps of a path. Each computed key is replaced by its value, for example `i` by 1."""
    steps: list[Step] = []
    for kind, key in path.steps:
        if kind == "computed":
            key = computed(key, frame)
        steps.append((kind, key))
    return steps


def _keeps_other_elements(frame: FrameType, path: Path) -> bool:
    """Return whether a write to a path such as `x[0]` changes one element of an array or list, and keeps the others."""
    if not path.steps:
        return False
    container = _variable_of(frame, path.root)
    for kind, key in _steps(frame, path)[:-1]:
        container = _inside(container, kind, key)
    return isinstance(container, np.ndarray | list)


def _is_container(value: Any) -> bool:
    """Return whether a value's entries or attributes are traced. Those of modules, classes and functions are not."""
    if isinstance(value, dict | list | tuple):
        return True
    return hasattr(value, "__dict__") and not callable(value)


def _can_change(value: Any) -> bool:
    """Return whether a value can be changed in place, so that its changes must be recorded under its id."""
    return isinstance(value, np.ndarray | list | dict)


def _inside(value: Any, kind: str, key: Any) -> Any:
    """Return an attribute or entry of a value without calling a student's method; None if it does not exist."""
    if kind == "attribute":
        return getattr(value, "__dict__", {}).get(key)
    if isinstance(value, dict):
        return dict.get(value, key)
    if isinstance(value, list | tuple) and isinstance(key, int) and -len(value) <= key < len(value):
        return value[key]
    return None


def _entries_of(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield (key, item) of a dict with strings as keys, or (index, item) of a tuple. Other values have none."""
    if isinstance(value, dict):
        for key, item in list(dict.items(value))[:50]:
            if isinstance(key, str):
                yield key, item
    elif isinstance(value, tuple):
        yield from enumerate(value[:10])
