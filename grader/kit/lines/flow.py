"""The data flow of one call of a student's code, as reported by `grader.guest.tracing`.

An event is one execution of a statement. Events are numbered in the order in which they happen. The sources of an event
are the events whose values it reads. The report comes from a process that a student controls, so all parts of
unexpected form are dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from grader.guest.structure import MAX_ROWS
from grader.guest.tracing import MAX_CALLS, MAX_EVENTS, MAX_NUMBERS, MAX_OUTPUTS, MAX_SOURCES, MAX_VALUES
from grader.kit.answer import Answer
from grader.model import Place, Submission

MAX_STEPS = 1_000_000
"""Limit on the steps of all searches for the lines of one submission. A step takes about a microsecond. Submissions in
which most checks fail have needed up to 70,000."""
VALUE_STEPS = 20
"""Number of steps that count for comparing one value of an event."""

RAISED = "raised"
"""Key in `Flow.outputs` for the events (executions) of the statement that raised an exception."""

ARGUMENT = "argument"
"""Kind of a `TracedStatement` that stands for a parameter of a function. Its value is the argument of a call."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class TracedStatement:
    """A statement of the student's code, as the sandbox describes it."""

    place: Place
    kind: str
    form: str
    parent: int
    """Number of the `if` or loop statement that contains this statement; -1 if there is none."""
    reads: tuple[str, ...]
    writes: tuple[str, ...]

    @property
    def is_header(self) -> bool:
        return self.kind in ("if", "for", "while", "unknown")

    @property
    def is_loop(self) -> bool:
        return self.kind in ("for", "while")

    @property
    def is_alias(self) -> bool:
        """True if the statement only gives a value another name, as `a = b` does."""
        return self.kind == "assign" and self.form == "name"


UNKNOWN = TracedStatement(Place("", 0), "unknown", "", -1, (), ())
"""Takes the place of a statement that the sandbox has not described correctly."""


@dataclass(frozen=True)
class Value:
    """A value that a statement computed."""

    numbers: Array
    """Its numbers as a flat array of float64."""
    floating: bool
    """True if the student's code computed floating-point numbers, False for integers and booleans."""

    @classmethod
    def of(cls, array: Array) -> Value:
        """Make a value from an array as the student's code computed it."""
        return cls(array.ravel().astype(np.float64), array.dtype.kind == "f")


@dataclass(frozen=True)
class TracedCall:
    """A call of one of the student's functions."""

    function: str
    arguments: Mapping[str, int]
    """Parameter → the event that computed the argument."""


class TooManySteps(Exception):
    """Raised if the search for lines takes more than `MAX_STEPS` steps, as a made-up report can require."""


class Steps:
    """The number of steps that the search for the lines of one submission may still take."""

    def __init__(self, most: int = MAX_STEPS) -> None:
        self.left = most

    def spend(self, count: int) -> None:
        """Subtract a number of steps. Raise `TooManySteps` if there are not enough."""
        self.left -= count
        if self.left < 0:
            raise TooManySteps


