"""The data flow of one call of a student's code, as reported by `grader.guest.tracing`.

An event is one execution of a statement. Events are numbered in the order in which they happen. The sources of an event
are the events whose values it reads. The report comes from a process that a student controls, so all parts of
unexpected form are dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from grader.kit.answer import Answer
from grader.model import Place, Submission

MAX_ROWS = 3_000
MAX_EVENTS = 20_000
MAX_SOURCES = 100_000
MAX_VALUES = 4_000
MAX_NUMBERS = 300_000
MAX_OUTPUTS = 100
MAX_CALLS = 5_000

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
    calls: tuple[str, ...]

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


UNKNOWN = TracedStatement(Place("", 0), "unknown", "", -1, (), (), ())
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

    def at(self, event: int) -> TracedStatement:
        """Return the statement that was executed in an event."""
        return self.statements[self.rows[event]]

    def events_of(self, row: int) -> list[int]:
        """Return the events (executions) of the statement with the number `row`."""
        return [event for event, its_row in enumerate(self.rows) if its_row == row]

    def value(self, event: int) -> Array | None:
        """Return the first value that an event computed; None if there is none."""
        return next(self.numbers(event), None)

    def numbers(self, event: int) -> Iterator[Array]:
        """Yield the values that an event computed."""
        return (value.numbers for value in self.values.get(event, ()))

    def floats(self, event: int) -> list[Array]:
        """Return the floating-point values that an event computed."""
        return [value.numbers for value in self.values.get(event, ()) if value.floating]

    def integers(self, event: int) -> list[Array]:
        """Return the integer values that an event computed."""
        return [value.numbers for value in self.values.get(event, ()) if not value.floating]

    def scalar(self, event: int) -> float | None:
        """Return the first value of an event as a number; None if it is not a single number."""
        value = self.value(event)
        return float(value[0]) if value is not None and value.size == 1 else None

    def data_sources(self, event: int) -> list[int]:
        """Return the sources of an event that are not headers of `if` or loops."""
        return [s for s in self.sources[event] if not self.at(s).is_header]

    def uses(self, event: int, other_than: int | None = None) -> list[int]:
        """Return the events that read the value of `event`, without those of the same statement
        as `other_than`."""
        without = None if other_than is None else self.rows[other_than]
        return [e for e, sources in enumerate(self.sources) if event in sources and self.rows[e] != without]

    def upstream(self, events: Iterable[int], stop: Callable[[int], bool] = lambda _event: False) -> set[int]:
        """Return the given events and all earlier events whose values they use, directly or
        indirectly. The search leaves out events for which `stop` is true, and does not go on to their sources."""
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


def texts(submission: Submission) -> dict[str, bytes | str]:
    """Return the source code of each Python file and notebook cell, by the names that `Place.file` uses."""
    files: dict[str, bytes | str] = {n: content for n, content in submission.files.items() if n.endswith(".py")}
    for notebook in submission.notebooks:
        cells = zip(notebook.code_cell_numbers, notebook.code, strict=True)
        files |= {f"{notebook.path} cell {number}": code for number, code in cells}
    return files


def _statement(row: Any, files: Mapping[str, Any]) -> TracedStatement:
    """Return the statement that a row of the report describes; `UNKNOWN` if it is malformed or in no file."""
    match row:
        case [str(file), int(line), str(kind), str(form), list(), list(), list(), int(parent)]:
            if file in files and 0 < line < 1 << 31:
                reads, writes, calls = map(_names, row[4:7])
                return TracedStatement(Place(file, line), kind[:20], form[:20], parent, reads, writes, calls)
    return UNKNOWN


def _names(listed: list[Any]) -> tuple[str, ...]:
    return tuple(str(name)[:100] for name in listed[:50])


def flow_of(answer: Answer, statements: Sequence[TracedStatement]) -> Flow | None:
    """Return the data flow of a call from the sandbox's report; None if the report is malformed.

    Each argument of a call to a student's function becomes a statement of kind `ARGUMENT`.
    """
    facts = answer.value
    if not isinstance(facts, dict):
        return None
    events = _ints(facts.get("rows"), MAX_EVENTS, len(statements))
    if events is None:
        return None
    starts, ends = (_ints(facts.get(name), MAX_SOURCES, len(events)) for name in ("starts", "ends"))
    outputs = facts.get("outputs")
    if starts is None or ends is None or len(starts) != len(ends) or not isinstance(outputs, dict):
        return None
    sources: list[list[int]] = [[] for _ in events]
    for start, end in zip(starts, ends, strict=True):
        if start >= end:
            return None
        sources[end].append(start)
    return _with_arguments(
        Flow(
            statements,
            events,
            sources,
            _values(facts.get("values"), len(events)),
            {
                name: _ints(computed, MAX_EVENTS, len(events)) or []
                for name, computed in list(outputs.items())[:MAX_OUTPUTS]
            },
            _results(facts.get("results")),
            _calls(facts.get("calls"), len(events)),
            facts.get("is_whole") is True,
        )
    )


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


def _values(listed: Any, events: int) -> dict[int, list[Value]]:
    """Return the values in the report by the event that computed them. Leave out malformed ones, and those beyond the
    limits. `events` is the number of events, for this and the following functions."""
    values: dict[int, list[Value]] = {}
    count = 0
    for entry in listed[:MAX_VALUES] if isinstance(listed, list) else ():
        match entry:
            case {"event": int(event), "numbers": np.ndarray() as array} if (
                0 <= event < events and array.dtype.kind in "fi"
            ):
                count += array.size
                if count <= MAX_NUMBERS:
                    values.setdefault(event, []).append(Value.of(array))
    return values


def _calls(listed: Any, events: int) -> list[TracedCall]:
    """Return the calls in the report, without malformed ones."""
    calls: list[TracedCall] = []
    for call in listed[:MAX_CALLS] if isinstance(listed, list) else ():
        match call:
            case [str(name), list(arguments)] if all(_is_argument(a, events) for a in arguments):
                calls.append(TracedCall(name, dict(arguments)))
    return calls


def _is_argument(value: Any, events: int) -> bool:
    """Return whether a value from the report is a pair [parameter, event that computed the argument]."""
    match value:
        case [str(), int(event)]:
            return 0 <= event < events
    return False


def _results(named: Any) -> dict[str, Array]:
    """Return the final values of outputs in the report, without those that are no float64 arrays or too large."""
    results: dict[str, Array] = {}
    for name, value in list(named.items())[:MAX_OUTPUTS] if isinstance(named, dict) else ():
        if isinstance(value, np.ndarray) and value.dtype == float and value.size <= MAX_NUMBERS:
            results[name] = value
    return results


def _ints(value: Any, most: int, below: int) -> list[int] | None:
    """Return the integers of an array in the report. Return None if there are more than `most`, or if one is not in 0 …
    `below` - 1."""
    if not isinstance(value, np.ndarray) or value.ndim != 1 or value.dtype.kind != "i" or value.size > most:
        return None
    if value.size and not 0 <= value.min() <= value.max() < below:
        return None
    return [int(v) for v in value]
