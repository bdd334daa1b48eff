"""Compare the value of each event with the values of right solutions, and give the event a state, such as "right".

An event is one execution of a statement, identified by a number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grader.kit.lines.flow import Array, Flow, TracedStatement, Value
from grader.kit.lines.values import MISAPPLIED, RightValues, all_begin

RIGHT = "right"
"""State of an event with a value that right solutions compute too."""
UNEXPECTED = "unexpected"
"""State of an event with a value that right solutions do not compute."""
SILENT = "silent"
"""State of an event without a value, or with a value that wrong solutions compute too, such as
zeros or counts."""


def states(flow: Flow, right: RightValues) -> list[str]:
    """Return the state of each event: `RIGHT`, `UNEXPECTED` or `SILENT`."""
    return [_state(flow, event, right) for event in range(len(flow.rows))]


def _state(flow: Flow, event: int, right: RightValues) -> str:
    """Return the state of an event. One unexpected value is enough to make it unexpected."""
    statement, values = flow.at(event), flow.values_of(event)
    if not values or statement.is_header:
        return SILENT
    if right.random:  # only shapes could be compared
        return RIGHT
    states_of_values = {_state_of_value(value, statement, right) for value in values}
    return next(state for state in (UNEXPECTED, RIGHT, SILENT) if state in states_of_values)


def _state_of_value(value: Value, statement: TracedStatement, right: RightValues) -> str:
    """Return the state for one value of an event. Zeros, labels, counts and simple fractions are
    `SILENT`."""
    numbers = value.numbers
    is_zero = bool(numbers.size) and not numbers.any()
    if is_zero and statement.reads and numbers.size > 1 and numbers.size not in right.sizes:
        return UNEXPECTED
    if is_zero or not statement.reads:
        return SILENT
    names = right.names(numbers)
    if names:
        return _state_of_right_value(value, statement, names, right)
    if value.floating or numbers.size == 0:
        return UNEXPECTED
    is_known = numbers[0] in right.integers if numbers.size == 1 else numbers.size in right.sizes
    return SILENT if is_known else UNEXPECTED


def _state_of_right_value(value: Value, statement: TracedStatement, names: set[str], right: RightValues) -> str:
    """Return the state for a computed value that `right` contains. `names` are its names there: they begin with
    `MISAPPLIED` for a known wrong value."""
    numbers = value.numbers
    is_number = numbers.size == 1
    is_size = is_number and not value.floating
    if all_begin(names, MISAPPLIED) or right.is_of_another(statement, names, size=is_size):
        return UNEXPECTED
    if is_number and value.floating and float(numbers[0]).is_integer() and numbers[0] > 1:  # 2.0 instead of a count
        return UNEXPECTED
    return SILENT if _is_simple(numbers) else RIGHT


def _is_simple(value: Array) -> bool:
    """Return whether all numbers of an array are multiples of one fraction, such as 1/4."""
    multiples = value[:, None] * np.arange(1, 61) if value.size <= 100 else value[:, None]
    return bool(np.any(np.all(np.abs(multiples - np.round(multiples)) < 1e-9, axis=0)))


def exonerate(flow: Flow, state: Sequence[str]) -> set[int]:
    """Return the events that are not at fault: their value is right, or right values are
    computed from it.

    A wrong value can lead to a right result by chance. An event with a wrong value is therefore exonerated only if at
    least half of the statements that read the value compute right values.
    """
    exonerated: set[int] = set()
    votes: list[dict[int, bool]] = [{} for _ in flow.rows]
    """For each event, {number of a statement that reads its value: True if this statement computes right values}."""
    for event in range(len(flow.rows) - 1, -1, -1):  # uses of a value come later
        in_favor = sum(votes[event].values())
        silent = state[event] == SILENT and event not in flow.values
        unexpected = state[event] == UNEXPECTED and 2 * in_favor >= len(votes[event])
        if state[event] == RIGHT or (in_favor and (silent or unexpected)):
            exonerated.add(event)
        if event in exonerated or state[event] == UNEXPECTED:
            row, is_right = flow.rows[event], event in exonerated
            for source in flow.sources[event]:
                votes[source][row] = votes[source].get(row, True) and is_right
    return exonerated