@dataclass(frozen=True)
class Flow:
    """The events of one call, and the values that they computed. An event is one execution of a statement."""

    statements: Sequence[TracedStatement]
    rows: Sequence[int]
    """Event → number of its statement."""
    sources: Sequence[Sequence[int]]
    """Event → the earlier events whose values it reads."""
    values: Mapping[int, Sequence[Value]] = field(default_factory=dict)
    """Event → the values that it computed."""
    outputs: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Output, such as "[1]['W1']" → events that computed it."""
    results: Mapping[str, Array] = field(default_factory=dict)
    """Output → final value as a flat array."""
    calls: Sequence[TracedCall] = ()
    """The calls of the student's functions, in order."""
    is_whole: bool = True
    """False if the call has more events, calls or values than the sandbox records."""
    steps: Steps = field(default_factory=Steps)
    """The steps that searches may still take. Methods spend them."""

    @cached_property
    def _readers(self) -> Sequence[Sequence[int]]:
        """Event → the events that read its value."""
        readers: list[list[int]] = [[] for _ in self.rows]
        for event, sources in enumerate(self.sources):
            for source in sources:
                readers[source].append(event)
        return readers

    def spend_all(self) -> None:
        """Spend the steps of looking at all events and their sources once."""
        self.steps.spend(len(self.rows) + sum(map(len, self.sources)))

    def at(self, event: int) -> TracedStatement:
        """Return the statement that was executed in an event."""
        self.steps.spend(1)
        return self.statements[self.rows[event]]

    def events_of(self, row: int) -> list[int]:
        """Return the events (executions) of the statement with the number `row`."""
        self.steps.spend(len(self.rows))
        return [event for event, its_row in enumerate(self.rows) if its_row == row]

    def values_of(self, event: int) -> Sequence[Value]:
        """Return the values that an event computed."""
        values = self.values.get(event, ())
        self.steps.spend(VALUE_STEPS * len(values))
        return values

    def value(self, event: int) -> Array | None:
        """Return the first value that an event computed; None if there is none."""
        return next(self.numbers(event), None)

    def numbers(self, event: int) -> Iterator[Array]:
        """Yield the values that an event computed."""
        return (value.numbers for value in self.values_of(event))

    def scalar(self, event: int) -> float | None:
        """Return the first value of an event as a number; None if it is not a single number."""
        value = self.value(event)
        return float(value[0]) if value is not None and value.size == 1 else None

    def data_sources(self, event: int) -> list[int]:
        """Return the sources of an event that are not headers of `if` or loops."""
        return [s for s in self.sources[event] if not self.at(s).is_header]

    def uses(self, event: int, other_than: int) -> list[int]:
        """Return the events that read the value of `event`, without those of the same statement
        as `other_than`."""
        readers = self._readers[event]
        self.steps.spend(len(readers))
        return [reader for reader in readers if self.rows[reader] != self.rows[other_than]]

    def upstream(self, events: Iterable[int], stop: Callable[[int], bool] = lambda _event: False) -> set[int]:
        """Return the given events and all earlier events whose values they use, directly or
        indirectly. The search leaves out events for which `stop` is true, and does not go on to their sources."""
        self.spend_all()
        reached = {e for e in events if not stop(e)}
        for event in range(max(reached, default=-1), -1, -1):  # a source is always earlier
            if event in reached:
                reached.update(s for s in self.sources[event] if not stop(s))
        return reached


# ── reading the sandbox's report ─────────────────────────────────────────────────────────────────────


def statements_of(answer: Answer, submission: Submission) -> list[TracedStatement]:
    """Return the statements in the sandbox's report; `UNKNOWN` for each that is malformed or not in the submission."""
    files = texts(submission)
    listed = answer.value if isinstance(answer.value, list) else []
    return [_statement(row, files) for row in listed[:MAX_ROWS]]


def texts(submission: Submission) -> dict[str, str]:
    """Return the source code of each Python file and notebook cell, by the names that `Place.file` uses."""
    files: dict[str, str] = {}
    for name, content in submission.files.items():
        if name.endswith(".py"):
            files[name] = content.decode("utf-8", "replace")
    for notebook in submission.notebooks:
        for number, code in zip(notebook.code_cell_numbers, notebook.code, strict=True):
            files[f"{notebook.path} cell {number}"] = code
    return files


def _statement(row: Any, files: Mapping[str, Any]) -> TracedStatement:
    """Return the statement that a row of the report describes; `UNKNOWN` if it is malformed or in no file."""
    match row:
        case [str(file), int(line), str(kind), str(form), list(reads), list(writes), int(parent)]:
            if file in files and 0 < line < 1 << 31:
                return TracedStatement(Place(file, line), kind, form, parent, _names(reads), _names(writes))
    return UNKNOWN


def _names(listed: list[Any]) -> tuple[str, ...]:
    return tuple(str(name)[:100] for name in listed[:50])


class _Malformed(Exception):
    """Raised if a part of the report is malformed, or larger than the sandbox makes it."""


