"""Find the line of a student's file that a failed check is about, from the data flow of one call.

The sandbox reports which statements ran and what they read, wrote and computed (`grader.guest.tracing`). A value that a
right solution computes as well vindicates the statement that computed it, and everything that flowed into it. The fault
is the first statement on the way to a wrong output that gets right values and computes one that is not right. The
report comes from a process that a student controls: only data of the expected shape are used, and the text of a line is
read from the submission itself.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from grader.kit.answer import Answer
from grader.kit.claim import NotRecorded
from grader.kit.student import Student
from grader.model import Died, Place, Stopped, Submission

MAX_LINE = 300
MAX_ROWS = 3_000
MAX_EVENTS = 20_000
MAX_SOURCES = 100_000
MAX_VALUES = 4_000
MAX_NUMBERS = 300_000
MAX_SHAPES = 20_000
MAX_OUTPUTS = 100
MAX_CALLS = 5_000
MAX_RIGHT = 40_000
"""Right values of one call, with their rows and transposes."""
MOST_SUSPECTS = 20
ELEMENT_SAME = 1e-9
"""Of a number's size: there are so many elements that one is near by chance."""
MOST_COMPARED = 500
"""Right values of one size that a part of an array is compared with."""
SAME = 1e-5
"""Of a value's norm; float32 rounds less than that."""

OTHER = "other "
"""Begins the name of a value that is right under another condition: the fault is in the choice."""

PARTIAL = "partial "
"""Begins the name of a sum over some of the examples: where nothing is added to it any more, its loop is too short."""

MISAPPLIED = "misapplied "
"""Begins the name of a value that a right function yields for a wrong argument: the fault is in the argument."""


def misapplied(function: str, wanted: str, argument: str) -> str:
    """Return the name of what a right function yields for a right value that is not the one it is meant to be given.

    Args:
        function: What the function is called.
        wanted: Name of the right value that it is meant to be given.
        argument: Name of the right value that it is given instead.
    """
    return f"{MISAPPLIED}{function}{_WANTS}{wanted}: {argument}"


_WANTS = ", meant for "
AT_ANOTHER_TIME = " at another time"
"""Ends the name of an argument that is right before or after the call that it is given to."""

RAISED = "raised"
"""The output of a call that raises: the statement at which it did."""

OPERANDS = "operands"
"""Numbers where the operation that raised needs an array."""

ARGUMENT = "argument"
"""The kind of a row that gives a parameter its value."""

Array = np.ndarray[Any, Any]
FoundLine = tuple[Place, str]
"""A line and its text."""


@dataclass(frozen=True)
class Line:
    """The place of a known mistake, as structure: the last statement of which all that is given holds."""

    computes: tuple[str, ...] = ()
    """Names of right values (`Followed.right`) of which it computes one: where the next step is what is missing."""
    reads: str = ""
    writes: str = ""
    calls: str = ""
    kind: str = ""
    first: bool = False
    """The first such statement, which computes a value that is wrong by itself."""


