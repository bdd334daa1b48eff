"""Find the event (execution of a statement) that computed a value, and the loops around a statement.

A statement that only names, returns or receives a value, such as `a = b`, did not compute the value.
"""

from __future__ import annotations

from collections.abc import Iterable, Set

import numpy as np

from grader.kit.lines.flow import ARGUMENT, UNKNOWN, Flow


def computed_at(flow: Flow, event: int, exonerated: Set[int] = frozenset()) -> int:
    """Return the event (statement execution) that computed the value of `event`. Statements and calls that only pass
    the value on, such as `a = b`, are skipped.

    Args:
        flow: The data flow of the call.
        event: The event that has the value.
        exonerated: Events that are not at fault. The search stops before values that these events read, which are
            right.
    """
    while (statement := flow.at(event)).form in ("name", "path", "call"):
        sources = flow.data_sources(event) + _yielded(flow, event)
        if statement.form == "call":
            sources = [s for s in sources if flow.at(s).kind == "return"]
        if statement.kind != "return":
            sources = [
                s
                for s in sources
                if _overwrites(flow, s) or (s not in exonerated and exonerated.isdisjoint(flow.uses(s, event)))
            ]
        sources = [s for s in sources if flow.rows[s] != flow.rows[event] and same_value(flow, s, event)]
        if not sources:
            break
        event = max(sources)
    return event


def argument_origin(flow: Flow, event: int) -> int:
    """Return the event (statement execution) that computed an argument's value. It may be in a function or generator
    that returned or yielded the value."""
    statement = flow.at(event)
    sources = [s for s in flow.data_sources(event) + _yielded(flow, event) if same_value(flow, s, event)]
    if not sources or (statement.kind != ARGUMENT and statement.form != "call"):
        return event
    return argument_origin(flow, max(sources))


def iterable_origin(flow: Flow, event: int) -> int:
    """Return the event (statement execution) that computed the iterable of a loop. Statements that only rename the
    iterable are skipped."""
    while (statement := flow.at(event)) is not UNKNOWN and (statement.is_header or statement.form in ("name", "path")):
        sources = [s for s in flow.sources[event] if flow.at(s).kind not in ("if", "while", "unknown")]
        if not sources:
            break
        event = max([s for s in sources if not flow.at(s).is_header] or sources)
    return event


def alias_before(flow: Flow, event: int) -> int | None:
    """Return the event (execution) of a statement such as `a = b` from which `event` got its value; None if there is
    none.

    If the value is wrong, a computation is missing in this statement.
    """
    while (statement := flow.at(event)).form in ("name", "path", "call"):
        if statement.is_alias and all(path.isidentifier() for path in statement.writes):
            return event
        sources = [s for s in flow.data_sources(event) if same_value(flow, s, event)]
        if not sources:
            return None
        event = max(sources)
    return None


def same_value(flow: Flow, source: int, event: int) -> bool:
    """Return whether `event` has the value of `source`, or a list that ends with this value, as after `append`."""
    values = list(flow.numbers(event))
    values += [v[-1:] for v in values if v.size > 1]
    return any(np.array_equal(v, one) for v in flow.numbers(source) for one in values)


def _yielded(flow: Flow, event: int) -> list[int]:
    """Return the events (statement executions) in a student's generator that yielded values to the loops around an
    event."""
    return [s for loop in flow.sources_of_kind(event, "for") for s in flow.sources_of_kind(loop, "return")]


def _overwrites(flow: Flow, event: int) -> bool:
    """Return whether an event (statement execution) assigns a variable that another statement has assigned before."""
    statement = flow.at(event)
    if statement.kind != "assign" or not statement.writes:
        return False
    before = (flow.statements[row] for row in flow.rows[:event] if row != flow.rows[event])
    return any(other.kind == "assign" and other.writes == statement.writes for other in before)


# ── loops ────────────────────────────────────────────────────────────────────────────────────────────


def loops_around(flow: Flow, row: int) -> list[list[int]]:
    """Return the events (executions) of each loop statement around a block, the innermost loop first.

    Args:
        flow: The data flow of the call.
        row: Number of the statement that begins the block. It is the `parent` of the statements in the block.
    """
    loops: list[list[int]] = []
    last = len(flow.statements)
    while 0 <= row < last:  # a header has a lower number than its block
        header = flow.statements[row]
        if header.is_loop and (events := flow.events_of(row)):
            loops.append(events)
        last, row = row, header.parent
    return loops


def loops_without_rounds(flow: Flow) -> list[int]:
    """Return the events (executions) of loops whose body never ran."""
    entered = {flow.statements[row].parent for row in flow.rows}
    return [event for event, row in enumerate(flow.rows) if flow.statements[row].is_loop and row not in entered]


def round_count_origin(flow: Flow, loop: int, rounds: int, right: Set[int]) -> int:
    """Return the event (statement execution) that computed a loop's number of iterations, or that returned its
    iterable. Return `loop` itself if neither is found.

    Args:
        flow: The data flow of the call.
        loop: An event of the loop.
        rounds: The recorded number of iterations. Of a very long call, the sandbox records only the beginning.
        right: Numbers that a right training uses. They are not at fault.
    """
    row = flow.rows[loop]
    header = flow.statements[row]
    if header.kind == "while":
        changes = [
            event
            for event in range(len(flow.rows))
            if (statement := flow.at(event)).parent == row
            and statement.kind in ("assign", "augmented")
            and not set(statement.writes).isdisjoint(header.reads)
        ]
        return max(changes, default=loop)
    read = {s for event in flow.events_of(row) for s in flow.data_sources(event)}
    sources = [s for s in read if flow.at(s).parent != row]
    if not sources and (listed := iterable_origin(flow, loop)) != loop:  # the iterable is an item of a list
        sources = flow.data_sources(listed)
    returned = [s for s in sources if flow.at(s).kind == "return"]
    if returned and (generator_loops := loops_around(flow, flow.at(max(returned)).parent)):
        return round_count_origin(flow, generator_loops[0][-1], rounds, right)
    numbers = {s: int(n) for s in sources if (n := flow.scalar(s)) is not None and np.isfinite(n)}
    wrong = {n for n in numbers.values() if n not in right} if len(sources) == 1 else set()
    counts = [s for s, n in numbers.items() if n == rounds or (n in wrong and _may_have_made(rounds, n))]
    return _wrong_operand(flow, max(counts), right) if counts else max(returned, default=loop)


def _may_have_made(rounds: int, intended: int) -> bool:
    """Return whether a loop of `intended` iterations can have had `rounds` iterations in total, because it ended early
    or ran several times."""
    return intended > rounds or (intended > 0 and rounds % intended == 0)


def _wrong_operand(flow: Flow, event: int, right: Set[int]) -> int:
    """Return the event (statement execution) that computed a wrong operand of `event`: a number that is not in `right`.
    Return `event` itself if no operand is wrong."""
    for source in sorted(flow.sources[event], reverse=True):
        statement, value = flow.at(source), flow.scalar(source)
        computed = not statement.is_header and statement.reads and statement.form in ("operation", "call", "other")
        if computed and value is not None and np.isfinite(value) and int(value) not in right:
            return source
    return event


def integer_arrays(flow: Flow, events: Iterable[int], size: int | None = None) -> list[int]:
    """Search the given events (statement executions) and all events whose values they use. Return those whose value is
    an array of several integers, or of exactly `size` integers."""
    return [
        event
        for event in sorted(flow.upstream(events))
        if not flow.at(event).is_header
        and any(n.size > 1 if size is None else n.size == size for n in flow.integers(event))
    ]