def flow_of(answer: Answer, statements: Sequence[TracedStatement], steps: Steps) -> Flow | None:
    """Return the data flow of a call from the sandbox's report; None if the report is malformed.

    Each argument of a call to a student's function becomes a statement of kind `ARGUMENT`.

    Args:
        answer: The answer to a request to trace a call.
        statements: The statements of the student's functions.
        steps: The steps that searches in the flow may take.

    Raises:
        TooManySteps: If there are not enough steps to read the report.
    """
    report = answer.value
    if not isinstance(report, dict):
        return None
    try:
        rows = _integers(report.get("rows"), MAX_EVENTS, len(statements))
        count = len(rows)
        outputs = _part(report, "outputs", dict, MAX_OUTPUTS)
        results = _part(report, "results", dict, MAX_OUTPUTS)
        flow = Flow(
            list(statements),
            rows,
            _sources(report, count),
            _values(_part(report, "values", list, MAX_VALUES), count),
            {name: _integers(events, MAX_EVENTS, count) for name, events in outputs.items()},
            {name: value for name, value in results.items() if isinstance(value, np.ndarray)},
            [_call(entry, count) for entry in _part(report, "calls", list, MAX_CALLS)],
            report.get("is_whole") is True,
            steps,
        )
    except _Malformed:
        return None
    flow.spend_all()
    return _with_arguments(flow)


def _with_arguments(flow: Flow) -> Flow:
    """Return the flow with a separate statement for each argument of a call."""
    rows, statements = list(flow.rows), list(flow.statements)
    for call in flow.calls:
        for parameter, event in call.arguments.items():
            statement = flow.at(event)
            if statement is not UNKNOWN:
                rows[event] = len(statements)
                statements.append(replace(statement, kind=ARGUMENT, form="name", writes=(parameter,)))
    return replace(flow, rows=rows, statements=statements)


def _part(report: Mapping[str, Any], name: str, kind: type[list[Any] | dict[str, Any]], most: int) -> Any:
    """Return a list or dict in the report. Raise `_Malformed` if it is something else, or has more than `most`
    items."""
    part = report.get(name)
    if not isinstance(part, kind) or len(part) > most:
        raise _Malformed
    return part


def _sources(report: Mapping[str, Any], count: int) -> list[list[int]]:
    """Return the sources of each event. Raise `_Malformed` if one is not earlier than its event. `count` is the number
    of events, for this and the following functions."""
    starts, ends = (_integers(report.get(name), MAX_SOURCES, count) for name in ("starts", "ends"))
    sources: list[list[int]] = [[] for _ in range(count)]
    for start, end in zip(starts, ends, strict=False):
        if start >= end:
            raise _Malformed
        sources[end].append(start)
    return sources


def _values(entries: Sequence[Any], count: int) -> dict[int, list[Value]]:
    """Return the values in the report by the event that computed them."""
    values: dict[int, list[Value]] = {}
    numbers_left = MAX_NUMBERS
    for entry in entries:
        match entry:
            case {"event": int(event), "numbers": np.ndarray() as array} if array.dtype.kind in "fi":
                numbers_left -= array.size
                if numbers_left < 0 or not 0 <= event < count:
                    raise _Malformed
                values.setdefault(event, []).append(Value.of(array))
            case _:
                raise _Malformed
    return values


def _call(entry: Any, count: int) -> TracedCall:
    """Return a call in the report."""
    match entry:
        case [str(function), [*arguments]] if all(_is_argument(argument, count) for argument in arguments):
            return TracedCall(function, dict(arguments))
    raise _Malformed


def _is_argument(value: Any, count: int) -> bool:
    """Return whether a value from the report is a pair [parameter, event that computed the argument]."""
    match value:
        case [str(), int(event)]:
            return 0 <= event < count
    return False


def _integers(value: Any, most: int, below: int) -> list[int]:
    """Return the integers of an array in the report. Raise `_Malformed` if there are more than `most`, or if one is not
    in 0 … `below` - 1."""
    if not isinstance(value, np.ndarray) or value.ndim != 1 or value.dtype.kind != "i" or value.size > most:
        raise _Malformed
    if value.size and not 0 <= value.min() <= value.max() < below:
        raise _Malformed
    numbers: list[int] = value.tolist()
    return numbers