@dataclass(frozen=True, eq=False)
class Batches:
    """The arguments that each step of a training must give to the function that computes its loss and gradients."""

    function: str
    X: Array
    y: Array
    X_val: Array
    sizes: tuple[int, ...]
    """How many rows a batch may have."""
    epochs: int
    reg: float

    @property
    def _rounds(self) -> Set[int]:
        """Numbers of steps that an epoch may have."""
        N, size = len(self.X), self.sizes[0]
        return {max(N // size, 1), -(-N // size)}

    @property
    def _known(self) -> Set[int]:
        """Numbers of something, which a wrong number of rounds is not."""
        return self._rounds | {len(self.X), self.epochs, *self.sizes}

    def fault(self, flow: Flow, rows: TracedStatements) -> int | None:
        """Return the event that gives a step wrong rows, labels or regularisation; None if all steps get right ones."""
        calls = [s for call in flow.calls if call.function == self.function and (s := self._step(flow, call))]
        steps = [s for s in calls if len(s[0]) != len(self.X)]
        if not steps or len(self.X) in self.sizes:
            steps = calls  # otherwise those with all rows compute a loss for a history
        made = [events[0] for _, events in steps]
        ended = RAISED not in flow.outputs
        if ended and any(len(X) == 0 for X, _ in steps) and (loop := self._of_number(flow, rows, made)) is not None:
            return loop
        for step in steps:
            if (wrong := self._of_step(flow, rows, step)) is not None:
                return wrong
        beyond = [e for e in _indices(flow, rows, flow.outputs.get(RAISED, ())) if self._is_beyond(flow, e)]
        if beyond:
            return self._counted(flow, rows, beyond[0], self._size(flow, beyond[0]))
        if not steps and ended:
            return self._never_entered(flow, rows)
        if not ended:
            return None
        if (loop := self._of_number(flow, rows, made)) is not None:
            return loop
        sampled = self._sampled([self._numbers(X) for X, _ in steps])
        return None if sampled else self._of_order(flow, rows, steps[0][1][0])

    def _of_number(self, flow: Flow, rows: TracedStatements, steps: Sequence[int]) -> int | None:
        """Return the event of the loop that makes the wrong number of steps, or of what counts its rounds; None if the
        number is right, or the loop is not known."""
        parents = [row.parent for e in steps if (row := rows[flow.rows[e]]) is not None]
        made = max((parents.count(p) for p in parents), default=0)  # a step may call the function in several places
        wanted = {self.epochs * per_epoch for per_epoch in self._rounds}
        if made in wanted or (not flow.is_whole and made < max(wanted)):
            return None
        returned = max(flow.outputs.get("", ()), default=-1)
        if returned >= 0 and _loops_around(flow, rows, _parent(rows, flow.rows[returned])):
            return returned  # within a loop, so that it ends before its last round
        loops = _loops_around(flow, rows, max(parents, key=parents.count, default=-1))
        if not loops:
            return None
        inner, outer = loops[0], loops[-1]
        epochs_made = len(outer) - 1  # it is reached once more at its end
        chosen = inner if epochs_made == self.epochs else outer
        rounds = made // max(epochs_made, 1) if chosen is inner is not outer else made
        return _counting(flow, rows, chosen[-1], rounds, self._known)

    def _never_entered(self, flow: Flow, rows: TracedStatements) -> int | None:
        """Return the event that made the number of rounds of a loop zero or negative, or the loop; None if there is no
        loop that makes no round."""
        event = next(iter(_idle(flow, rows)), None)
        while event is not None:
            before = [s for s in flow.sources[event] if (v := flow.value(s)) is not None and v.size == 1 and v[0] <= 0]
            before = [s for s in before if (row := rows[flow.rows[s]]) is not None and not row.is_header and row.reads]
            if not before:
                break
            event = max(before)
        return event

    def is_given(self, flow: Flow) -> bool:
        """Return whether the function is called with all that it needs."""
        return any(call.function == self.function and self._step(flow, call) is not None for call in flow.calls)

    def _step(self, flow: Flow, call: TracedCall) -> tuple[Array, list[int]] | None:
        """Return a step's rows and the events of its arguments; None for a call without labels or on validation
        data."""
        events = list(call.arguments.values())
        given = [flow.value(e) for e in events]
        if len(given) < 3 or given[0] is None:
            return None
        D = self.X.shape[1]
        if given[0].size % D:
            return np.full((1, D), np.nan), events
        X = given[0].reshape(-1, D)
        return None if X.shape == self.X_val.shape and np.allclose(X, self.X_val) else (X, events)

    def _of_step(self, flow: Flow, rows: TracedStatements, step: tuple[Array, list[int]]) -> int | None:
        X, (of_X, of_y, of_reg, *_) = step
        y, reg = flow.value(of_y), flow.value(of_reg)
        same = np.abs(X[:, None] - self.X).max(axis=2) <= SAME * np.abs(self.X).max()
        if not same.any(axis=1).all():
            return _made_at(flow, rows, of_X) if np.isfinite(X).all() else of_X
        if len(X) not in self.sizes:
            events = [e for e in sorted(upstream(flow, [of_X])) if not _is_header(rows[flow.rows[e]])]
            whole = [(e, n) for e in events for floating, n in flow.values.get(e, ()) if not floating and n.size != 1]
            other = [e for e, n in whole if n.size not in (len(X), len(self.X), *self.sizes)]
            taken = [e for e, n in whole if n.size == len(X) and np.array_equal(self._rows(n), X)]
            return self._counted(flow, rows, max(taken or other[:1], default=_listed_at(flow, rows, of_X)), len(X))
        if y is None or y.size != len(X):
            return _passed_on(flow, rows, of_y)
        if not (same & (y[:, None] == self.y)).any(axis=1).all():
            numbers = [n for e in _indices(flow, rows, [of_X], len(X))[-1:] if (n := flow.value(e)) is not None]
            if any(np.array_equal(n, y) for n in numbers):  # the numbers of the rows in place of their labels
                return of_y
            drawn = any(np.array_equal(self._rows(n), X) for n in numbers)
            made = _made_at(flow, rows, of_y if drawn else of_X)
            return max(self._other_labels(flow, rows, made), default=made)
        return of_reg if reg is None or not np.allclose(reg, self.reg) else None

    def _other_labels(self, flow: Flow, rows: TracedStatements, event: int) -> list[int]:
        """Return the events that gave a function other labels than those of the training data, to take some of them."""
        given = [s for s in flow.sources[event] if (row := rows[flow.rows[s]]) is not None and row.kind == ARGUMENT]
        whole = [(s, v) for s in given for floating, v in flow.values.get(s, ()) if not floating and v.size > 1]
        return [s for s, v in whole if not np.array_equal(v, self.y)]

    def _rows(self, numbers: Array) -> Array:
        """Return the rows of the training data that have these numbers."""
        return self.X.take(numbers.astype(int), 0, mode="wrap")

    def _numbers(self, X: Array) -> Array:
        """Return the numbers of the rows in the training data."""
        return np.asarray(np.abs(X[:, None] - self.X).sum(axis=2).argmin(axis=1))

    def _sampled(self, drawn: Sequence[Array]) -> bool:
        """Return whether the rows of all steps may have been drawn at random."""
        N = len(self.X)
        if not drawn or len(np.unique(self.X, axis=0)) < N:
            return True
        numbers = np.concatenate(drawn)
        return len(np.unique(numbers)) > N // 2 and not np.array_equal(numbers[:N], np.arange(N)[: len(numbers)])

    def _of_order(self, flow: Flow, rows: TracedStatements, event: int) -> int:
        """Return the first event that yields row numbers that random sampling does not."""
        indices = _indices(flow, rows, [event])
        odd = (e for e in indices if (v := flow.value(e)) is not None and not self._is_drawn(v))
        return next(odd, max(indices, default=event))

    def _is_drawn(self, numbers: Array) -> bool:
        return len(np.unique(numbers)) > numbers.size // 2 and not np.array_equal(
            np.diff(numbers), np.ones(numbers.size - 1)
        )

    def _is_beyond(self, flow: Flow, event: int) -> bool:
        value = flow.value(event)
        return value is not None and value.max() >= len(self.X)

    def _size(self, flow: Flow, event: int) -> int:
        return 0 if (value := flow.value(event)) is None else value.size

    def _counted(self, flow: Flow, rows: TracedStatements, event: int, size: int) -> int:
        """Return the event that counted a wrong number of rows, where `event` is the batch."""
        while size > 1 and size != len(self.X):
            before = [s for s in flow.sources[event] if not _is_header(rows[flow.rows[s]]) and _counts(flow, s, size)]
            if not before:
                break
            event = max(before)
        return self._looped(flow, rows, event) if size == 0 else event

    def _looped(self, flow: Flow, rows: TracedStatements, event: int) -> int:
        """Return the loop around an event without rows, or what counts its rounds, if all batches were drawn before."""
        loops = [s for s in flow.sources[event] if (row := rows[flow.rows[s]]) is not None and row.kind == "for"]
        order = set(flow.sources[event]).difference(loops)
        drawn = [e for e, r in enumerate(flow.rows) if r == flow.rows[event] and order.issubset(flow.sources[e])]
        if not loops or drawn.index(event) < min(self._rounds):
            return event
        return _counting(flow, rows, max(loops), len(drawn), self._known)


def _loops_around(flow: Flow, rows: TracedStatements, parent: int) -> list[list[int]]:
    """Return the events of each loop around the statements of a block, the innermost first."""
    found: list[list[int]] = []
    last = len(rows)
    while 0 <= parent < last and (row := rows[parent]) is not None:  # what is around a statement comes before it
        events = [e for e, r in enumerate(flow.rows) if r == parent] if row.kind in ("for", "while") else []
        if events:
            found.append(events)
        last, parent = parent, row.parent
    return found


def _counting(flow: Flow, rows: TracedStatements, loop: int, made: int, right: Set[int]) -> int:
    """Return the event that computes a loop's number of rounds, or that returns what it goes through; the loop's own
    event if there is none.

    Args:
        flow, rows: The call.
        loop: An event of the loop.
        made: Number of rounds that were made; fewer than were to be made where the call is too long to be followed.
        right: Numbers that are right, for the rounds or for something else.
    """
    header = flow.rows[loop]
    if (row := rows[header]) is not None and row.kind == "while":
        changes = [e for e, r in enumerate(flow.rows) if (of := rows[r]) and of.parent == header and _changes(of, row)]
        return max(changes, default=loop)
    every = {s for e, r in enumerate(flow.rows) if r == header for s in flow.sources[e]}
    sources = [
        s for s in every if (row := rows[flow.rows[s]]) is not None and not row.is_header and row.parent != header
    ]
    if not sources and (listed := _listed_at(flow, rows, loop)) != loop:  # a loop through an item of a list
        sources = [s for s in flow.sources[listed] if not _is_header(rows[flow.rows[s]])]
    returned = [s for s in sources if (row := rows[flow.rows[s]]) is not None and row.kind == "return"]
    if returned and (around := _loops_around(flow, rows, _parent(rows, flow.rows[max(returned)]))):  # a generator
        return _counting(flow, rows, around[0][-1], made, right)
    numbers = {s: int(n[0]) for s in sources if (n := flow.value(s)) is not None and n.size == 1 and np.isfinite(n[0])}
    wrong = {n for n in numbers.values() if n not in right} if len(sources) == 1 else set()
    counts = [s for s, n in numbers.items() if n == made or (n in wrong and (n > made or (n > 0 and made % n == 0)))]
    return _unknown_count(flow, rows, max(counts), right) if counts else max(returned, default=loop)


def _changes(row: TracedStatement, loop: TracedStatement) -> bool:
    """Return whether a statement assigns a variable that the loop's condition reads."""
    return row.kind in ("assign", "augmented") and not set(row.writes).isdisjoint(loop.reads)


def _unknown_count(flow: Flow, rows: TracedStatements, event: int, right: Set[int]) -> int:
    """Return the event that computed the wrong number which a count is computed from, or the count's own event."""
    for source in sorted(flow.sources[event], reverse=True):
        row, value = rows[flow.rows[source]], flow.value(source)
        computed = row is not None and not row.is_header and row.reads and row.form in ("operation", "call", "other")
        if computed and value is not None and value.size == 1 and np.isfinite(value[0]) and int(value[0]) not in right:
            return source
    return event


def _parent(rows: TracedStatements, number: int) -> int:
    row = rows[number]
    return -1 if row is None else row.parent


def _indices(flow: Flow, rows: TracedStatements, events: Iterable[int], size: int | None = None) -> list[int]:
    """Return the events upstream of these that yield several integers, or exactly `size` of them."""

    def yields(event: int) -> bool:
        whole = (value.size for floating, value in flow.values.get(event, ()) if not floating)
        return any(n > 1 if size is None else n == size for n in whole)

    return [e for e in sorted(upstream(flow, events)) if not _is_header(rows[flow.rows[e]]) and yields(e)]


def _counts(flow: Flow, event: int, size: int) -> bool:
    """Return whether the event's value is the number `size`, or has that many items."""
    whole = (value for floating, value in flow.values.get(event, ()) if not floating)
    return any(v.size == size or (v.size == 1 and v[0] == size) for v in whole)


@dataclass(frozen=True)
class FollowedCall:
    """A call that is repeated under tracing to find the line of a failed check."""

    make: Callable[[Student], Answer]
    right: Callable[[Any], Mapping[str, Any]]
    """Truth → what a right solution computes on the way: numbers and arrays by name."""
    roles: tuple[str, ...] = ()
    """Names with a fixed meaning: a variable or entry `W1` belongs to a right value with W1 in its name."""
    sizes: tuple[str, ...] = ()
    """Names with a fixed meaning for integers; arrays may have these names for something else."""
    batches: Batches | None = None
    """Of a training."""
    random: bool = False
    """Its values are drawn at random, so that only their shapes can be right."""


@dataclass(frozen=True)
class Target:
    """The outputs of a followed call that a check is about."""

    call: FollowedCall
    outputs: Mapping[str, str]
    """ "[1]['W1']" of the answer, or "self.params['W1']" after the call → the name of what it must be."""
    replaced: bool = False
    """The check replaces outputs of another size by right ones, unless one is missing."""


@dataclass(frozen=True)
class TracedStatement:
    """A statement, as the sandbox describes it."""

    place: Place
    end: int
    kind: str
    form: str
    parent: int
    """The row of the `if` or loop around it."""
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    calls: tuple[str, ...]
    function: str = ""
    """The function that it is in, after the names of what that is in."""

    @property
    def is_header(self) -> bool:
        return self.kind in ("if", "for", "while", "with")


TracedStatements = Sequence[TracedStatement | None]
"""All statements of a submission; None for one that is not as expected."""


@dataclass(frozen=True)
class TracedCall:
    """A call of one of the student's functions, with the events that gave its parameters numbers."""

    function: str
    arguments: Mapping[str, int]


@dataclass(frozen=True)
class Flow:
    """One call: its events (executions of rows) in order, what each has read, and what it has computed."""

    rows: Sequence[int]
    sources: Sequence[Sequence[int]]
    values: Mapping[int, Sequence[tuple[bool, Array]]] = field(default_factory=dict)
    """Event → its values, each flat, and whether it is of floating point."""
    outputs: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Part of the answer, or attribute → the events that it comes from."""
    results: Mapping[str, Array] = field(default_factory=dict)
    """Its value in the end."""
    calls: Sequence[TracedCall] = ()
    """In order."""
    shapes: Mapping[int, Sequence[tuple[int, ...]]] = field(default_factory=dict)
    """Event → the shapes of its values."""
    names: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """Event → strings in the list or tuple that it has made."""
    is_whole: bool = True
    """False if the call has more events, calls or values than are noted."""

    def value(self, event: int) -> Array | None:
        """Return the first of an event's values, or None."""
        return next((value for _, value in self.values.get(event, ())), None)


# ── what comes from inside ───────────────────────────────────────────────────────────────────────────


def rows_of(answer: Answer, submission: Submission) -> list[TracedStatement | None]:
    """Return the statements; None for one that is not in the submission or not of the expected shape."""
    files = _texts(submission)
    listed = answer.value if isinstance(answer.value, list) else []
    return [_row(one, files) for one in listed[:MAX_ROWS]]


def _row(one: Any, files: Mapping[str, Any]) -> TracedStatement | None:
    match one:
        case [
            str(file),
            int(line),
            int(end),
            str(function),
            str(kind),
            str(form),
            list(),
            list(),
            list(),
            _,
            int(parent),
        ]:
            if file not in files or not 0 < line <= end < 1 << 31:
                return None
            reads, writes, calls = (tuple(str(name)[:100] for name in names[:50]) for names in one[6:9])
            return TracedStatement(
                Place(file, line), end, kind[:20], form[:20], parent, reads, writes, calls, function[:100]
            )
    return None


def flow_of(answer: Answer, rows: int) -> Flow | None:
    """Return the call's data flow, or None if it is not of the expected shape."""
    facts = answer.value
    if not isinstance(facts, dict):
        return None
    events = _ints(facts.get("rows"), MAX_EVENTS, rows)
    if events is None:
        return None
    starts, ends = (_ints(facts.get(name), MAX_SOURCES, len(events)) for name in ("starts", "ends"))
    valued = _ints(facts.get("valued"), MAX_VALUES, len(events))
    sizes = _ints(facts.get("sizes"), MAX_VALUES, MAX_NUMBERS)
    kinds = _ints(facts.get("kinds"), MAX_VALUES, 2)
    numbers, outputs = facts.get("numbers"), facts.get("outputs")
    if starts is None or ends is None or valued is None or sizes is None or kinds is None:
        return None
    if not isinstance(numbers, np.ndarray) or numbers.dtype != np.float64 or not isinstance(outputs, dict):
        return None
    if len(starts) != len(ends) or not len(valued) == len(sizes) == len(kinds) or sum(sizes) != numbers.size:
        return None
    if any(start >= end for start, end in zip(starts, ends, strict=True)) or numbers.size > MAX_NUMBERS:
        return None
    sources: list[list[int]] = [[] for _ in events]
    for start, end in zip(starts, ends, strict=True):
        sources[end].append(start)
    values: dict[int, list[tuple[bool, Array]]] = {}
    shapes: dict[int, list[tuple[int, ...]]] = {}
    lying = _shapes(facts.get("shapes"), sizes)
    for event, kind, shape, value in zip(
        valued, kinds, lying, np.split(numbers, np.cumsum(sizes)[:-1]), strict=bool(valued)
    ):
        values.setdefault(event, []).append((bool(kind) or not np.isfinite(value).all(), value))
        shapes.setdefault(event, []).append(shape)
    named = {name: _ints(found, MAX_EVENTS, len(events)) or [] for name, found in list(outputs.items())[:MAX_OUTPUTS]}
    calls = _calls(facts.get("calls"), len(events))
    strings = _strings(facts.get("names"), len(events))
    results, is_whole = _results(facts.get("results")), facts.get("is_whole") is True
    return Flow(events, sources, values, named, results, calls, shapes, strings, is_whole)


def _shapes(value: Any, sizes: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the shapes of values of these sizes; a flat one for each that is not in the expected form."""
    numbers = _ints(value, MAX_SHAPES, MAX_NUMBERS + 1) or []
    found: list[tuple[int, ...]] = []
    at = 0
    for size in sizes:
        end = at + 1 + (numbers[at] if at < len(numbers) else 0)
        shape = tuple(numbers[at + 1 : end])
        found.append(shape if math.prod(shape) == size else (size,))
        at = end
    return found


def _strings(listed: Any, events: int) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for one in listed[:MAX_CALLS] if isinstance(listed, list) else ():
        match one:
            case [int(event), list(names)] if 0 <= event < events:
                found[event] = [name for name in names[:100] if isinstance(name, str)]
    return found


def _calls(listed: Any, events: int) -> list[TracedCall]:
    found: list[TracedCall] = []
    for one in listed[:MAX_CALLS] if isinstance(listed, list) else ():
        match one:
            case [str(name), list(given)] if all(_is_argument(a, events) for a in given):
                found.append(TracedCall(name, dict(given)))
    return found


def _is_argument(given: Any, events: int) -> bool:
    match given:
        case [str(), int(event)]:
            return 0 <= event < events
    return False


def with_arguments(flow: Flow, rows: TracedStatements) -> tuple[Flow, list[TracedStatement | None]]:
    """Return the flow and the statements, with a statement of its own for each argument of a call."""
    events, known = list(flow.rows), list(rows)
    for call in flow.calls:
        for parameter, event in call.arguments.items():
            if (row := rows[flow.rows[event]]) is not None:
                known.append(replace(row, kind=ARGUMENT, form="name", writes=(parameter,)))
                events[event] = len(known) - 1
    return replace(flow, rows=events), known


def _results(named: Any) -> dict[str, Array]:
    found = list(named.items())[:MAX_OUTPUTS] if isinstance(named, dict) else []
    return {n: v for n, v in found if isinstance(v, np.ndarray) and v.dtype == float and v.size <= MAX_NUMBERS}


def _ints(value: Any, most: int, below: int) -> list[int] | None:
    """Return at most `most` integers from 0 to below `below`, or None."""
    if not isinstance(value, np.ndarray) or value.ndim != 1 or value.dtype.kind != "i" or value.size > most:
        return None
    if value.size and not 0 <= value.min() <= value.max() < below:
        return None
    return [int(v) for v in value]


# ── which values are right ───────────────────────────────────────────────────────────────────────────


class RightValues:
    """Values that right solutions compute, recognised however they lie: transposed, as a column, or one row."""

    def __init__(
        self, named: Mapping[str, Any], roles: Sequence[str] = (), sizes: Sequence[str] = (), *, random: bool = False
    ) -> None:
        self._words = {word for name in named for word in name.replace(":", " ").split()}
        self._roles, self._of_sizes = self._words.intersection(roles), frozenset(sizes)
        self.random = random
        self.meant = {_meant(name) for name in named if MISAPPLIED in name}
        """Names of the values that right functions are meant to be given."""
        self.names_of_events: dict[tuple[int, int], set[str]] = {}
        self.first_events: dict[int, dict[str, int]] = {}
        """By flow, what has been looked up. The values belong to one call."""
        self._shapes = {name: _squeezed(np.shape(value)) for name, value in named.items()}
        self._places = {name: place for place, name in enumerate(named)}
        self._marks: dict[int, list[tuple[float, float, str, Array]]] = {}
        """Size → fingerprint, norm, name and value, in the order of the fingerprints."""
        self._sorted: dict[int, Array] = {}
        self._elements = np.zeros(0)
        """Of all arrays, in order: a function may compute one at a time."""
        self._integers: set[int] = {0, 1}
        self._sizes: set[int] = set()
        self.compared = 0
        """How many values have been compared in full."""
        left = MAX_RIGHT
        for name, value in named.items():
            distinct = {one.tobytes(): one for one in _shown_as(np.asarray(value))}  # examples may be alike
            for one in distinct.values():
                left -= 1
                if left >= 0:
                    self._add(name, one)
        arrays = (np.ravel(v) for n, v in named.items() if not _is_under_another_condition(n) and np.ndim(v))
        if not random and (computed := [a for a in arrays if a.dtype == float]):
            self._elements = np.unique(np.concatenate(computed))
        for size, marks in self._marks.items():
            marks.sort(key=lambda mark: mark[0])
            self._sorted[size] = np.array([mark[0] for mark in marks])

    def _add(self, name: str, value: Array) -> None:
        self._sizes.add(value.size)
        if value.size == 1 and float(value[0]).is_integer():
            self._integers.add(int(value[0]))
        flat = value.astype(np.float64)
        if np.isfinite(flat).all():
            self._marks.setdefault(flat.size, []).append((_mark(flat), float(np.linalg.norm(flat)), name, flat))

    def names(self, value: Array) -> set[str]:
        """Names of the right values that this one is; where values are random, of those that have its size, or its
        shape if it is not flat."""
        if self.random:
            alike = self.has_size_of if value.ndim < 2 else self.is_named
            return {name for name in self._shapes if value.size > 1 and alike(value, name)}
        if value.size not in self._sorted or not np.isfinite(value).all():
            return set()
        mark, norm = _mark(value), float(np.linalg.norm(value))
        room = SAME * norm
        first, last = np.searchsorted(self._sorted[value.size], (mark - room, mark + room))
        found: set[str] = set()
        for _, its_norm, name, right in self._marks[value.size][first : min(int(last), int(first) + 50)]:
            self.compared += 1
            if float(np.linalg.norm(value - right)) <= SAME * its_norm:
                found.add(name)
        return {name for name in found if MISAPPLIED not in name} or found

    def has_elements(self, value: Array) -> bool:
        """Return whether right arrays have all of these numbers, and none has this size."""
        if self.random or not len(self._elements) or value.size == 0 or not np.isfinite(value).all():
            return False
        at = np.searchsorted(self._elements, value)
        near = np.stack([self._elements[np.clip(at - one, 0, len(self._elements) - 1)] for one in (0, 1)])
        found = np.abs(near - value) <= ELEMENT_SAME * np.abs(value)
        return (value.size == 1 or value.size not in self._sizes) and bool(found.any(axis=0).all())

    def has_entries(self, value: Array, at: Array) -> bool:
        """Return whether a right value has the same entries there."""
        for _, _, name, right in self._marks.get(value.size, ())[:MOST_COMPARED]:
            self.compared += 1
            near = np.abs(value[at] - right[at]).max() <= SAME * max(np.abs(right[at]).max(), SAME)
            if near and not _is_under_another_condition(name):
                return True
        return False

    def is_of_another(self, row: TracedStatement, names: set[str], *, size: bool = False) -> bool:
        """Return whether a right value, or a size, goes to a variable or entry that means something else."""
        roles = self.roles_of(row.writes, size=size) if len(row.writes) == 1 else ()
        return bool(roles) and not any(role in name.replace(":", " ").split() for role in roles for name in names)

    def roles_of(self, paths: Iterable[str], *, size: bool = False) -> set[str]:
        """Return what variables and entries mean by their names."""
        known = self._roles | self._of_sizes if size else self._roles
        return {role for role in map(_role, paths) if role in known}

    def is_named(self, value: Array, name: str) -> bool:
        """Return whether it is the right value of that name, or has its shape where values are random."""
        if self.random:
            return _squeezed(value.shape) == self._shapes[name]
        return name in self.names(value.ravel())

    def is_unknown(self, path: str) -> bool:
        """Return whether an entry has a key that is in no name of a right value."""
        return bool(self._words) and _role(path) not in self._words

    def comes_before(self, name: str, other: str) -> bool:
        """Return whether a right value that functions are meant to be given is computed before another one."""
        return name in self.meant and self._places[name] < self._places.get(other, 0)

    def has_size_of(self, value: Array, name: str) -> bool:
        return value.size == math.prod(self._shapes[name])

    def has_zeros(self, size: int) -> bool:
        """Return whether a right value of this size is zero."""
        return any(norm == 0 for _, norm, _, _ in self._marks.get(size, ()))

    def sizes_of(self, role: str) -> set[int]:
        """Return the sizes of the right values that are called so, in any iteration."""
        return {math.prod(shape) for name, shape in self._shapes.items() if name.rpartition(":")[2] == role}

    def has_integer(self, value: int) -> bool:
        return value in self._integers

    def has_size(self, size: int) -> bool:
        return size in self._sizes


def _is_under_another_condition(name: str) -> bool:
    return any(prefix in name for prefix in (OTHER, MISAPPLIED, PARTIAL))


def _squeezed(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the shape without axes of length 1; a matrix keeps both its lengths."""
    return tuple(shape) if len(shape) == 2 and 1 not in shape else tuple(n for n in shape if n != 1)


def _role(path: str) -> str:
    """Return the name in a path: `W1` for the variable W1 and for grads['W1']."""
    return path.rpartition("[")[2].strip("]'") if path.endswith("']") else path


def _shown_as(value: Array) -> Iterable[Array]:
    yield value.ravel()
    if value.ndim >= 2:
        yield np.swapaxes(value, -1, -2).ravel()
        for part in value:
            yield from _shown_as(part)


def _mark(value: Array) -> float:
    """Return the projection on a fixed direction, so that close values have close marks."""
    direction = _DIRECTIONS.get(value.size)
    if direction is None:
        drawn = np.random.default_rng(value.size).normal(size=value.size)
        direction = _DIRECTIONS.setdefault(value.size, drawn / np.linalg.norm(drawn))
    with np.errstate(all="ignore"):
        return float(value @ direction)


_DIRECTIONS: dict[int, Array] = {}


# ── which statement it is ────────────────────────────────────────────────────────────────────────────


def _meant(name: str) -> str:
    """Return the name of the value that a misapplied function is meant to be given."""
    iteration, _, application = name.partition(MISAPPLIED)
    return iteration + application.partition(": ")[0].partition(_WANTS)[2]


RIGHT, REPEATED, ODD, PART, SILENT = "right", "repeated", "odd", "part", "silent"
"""States of an event's value: right solutions compute it; an operation that should have changed it did not; right
solutions do not compute it; what was written to some of its entries is right; or it tells nothing."""


def states(flow: Flow, rows: TracedStatements, right: RightValues) -> list[str]:
    """Return the state of each event."""
    found = [_state(flow.values.get(e, ()), flow.shapes.get(e, ()), rows[r], right) for e, r in enumerate(flow.rows)]
    roles = _roles_of_variables(rows, right)
    for event, state in enumerate(found):
        row, values = rows[flow.rows[event]], flow.values.get(event, ())
        written = row.writes if row is not None and row.reads else ()
        if state == SILENT and _cancels(flow, rows, event, right):
            found[event] = ODD
        if state == SILENT and any(w in roles and _cannot_become(values, roles[w], right) for w in written):
            found[event] = ODD
        if found[event] == ODD and _writes_right(flow, rows, event, right):
            found[event] = PART
    for event, state in enumerate(found):
        if state == RIGHT and _repeats(flow, rows, event):
            found[event] = REPEATED
        elif state == RIGHT and any(
            found[t] == ODD for s in flow.sources[event] if _is_zero(flow, s) for t in flow.sources[s]
        ):
            found[event] = ODD  # right values and nothing added to them, which something should have been
    return found


def _writes_right(flow: Flow, rows: TracedStatements, event: int, right: RightValues) -> bool:
    """Return whether an assignment to some entries of an array writes right values, whatever the other entries are."""
    before = _container_before(flow, rows, event)
    value = flow.value(event)
    if before is None or value is None:
        return False
    row, old = rows[flow.rows[event]], flow.value(before)
    if row is not None and row.kind == "call":  # what has been appended
        whole = float(value[-1]).is_integer() and right.has_integer(int(value[-1]))
        return value.size == (0 if old is None else old.size) + 1 and (whole or right.has_elements(value[-1:]))
    old = np.full(value.size, np.nan) if old is None else old
    if old.size != value.size:
        return False
    written = ~((value == old) | (np.isnan(value) & np.isnan(old)))
    return bool(written.any()) and right.has_entries(value, written)


def _container_before(flow: Flow, rows: TracedStatements, event: int) -> int | None:
    """Return the event before this one that changed the array or list to which it writes some entries, or that made
    it."""
    row = rows[flow.rows[event]]
    if row is None or len(row.writes) != 1 or row.kind not in ("assign", "call"):
        return None
    path = row.writes[0]
    array = path if row.kind == "call" else path.rpartition("[")[0]
    if not array or (row.kind == "assign" and path.endswith("']")):
        return None
    before = ((s, rows[flow.rows[s]]) for s in flow.sources[event])
    same = (
        s
        for s, of in before
        if of is not None and any(w in (array, path) or w.startswith(f"{array}[") for w in of.writes)
    )
    return max(same, default=None)


def _cancels(flow: Flow, rows: TracedStatements, event: int, right: RightValues) -> bool:
    """Return whether an operation yields nothing but zeros from something of the same size, which is never right."""
    row = rows[flow.rows[event]]
    zeros = [v for floating, v in flow.values.get(event, ()) if floating and v.size > 1 and not v.any()]
    if not zeros or row is None or not _is_operation(row) or right.has_zeros(zeros[0].size):
        return False
    before = (v for s in flow.sources[event] for floating, v in flow.values.get(s, ()) if floating)
    return any(v.size == zeros[0].size and bool(v.any()) for v in before)


def _roles_of_variables(rows: Iterable[TracedStatement | None], right: RightValues) -> dict[str, str]:
    """Return the variables that only one entry with a role is made of: `d` of `grads['W1'] = d / N` has the role W1."""
    found: dict[str, set[str]] = {}
    for row in rows:
        entries = [path for path in row.writes if path.endswith("']")] if row is not None else []
        for path in row.reads if row is not None else ():
            found.setdefault(path, set()).update(right.roles_of(entries))
    return {path: next(iter(roles)) for path, roles in found.items() if len(roles) == 1}


def _cannot_become(values: Sequence[tuple[bool, Array]], role: str, right: RightValues) -> bool:
    """Return whether it is an array of zeros to add to that has not the size of its role, or a shape in place of it."""
    if len(values) == 1:
        value = values[0][1]
        sizes = right.sizes_of(role)
        return value.size > 1 and not value.any() and bool(sizes) and value.size not in sizes
    return len(values) > 1 and not any(floating for floating, _ in values)


def _is_operation(row: TracedStatement) -> bool:
    return row.form == "operation" and row.kind != "augmented"


def _is_zero(flow: Flow, event: int) -> bool:
    return any(value.size and not value.any() for _, value in flow.values.get(event, ()))


def _repeats(flow: Flow, rows: TracedStatements, event: int) -> bool:
    """Return whether an operation's value is one that it was given or that was there before, or writing to some entries
    has changed none: something of it is missing."""
    row, value = rows[flow.rows[event]], flow.value(event)
    if row is None or value is None:
        return False
    if not (_is_operation(row) or any(path.endswith("[…]") for path in row.writes)):
        return False
    changes = row.kind == "assign" and value.size > 1 and not set(row.writes).isdisjoint(row.reads)
    events = (e for e in flow.values if e < event) if changes else flow.sources[event]
    before = (v for e in events for _, v in flow.values.get(e, ()))
    return any(v.size == value.size and bool(np.array_equal(v, value)) for v in before)


def _state(
    values: Sequence[tuple[bool, Array]],
    shapes: Sequence[tuple[int, ...]],
    row: TracedStatement | None,
    right: RightValues,
) -> str:
    if not values or row is None or row.is_header:
        return SILENT
    if right.random and shapes:
        values = [(floating, value.reshape(shape)) for (floating, value), shape in zip(values, shapes, strict=True)]
    found = {_state_of(floating, value, row, right) for floating, value in values}
    return next(state for state in (ODD, RIGHT, SILENT) if state in found)


def _state_of(floating: bool, value: Array, row: TracedStatement, right: RightValues) -> str:
    """Return the state of one value. Right zeros, labels, counts and shares tell nothing: wrong code computes them
    too."""
    if right.random:
        if value.size == 1:
            if right.roles_of(row.writes) and len(row.writes) == 1:
                return ODD
            return RIGHT if floating or right.has_integer(int(value.ravel()[0])) else ODD
        names = right.names(value)
        return RIGHT if names and not right.is_of_another(row, names) else ODD
    if row.reads and value.size > 1 and not value.any() and not right.has_size(value.size):
        return ODD
    if not row.reads or (value.size and not value.any()):
        return SILENT
    return _state_of_number(floating, value, row, right)


def _state_of_number(floating: bool, value: Array, row: TracedStatement, right: RightValues) -> str:
    if names := right.names(value):
        size = not floating and value.size == 1
        whole = floating and value.size == 1 and float(value[0]).is_integer() and value[0] > 1
        if _all_begin(names, OTHER) and not floating:  # a mask, which may choose what is right
            return SILENT
        if _all_begin(names, OTHER) or _all_begin(names, MISAPPLIED) or right.is_of_another(row, names, size=size):
            return ODD
        if whole:  # 2.0 where a number of things is wanted
            return ODD
        return SILENT if _is_simple(value) else RIGHT
    if floating or value.size == 0:
        return _state_of_elements(value, row, right)
    known = right.has_integer(int(value[0])) if value.size == 1 else right.has_size(value.size)
    return SILENT if known else ODD


def _state_of_elements(value: Array, row: TracedStatement, right: RightValues) -> str:
    """Return the state of numbers that are no right value together, such as one entry or those under a mask."""
    if right.roles_of(row.writes) or not right.has_elements(value):
        return ODD
    if _is_simple(value):
        return SILENT if value.size == 1 else ODD
    return RIGHT


def _all_begin(names: Set[str], prefix: str) -> bool:
    """Return whether all names have the prefix, after the number of an iteration if there is one."""
    return bool(names) and all(prefix in name for name in names)


def _is_simple(value: Array) -> bool:
    """Return whether all numbers are fractions with the same small denominator."""
    multiples = value[:, None] * np.arange(1, 61) if value.size <= 100 else value[:, None]
    return bool(np.any(np.all(np.abs(multiples - np.round(multiples)) < 1e-9, axis=0)))


def upstream(flow: Flow, events: Iterable[int], stop: Callable[[int], bool] = lambda _event: False) -> set[int]:
    """Return events and everything that flowed into them, without those at which it stops."""
    reached = {e for e in events if not stop(e)}
    for event in range(max(reached, default=-1), -1, -1):  # a source is always earlier
        if event in reached:
            reached.update(s for s in flow.sources[event] if not stop(s))
    return reached


def vindicate(flow: Flow, rows: TracedStatements, state: Sequence[str]) -> set[int]:
    """Return the events that are right or that right ones come from. An unknown value may lead to a right one by
    chance, so most of what comes from it must be right."""
    vindicated: set[int] = set()
    votes: list[dict[int, bool]] = [{} for _ in flow.rows]
    for event in range(len(flow.rows) - 1, -1, -1):  # what comes from it is always later
        for_it = sum(votes[event].values())
        silent = state[event] == SILENT and event not in flow.values
        if state[event] == RIGHT or (for_it and (silent or (state[event] == ODD and 2 * for_it >= len(votes[event])))):
            vindicated.add(event)
        if event in vindicated or state[event] in (ODD, PART):
            for source in flow.sources[event]:
                row, is_right = flow.rows[event], event in vindicated
                if state[event] == PART:
                    is_right = is_right or source != _container_before(flow, rows, event)
                votes[source][row] = votes[source].get(row, True) and is_right
    return vindicated


def suspects(
    flow: Flow, rows: TracedStatements, state: Sequence[str], wrong: Sequence[str], right: RightValues
) -> list[int]:
    """Return the events that get right values and compute a wrong one, the likeliest first.

    Args:
        flow, rows: The call.
        state: State of each event.
        wrong: Names of the outputs that are wrong. Right outputs vindicate what they come from.
        right: The right values.

    Returns:
        The events.
    """
    last = {max(flow.outputs[name]) for name in wrong if flow.outputs.get(name)}
    state = [ODD if e in last else s for e, s in enumerate(state)]
    vindicated = vindicate(flow, rows, state) - last
    ways = [upstream(flow, flow.outputs.get(name, ()), lambda e: e in vindicated) for name in wrong]
    missing = [name for name, way in zip(wrong, ways, strict=True) if not way]
    unlisted = _unlisted(flow, missing)
    if unlisted:
        return unlisted
    if missing and len(missing) == len(wrong):
        return _of_missing(flow, rows, missing, right)
    odd_before: set[int] = set()
    first: list[int] = []
    for event in sorted(set().union(*ways)):
        if any(s in odd_before for s in flow.sources[event]):
            odd_before.add(event)
        elif state[event] in (ODD, REPEATED):
            odd_before.add(event)
            first.append(event)
    ranked = sorted(first, key=lambda e: (-sum(e in way for way in ways), e))
    ranked = [_unknown_before(flow, rows, e, right) for e in ranked]
    raised = flow.outputs.get(RAISED, ())
    ranked = [_number_before(flow, rows, e) if e in raised else e for e in ranked]
    kept = {e for e in ranked if e in raised or e in flow.outputs.get(OPERANDS, ()) or _misnamed(flow, rows, e, right)}
    made = (e if e in kept else _made_at(flow, rows, e, vindicated) for e in ranked)
    chosen = (event if event in raised else _chosen_at(flow, rows, event, right) for event in made)
    return [_given_at(flow, rows, event, right) for event in itertools.islice(chosen, MOST_SUSPECTS)]


def _given_at(flow: Flow, rows: TracedStatements, event: int, right: RightValues) -> int:
    """Return the event that gave a wrong argument to a function that is right, or the event itself. Where the argument
    that it is meant to be given was never computed, the one that was given is unfinished."""
    names = next((n for _, v in flow.values.get(event, ()) if _all_begin(n := right.names(v), MISAPPLIED)), None)
    if names is None:
        return event
    if any(name.endswith(AT_ANOTHER_TIME) for name in names):
        return _last_change(flow, rows, event)
    if (unfinished := _unfinished(flow, rows, event, names, right)) is not None:
        return unfinished
    wanted = {_meant(name) for name in names if _meant(name) != name.partition(": ")[2]}
    available = any(_first_event(flow, name, right) < event for name in wanted)
    given = {name.partition(MISAPPLIED)[0] + name.partition(": ")[2] for name in names}
    while sources := [s for s in flow.sources[event] if not _names(flow, s, right).isdisjoint(given)]:
        source = max(sources)
        row, of = rows[flow.rows[event]], rows[flow.rows[source]]
        alias = (
            of is not None and of.kind == "assign" and of.form == "name" and row is not None and row.kind != ARGUMENT
        )
        if of is None or of.is_header or (alias and available):
            break
        if alias:  # what it is meant to be is never computed
            return source
        if _has_other_uses(flow, source, event, right) or _computes_right(flow, rows, source, right):
            break
        event = source
        before = [rows[flow.rows[s]] for s in flow.sources[event]]
        renamed = any(b is not None and b.kind == "assign" and b.form == "name" for b in before)
        if of.kind != ARGUMENT or not renamed:
            break
    return event


def _last_change(flow: Flow, rows: TracedStatements, event: int) -> int:
    """Return the event that gave a number at the wrong time: the `if` around the last change, the change, or the event
    itself if there is none."""
    sources = (s for s in flow.sources[event] if (v := flow.value(s)) is not None and v.size == 1)
    changes = [s for s in sources if (row := rows[flow.rows[s]]) is not None and set(row.writes) & set(row.reads)]
    if not changes:
        return _skipped_change(flow, rows, event)
    last = max(changes)
    ifs = [s for s in flow.sources[last] if (row := rows[flow.rows[s]]) is not None and row.kind == "if"]
    return max(ifs, default=last)


def _skipped_change(flow: Flow, rows: TracedStatements, event: int) -> int:
    """Return the event of the `if` that has kept a change of what a statement reads from being made, or the statement's
    own event if there is none."""
    of, run = rows[flow.rows[event]], set(flow.rows)
    read = set(of.reads) if of is not None else set()
    skipped = {row.parent for r, row in enumerate(rows) if r not in run and row and read & {*row.writes} & {*row.reads}}
    return max((e for e, r in enumerate(flow.rows) if r in skipped), default=event)


def _unfinished(flow: Flow, rows: TracedStatements, event: int, names: Iterable[str], right: RightValues) -> int | None:
    """Return the event that computed the argument of a function, where no value before is the one that it wants."""
    if any(_first_event(flow, _meant(name), right) < event for name in names):
        return None
    for name in sorted(names):
        iteration, argument = name.partition(MISAPPLIED)[0], name.partition(": ")[2]
        given = [e for e in sorted(upstream(flow, [event])) if iteration + argument in _names(flow, e, right)]
        if given and (row := rows[flow.rows[given[0]]]) is not None and row.form in ("operation", "call"):
            handed_on = [e for e in given if _hands_on(flow, rows, e)]
            again = _first_event(flow, iteration + argument, right) < given[0]
            if not again and right.comes_before(iteration + argument, _meant(name)):  # what computed it is right
                handed_on = handed_on or [e for e in given if _is_unfinished(flow, rows, e, event, right)] or [event]
            elif again:
                return given[0]
            factor = _factor_before(flow, rows, given[0])
            return factor if factor is not None else max(handed_on, default=_made_at(flow, rows, given[0]))
    return None


def _is_unfinished(flow: Flow, rows: TracedStatements, event: int, use: int, right: RightValues) -> bool:
    """Return whether a statement that has computed a value for this use alone may have left something out."""
    row = rows[flow.rows[event]]
    computes = row is not None and row.form != "path" and (row.kind == "assign" or row.form == "other")
    return computes and not _has_other_uses(flow, event, use, right)


def _hands_on(flow: Flow, rows: TracedStatements, event: int) -> bool:
    """Return whether a statement gives a value another name, or returns a parameter as it is."""
    row = rows[flow.rows[event]]
    if row is None or row.form not in ("name", "path") or any(path.endswith("']") for path in row.writes):
        return False
    sources = (rows[flow.rows[s]] for s in flow.sources[event])
    returns = row.kind == "return" and any(of is not None and of.kind == ARGUMENT for of in sources)
    return returns or (row.kind == "assign" and row.form == "name")


def _factor_before(flow: Flow, rows: TracedStatements, event: int) -> int | None:
    """Return the event of a factor that a function has returned and that is one everywhere, so that it changes nothing;
    None if there is none."""
    returned = (s for s in flow.sources[event] if (of := rows[flow.rows[s]]) is not None and of.kind == "return")
    ones = (s for s in returned if any(v.size and bool((v == 1).all()) for _, v in flow.values.get(s, ())))
    return max(ones, default=None)


def _computes_right(flow: Flow, rows: TracedStatements, event: int, right: RightValues) -> bool:
    """Return whether an operation, such as a @ b or a.dot(b), computes a right value."""
    row, names = rows[flow.rows[event]], _names(flow, event, right)
    sources = (rows[flow.rows[s]] for s in flow.sources[event])
    of_library = row is not None and row.form == "call" and not any(s and s.kind == "return" for s in sources)
    return row is not None and (_is_operation(row) or of_library) and bool(names) and not _all_begin(names, MISAPPLIED)


def _has_other_uses(flow: Flow, event: int, use: int, right: RightValues) -> bool:
    """Return whether other statements compute right values from its value."""
    others = (e for e, sources in enumerate(flow.sources) if event in sources and flow.rows[e] != flow.rows[use])
    return any((names := _names(flow, e, right)) and not _all_begin(names, MISAPPLIED) for e in others)


def _number_before(flow: Flow, rows: TracedStatements, event: int) -> int:
    """Return the event that raised, or the one that gave it a number instead of an array. A number with other uses, or
    one that counts something, is right: it is only read at the wrong place."""
    for source in flow.outputs.get(OPERANDS, ()):
        row, values = rows[flow.rows[source]], flow.values.get(source, ())
        if row is None or row.is_header:
            continue
        if row.kind == ARGUMENT:
            made = _made_at(flow, rows, source)
            if rows[flow.rows[made]] is not row and values and not any(floating for floating, _ in values):
                return made
            continue
        used = any(source in sources for sources in flow.sources[: min(flow.outputs[RAISED])])
        made = _made_at(flow, rows, source) if row.form == "call" else source
        counts = len(values) == 1 and not values[0][0]
        if not used and (not counts or row.form == "name" or made != source):
            return made
    arrays = (s for s in flow.sources[event] if (v := flow.value(s)) is not None and v.size > 1)
    copied = [c for s in arrays if (c := _copied(flow, rows, s)) is not None]
    return max(copied, default=_fraction_before(flow, rows, event))


def _copied(flow: Flow, rows: TracedStatements, event: int) -> int | None:
    """Return the event that gave a value another name before it was handed on to here, where it should have computed
    something; None if there is none."""
    while (row := rows[flow.rows[event]]) is not None and row.form in ("name", "path", "call"):
        if row.kind == "assign" and row.form == "name" and all(path.isidentifier() for path in row.writes):
            return event
        sources = [s for s in flow.sources[event] if not _is_header(rows[flow.rows[s]]) and _carries(flow, s, event)]
        if not sources:
            return None
        event = max(sources)
    return None


def _fraction_before(flow: Flow, rows: TracedStatements, event: int) -> int:
    """Return the event of the number that was computed as a float although it is whole, if there is one; the event
    itself otherwise. It raises where a whole number is needed."""
    for source in sorted(flow.sources[event], reverse=True):
        row, values = rows[flow.rows[source]], flow.values.get(source, ())
        whole = any(floating and v.size == 1 and float(v[0]).is_integer() and v[0] > 0 for floating, v in values)
        if (
            whole
            and row is not None
            and not row.is_header
            and row.kind != ARGUMENT
            and row.form in ("operation", "call")
        ):
            return source
    return event


def _of_later_call(flow: Flow, rows: TracedStatements, event: int) -> int:
    """Return the event that gave the arguments of a call in which a statement raised that an earlier call of the same
    function had passed; the event itself if there is no such call."""
    row = rows[flow.rows[event]]
    name = "" if row is None else row.function.rpartition(".")[2]
    calls = [max(c.arguments.values()) for c in flow.calls if c.function == name and c.arguments]
    before = [e for e, r in enumerate(flow.rows[:event]) if r == flow.rows[event]]
    started = [e for e in calls if e < event]
    return max(started) if started and before and max(before) < max(started) else event


def _unpacked(flow: Flow, rows: TracedStatements, event: int) -> int:
    """Return the event that returned what the statement that raised unpacks, or the `if` around that; the event itself
    if it unpacks nothing."""
    raised = flow.outputs.get(RAISED, ())
    returned = [s for e in raised for s in flow.sources[e] if (row := rows[flow.rows[s]]) and row.kind == "return"]
    if len(raised) < 2 or not returned:
        return event
    around = [s for s in flow.sources[max(returned)] if (row := rows[flow.rows[s]]) is not None and row.kind == "if"]
    return max(around, default=max(returned))


def _zero_before(flow: Flow, rows: TracedStatements, event: int) -> int:
    """Return the event that computed the zero which an operation has added, or multiplied by, so that it changes
    nothing; the event itself if there is none."""
    row, value = rows[flow.rows[event]], flow.value(event)
    if row is None or value is None or event in flow.outputs.get(RAISED, ()):
        return event
    for source in (
        sorted(flow.sources[event], reverse=True) if _repeats(flow, rows, event) or _is_operation(row) else ()
    ):
        of, zero = rows[flow.rows[source]], flow.value(source)
        if of is None or zero is None or not of.reads or zero.any() or zero.size not in (1, value.size):
            continue
        if of.form == "operation" or of.kind == "augmented" or any(path.endswith("[…]") for path in of.writes):
            return source
    return event


def _unknown_before(flow: Flow, rows: TracedStatements, event: int, right: RightValues) -> int:
    """Return the event, or one before it that computed an array of zeros and ones that right solutions do not have:
    such arrays are too simple to be right or wrong by themselves. The opposite of a right one may choose what is
    overwritten. A factor that a function returns is wrong if it is one everywhere and so changes nothing."""
    row = rows[flow.rows[event]]
    if _repeats(flow, rows, event) and (factor := _factor_before(flow, rows, event)) is not None:
        return factor
    if (zero := _zero_before(flow, rows, event)) != event:
        return zero
    for source in flow.sources[event]:
        for floating, value in flow.values.get(source, ()):
            copied = _copied(flow, rows, source) if not floating and value.size == 1 else None
            if copied is not None and not _has_other_uses(flow, source, event, right):
                return copied  # a number of things in place of a sum
            simple = not floating and value.size > 1 and set(np.unique(value)) == {0, 1}
            some = all(v.size != value.size for _, v in flow.values.get(event, ()))
            some = some or _container_before(flow, rows, event) is not None
            chooses = row is not None and (row.form != "operation" or some) and bool(right.names(1 - value))
            if simple and not chooses and not right.names(value):
                return source
    return event


def _chosen_at(flow: Flow, rows: TracedStatements, event: int, right: RightValues) -> int:
    """Return the `if` that chose a value that is right under another condition, the loop of an incomplete sum, or the
    event itself."""
    names = _names(flow, event, right)
    ifs = [s for s in flow.sources[event] if (row := rows[flow.rows[s]]) is not None and row.kind == "if"]
    row = rows[flow.rows[event]]
    counts = row is not None and row.kind == "augmented" and set(row.reads) <= set(row.writes)
    if counts and ifs and row is not None and flow.rows[max(ifs)] == row.parent:
        return max(ifs)
    if constant := [s for s in ifs if not (flow.sources[s] or (row := rows[flow.rows[s]]) is None or row.reads)]:
        return max(constant)
    if _all_begin(names, OTHER):
        return max(ifs) if ifs else _caller_of(flow, rows, event)
    for source in flow.sources[event]:
        found = _names(flow, source, right)
        loops = [s for s in flow.sources[source] if (row := rows[flow.rows[s]]) is not None and row.kind == "for"]
        if loops and _all_begin(found, PARTIAL):
            return max(loops)
    return event


def _caller_of(flow: Flow, rows: TracedStatements, event: int) -> int:
    """Return the event of the call that a value is returned to, or of the `if` around it; the event itself if it is not
    returned."""
    row = rows[flow.rows[event]]
    if row is None or row.kind != "return":
        return event
    uses = [e for e, sources in enumerate(flow.sources) if event in sources]
    calls = [e for e in uses if _carries(flow, event, e)]
    if not uses:
        return event
    use = min(calls or uses)
    ifs = [s for s in flow.sources[use] if (around := rows[flow.rows[s]]) is not None and around.kind == "if"]
    return max(ifs, default=use if calls else event)


def _names(flow: Flow, event: int, right: RightValues) -> set[str]:
    """Return the names of the right values that an event has computed. Each event is looked up once."""
    key = (id(flow), event)
    if key not in right.names_of_events:
        right.names_of_events[key] = {name for _, value in flow.values.get(event, ()) for name in right.names(value)}
    return right.names_of_events[key]


def _first_event(flow: Flow, name: str, right: RightValues) -> int:
    """Return the first event that has computed the right value of a name, or the number of events if none has."""
    if id(flow) not in right.first_events:
        first = right.first_events[id(flow)] = {}
        for event in sorted(flow.values):
            for one in _names(flow, event, right):
                first.setdefault(one, event)
    return right.first_events[id(flow)].get(name, len(flow.rows))


def _misnamed(flow: Flow, rows: TracedStatements, event: int, right: RightValues) -> bool:
    row, names = rows[flow.rows[event]], _names(flow, event, right)
    return row is not None and bool(names) and right.is_of_another(row, names)


def _made_at(flow: Flow, rows: TracedStatements, event: int, vindicated: Set[int] = frozenset()) -> int:
    """Return the event that computed a value that statements and calls only hand on."""
    while (row := rows[flow.rows[event]]) is not None and row.form in ("name", "path", "call"):
        sources = [s for s in flow.sources[event] if not _is_header(rows[flow.rows[s]])]
        sources += [s for h in flow.sources[event] for s in _yielded(flow, rows, h)]
        if row.form == "call":
            sources = [s for s in sources if (of := rows[flow.rows[s]]) is not None and of.kind == "return"]
        if row.kind != "return":
            sources = [
                s
                for s in sources
                if _overwrites(flow, rows, s) or (s not in vindicated and not _is_used(flow, s, event, vindicated))
            ]
        sources = [s for s in sources if flow.rows[s] != flow.rows[event] and _carries(flow, s, event)]
        if not sources:
            break
        event = max(sources)
    return event


def _passed_on(flow: Flow, rows: TracedStatements, event: int) -> int:
    """Return the event behind an argument, or the one whose generator or function yields it."""
    row = rows[flow.rows[event]]
    sources = [s for s in flow.sources[event] if not _is_header(rows[flow.rows[s]])]
    sources += [s for h in flow.sources[event] for s in _yielded(flow, rows, h)]
    sources = [s for s in sources if _carries(flow, s, event)]
    if row is None or not sources or (row.kind != ARGUMENT and row.form != "call"):
        return event
    return _passed_on(flow, rows, max(sources))


def _listed_at(flow: Flow, rows: TracedStatements, event: int) -> int:
    """Return the event that made what loops go through and names hand on."""
    while (row := rows[flow.rows[event]]) is not None and (row.is_header or row.form in ("name", "path")):
        sources = [s for s in flow.sources[event] if (of := rows[flow.rows[s]]) and of.kind not in ("if", "while")]
        if not sources:
            break
        event = max([s for s in sources if not _is_header(rows[flow.rows[s]])] or sources)
    return event


def _overwrites(flow: Flow, rows: TracedStatements, event: int) -> bool:
    """Return whether an assignment replaces what another statement had written there."""
    row = rows[flow.rows[event]]
    if row is None or row.kind != "assign" or not row.writes:
        return False
    before = (rows[r] for r in flow.rows[:event] if r != flow.rows[event])
    return any(of is not None and of.kind == "assign" and of.writes == row.writes for of in before)


def _yielded(flow: Flow, rows: TracedStatements, loop: int) -> list[int]:
    """Return the events of a student's generator that yielded what a loop goes through."""
    row = rows[flow.rows[loop]]
    if row is None or row.kind != "for":
        return []
    return [s for s in flow.sources[loop] if (of := rows[flow.rows[s]]) is not None and of.kind == "return"]


def _is_used(flow: Flow, event: int, use: int, vindicated: Set[int]) -> bool:
    """Return whether other statements that are right read the event's value."""
    others = (e for e, sources in enumerate(flow.sources) if event in sources and flow.rows[e] != flow.rows[use])
    return any(e in vindicated for e in others)


def _carries(flow: Flow, source: int, event: int) -> bool:
    values = [v for _, v in flow.values.get(event, ())]
    values += [v[-1:] for v in values if v.size > 1]  # what has been appended
    return any(np.array_equal(v, one) for _, v in flow.values.get(source, ()) for one in values)


def _of_missing(flow: Flow, rows: TracedStatements, missing: Sequence[str], right: RightValues) -> list[int]:
    """Return the event that writes a missing output under another name; or else the loop that writes other outputs of
    the same kind and leaves this one out, or its body."""
    misnamed = [e for e in range(len(flow.rows)) if _misnamed(flow, rows, e, right)]
    if idle := _without_effect(flow, rows):
        return idle[:1]
    beside = [name for name in _beside(flow, missing) if flow.outputs[name]]
    if misnamed:
        return misnamed[:1]
    if unknown := [max(flow.outputs[name]) for name in beside if right.is_unknown(name)]:
        known = {flow.rows[max(flow.outputs[name])] for name in beside if not right.is_unknown(name)}
        around = [s for s in flow.sources[unknown[0]] if (row := rows[flow.rows[s]]) is not None and row.kind == "for"]
        return [max(around, default=unknown[0]) if flow.rows[unknown[0]] in known else unknown[0]]
    for event in sorted((e for name in beside for e in flow.outputs[name]), reverse=True):
        around = [s for s in flow.sources[event] if (row := rows[flow.rows[s]]) is not None and row.kind == "for"]
        of = rows[flow.rows[event]]
        by_constant_keys = of is not None and any(path.rpartition("[")[2][:1] == "'" for path in of.writes)
        return [event if by_constant_keys else max(around, default=event)]
    answered = flow.outputs.get("", ())
    if answered and not any(name.startswith("self.") for name in missing):  # something else is returned
        around = [s for s in flow.sources[max(answered)] if (row := rows[flow.rows[s]]) and row.kind == "if"]
        return [max(around, default=max(answered))]
    return _idle(flow, rows)[:1] or [len(flow.rows) - 1]


def _without_effect(flow: Flow, rows: TracedStatements) -> list[int]:
    """Return the events of statements that do nothing: `pass`, or an expression whose value is not used."""
    return [e for e, r in enumerate(flow.rows) if (row := rows[r]) is not None and row.kind == "idle"]


def _idle(flow: Flow, rows: TracedStatements) -> list[int]:
    """Return the events of loops that make no round."""
    entered = {row.parent for r in flow.rows if (row := rows[r]) is not None}
    loops = ((e, r) for e, r in enumerate(flow.rows) if (row := rows[r]) is not None and row.kind in ("for", "while"))
    return [e for e, r in loops if r not in entered]


def _beside(flow: Flow, missing: Sequence[str]) -> list[str]:
    """Return the other entries of the containers that miss these."""
    kinds = {name.rpartition("[")[0] for name in missing}
    return [name for name in flow.outputs if name.endswith("]") and name.rpartition("[")[0] in kinds]


def _unlisted(flow: Flow, missing: Sequence[str]) -> list[int]:
    """Return the event that lists keys of other entries and leaves the missing ones out."""
    keys = {name.rpartition("[")[2].strip("]'") for name in missing}
    beside = (event for name in _beside(flow, missing) for event in flow.outputs[name])
    for event in sorted(upstream(flow, beside)) if keys else ():
        if (names := flow.names.get(event)) and not keys.issubset(names) and _are_keys(names, flow.outputs):
            return [event]
    return []


def _are_keys(names: Sequence[str], outputs: Iterable[str]) -> bool:
    """Return whether outputs are entries with such keys."""
    return any(output.endswith(f"[{name!r}]") for name in names for output in outputs)


def _is_header(row: TracedStatement | None) -> bool:
    return row is None or row.is_header


def stated(flow: Flow, rows: TracedStatements, right: RightValues, wrong: Sequence[str], line: Line) -> int | None:
    """Return the last event on the way to the outputs, or the first, whose statement is as a known mistake says."""
    ways = upstream(flow, (e for name in wrong for e in flow.outputs.get(name, ())))
    for event in sorted(ways, reverse=not line.first):
        row = rows[flow.rows[event]]
        if (
            row is None
            or row.kind == ARGUMENT
            or not _fits(row, line)
            or (row.kind == "return" and row.form in ("name", "path"))
        ):
            continue
        named = {name.rpartition(":")[2] for name in _names(flow, event, right)}
        if not line.computes or not named.isdisjoint(line.computes):
            return event
    return None


def _fits(row: TracedStatement, line: Line) -> bool:
    named = ((line.reads, row.reads), (line.writes, row.writes), (line.calls, row.calls))
    if any(wanted and not any(wanted in name for name in names) for wanted, names in named):
        return False
    return not line.kind or row.kind == line.kind


# ── of a submission ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Followed:
    """A call that was followed, beside what is right in it."""

    flow: Flow
    rows: TracedStatements
    right: RightValues
    state: Sequence[str]

    def event(self, target: Target, lines: Sequence[Line]) -> int | None:
        """Return the event that the target's failed check is about, or None."""
        flow, rows, right = self.flow, self.rows, self.right
        wrong = self._wrong(target)
        said = (stated(flow, rows, right, wrong, line) for line in lines)
        event = next((e for e in said if e is not None), None)
        if event is not None or lines:
            if event is not None and any(line.computes for line in lines):
                event = _made_at(flow, rows, event)
            return None if event is None else _zero_before(flow, rows, _given_at(flow, rows, event, right))
        raised = flow.outputs.get(RAISED, ())
        batches = target.call.batches
        if batches is not None and (wrong or raised or not target.outputs):
            event = batches.fault(flow, rows)
        if event is None:
            event = self._beside_empty(target, wrong)
        if event is None and target.outputs:
            event = next(iter(suspects(flow, rows, self.state, [RAISED] if raised else wrong, right)), None)
        if event is not None and event in raised and batches is not None and batches.is_given(flow):
            event = _unpacked(flow, rows, event)  # for its arguments are right
        if event is not None and event in raised:  # what it lacks may have been written under another name
            misnamed = next((e for e in range(len(flow.rows)) if _misnamed(flow, rows, e, right)), None)
            event = _of_later_call(flow, rows, event) if misnamed is None else misnamed
        return event

    def _beside_empty(self, target: Target, wrong: Sequence[str]) -> int | None:
        """Return the event that last changed another output of the same size, where an output stays empty."""
        ends, outputs, right = self.flow.results, self.flow.outputs, self.right
        for name in (n for n in wrong if n in outputs and n not in ends and not self._is_changed(outputs[n])):
            alike = (n for n in target.outputs if n in ends and right.has_size_of(ends[n], target.outputs[name]))
            events = [(e, self.rows[self.flow.rows[e]]) for n in alike for e in outputs[n]]
            if changes := [e for e, row in events if row is not None and row.kind == "call"]:
                return max(_without_effect(self.flow, self.rows) or changes)
        return None

    def _is_changed(self, events: Iterable[int]) -> bool:
        """Return whether calls have changed an output, as `append` does."""
        return any((row := self.rows[self.flow.rows[e]]) is not None and row.kind == "call" for e in events)

    def _wrong(self, target: Target) -> list[str]:
        ends = {name: self.flow.results.get(name) for name in target.outputs}
        if missing := [n for n, end in ends.items() if end is None]:
            return missing  # what is not there is sure to be wrong; other values may follow from another check
        of = target.outputs
        wrong = {n: end for n, end in ends.items() if end is not None and not self.right.is_named(end, of[n])}
        return [n for n, end in wrong.items() if not target.replaced or self.right.has_size_of(end, of[n])]


class Lines:
    """A finder of lines in one submission. It traces each call once, however many checks ask for it."""

    def __init__(self, submission: Submission, student: Student, truth: Any) -> None:
        self._submission, self._student, self._truth = submission, student, truth
        self._rows: list[TracedStatement | None] | None = None
        self._ended = False
        """A call that was followed has ended the session, or was stopped: no other one is made."""
        self._traced: dict[FollowedCall, tuple[Flow, TracedStatements] | None] = {}
        self._followed: dict[tuple[FollowedCall, int], _Followed | None] = {}
        """By call and the truth's id; the diagnosis keeps its truths."""

    def find(self, targets: Sequence[Target], lines: Sequence[Line], truth: Any = None) -> FoundLine | None:
        """Return the line that a failed check is about.

        Args:
            targets: Where to look, the likeliest first.
            lines: Lines that the mistakes of the check state.
            truth: The truth whose values are right; None for the one without mistakes.

        Returns:
            The line and its text, or None if it is not found.
        """
        tried = [(target, lines) for target in targets] + [(target, ()) for target in targets if lines]
        for target, said in tried:
            if (followed := self._follow(target.call, self._truth if truth is None else truth)) is None:
                continue
            event = followed.event(target, said)
            if event is None or not 0 <= event < len(followed.flow.rows):
                continue
            if (row := followed.rows[followed.flow.rows[event]]) is not None:
                return shown(self._submission, row.place)
        return None

    def _follow(self, call: FollowedCall, truth: Any) -> _Followed | None:
        key = call, id(truth)
        if key not in self._followed:
            self._followed[key] = None
            traced = self._trace(call)
            if traced is not None and (values := self._right_values(call, truth)) is not None:
                right = RightValues(values, call.roles, call.sizes, random=call.random)
                self._followed[key] = _Followed(*traced, right, states(*traced, right))
        return self._followed[key]

    def _right_values(self, call: FollowedCall, truth: Any) -> Mapping[str, Any] | None:
        """Return the right intermediate values of a call, or None if there are none under this truth."""
        try:
            return call.right(truth)
        except NotRecorded:  # in a student's pack
            return None
        except Exception:
            if truth is self._truth:
                raise
            return None  # a mistake may leave nothing that can be computed, such as gradients that fit no parameter

    def _trace(self, call: FollowedCall) -> tuple[Flow, TracedStatements] | None:
        if self._rows is None:
            self._student.begin()
            self._rows = rows_of(self._student.structure(), self._submission)
        if call not in self._traced:
            self._traced[call] = None
            if not self._ended:
                self._student.begin()
                answer = call.make(self._student)
                self._ended = isinstance(answer.failure, Died | Stopped)
                if (flow := flow_of(answer, len(self._rows))) is not None:
                    self._traced[call] = with_arguments(flow, self._rows)
        return self._traced[call]


def shown(submission: Submission, place: Place) -> FoundLine | None:
    """Return a place and its line of the submission, or None if there is no such line."""
    text = _texts(submission).get(place.file)
    if text is None:
        return None
    lines: Sequence[bytes | str] = (
        text.split(b"\n", place.line) if isinstance(text, bytes) else text.split("\n", place.line)
    )
    if place.line > len(lines):
        return None
    line = lines[place.line - 1][: 4 * MAX_LINE]
    return place, (line if isinstance(line, str) else line.decode("utf-8", "replace")).strip()[:MAX_LINE]


def _texts(submission: Submission) -> dict[str, bytes | str]:
    files: dict[str, bytes | str] = {n: content for n, content in submission.files.items() if n.endswith(".py")}
    for notebook in submission.notebooks:
        cells = zip(notebook.code_cell_numbers, notebook.code, strict=True)
        files |= {f"{notebook.path} cell {number}": code for number, code in cells}
    return files
