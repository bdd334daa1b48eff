"""Compare the value of each event with the values of right solutions, and give the event a state, such as "right".

An event is one execution of a statement, identified by a number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from grader.kit.lines.flow import Array, Flow, TracedStatement
from grader.kit.lines.values import MISAPPLIED, OTHER, RightValues, all_begin

RIGHT = "right"
"""State of an event (statement execution) with a value that right solutions compute too."""
UNCHANGED = "unchanged"
"""State of an event (statement execution) whose value is right, but is the result of an operation without effect, such
as x * 1."""
UNEXPECTED = "unexpected"
"""State of an event (statement execution) with a value that right solutions do not compute."""
PARTLY_RIGHT = "partly right"
"""State of an event (statement execution) that wrote right entries into an array or list. Other entries there are not
right."""
SILENT = "silent"
"""State of an event (statement execution) without a value, or with a value that wrong solutions compute too, such as
zeros or counts."""


def states(flow: Flow, right: RightValues) -> list[str]:
    """Return the state of each event (statement execution): `RIGHT`, `UNCHANGED`, `UNEXPECTED`, `PARTLY_RIGHT` or
    `SILENT`."""
    state = [_state(flow, event, right) for event in range(len(flow.rows))]
    roles = _roles_of_variables(flow.statements, right)
    for event, own in enumerate(state):
        statement = flow.at(event)
        written = statement.writes if statement.reads else ()
        if own == SILENT and _cancels(flow, event, right):
            state[event] = UNEXPECTED
        if own == SILENT and any(w in roles and _cannot_become(flow, event, roles[w], right) for w in written):
            state[event] = UNEXPECTED
        if state[event] == UNEXPECTED and _writes_right(flow, event, right):
            state[event] = PARTLY_RIGHT
    for event, own in enumerate(state):
        if own == RIGHT and changes_nothing(flow, event):
            state[event] = UNCHANGED
        elif own == RIGHT and any(
            state[t] == UNEXPECTED for s in flow.sources[event] if _is_zero(flow, s) for t in flow.sources[s]
        ):
            state[event] = UNEXPECTED  # it uses a zero that should have been another value
    return state


def changes_nothing(flow: Flow, event: int) -> bool:
    """Return whether the statement executed in an event has no effect: an operation such as x * 1 yields an operand,
    `x = x - y` yields an earlier value, or a write to some entries changes none of them."""
    statement, value = flow.at(event), flow.value(event)
    if value is None or not (statement.is_operation or any(path.endswith("[…]") for path in statement.writes)):
        return False
    rewrites = statement.kind == "assign" and value.size > 1 and statement.updates
    events = (e for e in flow.values if e < event) if rewrites else flow.sources[event]
    return any(v.size == value.size and bool(np.array_equal(v, value)) for e in events for v in flow.numbers(e))


def container_before(flow: Flow, event: int) -> int | None:
    """If `event`, a statement execution, writes into an array or appends to a list, return the event that last changed
    this array or list before. Otherwise return None."""
    statement = flow.at(event)
    if len(statement.writes) != 1 or statement.kind not in ("assign", "call"):
        return None
    path = statement.writes[0]
    container = path if statement.kind == "call" else path.rpartition("[")[0]
    if not container or (statement.kind == "assign" and path.endswith("']")):
        return None
    writers = (
        s
        for s in flow.sources[event]
        if any(w in (container, path) or w.startswith(f"{container}[") for w in flow.at(s).writes)
    )
    return max(writers, default=None)


# ── the state of one event by itself ─────────────────────────────────────────────────────────────────


def _state(flow: Flow, event: int, right: RightValues) -> str:
    statement, values = flow.at(event), flow.values.get(event, ())
    if not values or statement.is_header:
        return SILENT
    if right.random and (shapes := flow.shapes.get(event)):
        values = [(floating, value.reshape(shape)) for (floating, value), shape in zip(values, shapes, strict=True)]
    found = {_state_of_value(floating, value, statement, right) for floating, value in values}
    return next(state for state in (UNEXPECTED, RIGHT, SILENT) if state in found)


def _state_of_value(floating: bool, value: Array, statement: TracedStatement, right: RightValues) -> str:
    """Return the state for one value of an event (statement execution). Zeros, labels, counts and simple fractions are
    `SILENT`."""
    if right.random:
        if value.size == 1:
            if right.roles_of(statement.writes) and len(statement.writes) == 1:
                return UNEXPECTED
            return RIGHT if floating or right.has_integer(int(value.ravel()[0])) else UNEXPECTED
        names = right.names(value)
        return RIGHT if names and not right.is_of_another(statement, names) else UNEXPECTED
    if statement.reads and value.size > 1 and not value.any() and not right.has_size(value.size):
        return UNEXPECTED
    if not statement.reads or (value.size and not value.any()):
        return SILENT
    if names := right.names(value):
        return _state_of_right_value(floating, value, statement, names, right)
    if floating or value.size == 0:
        return _state_of_elements(value, statement, right)
    known = right.has_integer(int(value[0])) if value.size == 1 else right.has_size(value.size)
    return SILENT if known else UNEXPECTED


def _state_of_right_value(
    floating: bool, value: Array, statement: TracedStatement, names: set[str], right: RightValues
) -> str:
    """Return `RIGHT`, `UNEXPECTED` or `SILENT` for a computed value that `right` contains. `names` are its names there:
    they begin with `MISAPPLIED` for a known wrong value, and with `OTHER` for a value of another branch."""
    if all_begin(names, OTHER) and not floating:  # a mask, which may select the right entries
        return SILENT
    size = not floating and value.size == 1
    if all_begin(names, OTHER) or all_begin(names, MISAPPLIED) or right.is_of_another(statement, names, size=size):
        return UNEXPECTED
    if floating and value.size == 1 and float(value[0]).is_integer() and value[0] > 1:  # 2.0 instead of a count
        return UNEXPECTED
    return SILENT if _is_simple(value) else RIGHT


def _state_of_elements(value: Array, statement: TracedStatement, right: RightValues) -> str:
    """Return the state for a computed value that right solutions only compute as a part of another value, if at all."""
    if right.roles_of(statement.writes) or not right.has_elements(value):
        return UNEXPECTED
    if _is_simple(value):
        return SILENT if value.size == 1 else UNEXPECTED
    return RIGHT


def _is_simple(value: Array) -> bool:
    """Return whether all numbers of an array are multiples of one fraction, such as 1/4."""
    multiples = value[:, None] * np.arange(1, 61) if value.size <= 100 else value[:, None]
    return bool(np.any(np.all(np.abs(multiples - np.round(multiples)) < 1e-9, axis=0)))


# ── the state of an event among others ───────────────────────────────────────────────────────────────


def _cancels(flow: Flow, event: int, right: RightValues) -> bool:
    """Return whether an operation wrongly turns a nonzero array into zeros. Zeros are not wrong if a right value of
    this size is all zeros."""
    zeros = [v for v in flow.floats(event) if v.size > 1 and not v.any()]
    if not zeros or not flow.at(event).is_operation or right.has_zeros(zeros[0].size):
        return False
    return any(v.size == zeros[0].size and bool(v.any()) for s in flow.sources[event] for v in flow.floats(s))


def _is_zero(flow: Flow, event: int) -> bool:
    return any(value.size and not value.any() for value in flow.numbers(event))


def _roles_of_variables(statements: Iterable[TracedStatement], right: RightValues) -> dict[str, str]:
    """Return variable → role (a name with a fixed meaning), if a dict entry with this role is computed from the
    variable.

    For example, `grads['W1'] = d / N` gives `d` the role W1. A variable that leads to several roles gets none.
    """
    roles: dict[str, set[str]] = {}
    for statement in statements:
        entries = [path for path in statement.writes if path.endswith("']")]
        for path in statement.reads:
            roles.setdefault(path, set()).update(right.roles_of(entries))
    return {path: next(iter(its_roles)) for path, its_roles in roles.items() if len(its_roles) == 1}


def _cannot_become(flow: Flow, event: int, role: str, right: RightValues) -> bool:
    """Return whether the value of an event (statement execution) cannot become the right value of a role, such as W1,
    by filling in its entries.

    Zeros of the right size can be filled. Zeros of a wrong size, and a tuple such as the shape (3, 4), cannot.
    """
    values = flow.values.get(event, ())
    if len(values) == 1:
        value = values[0][1]
        sizes = right.sizes_of(role)
        return value.size > 1 and not value.any() and bool(sizes) and value.size not in sizes
    return len(values) > 1 and not flow.floats(event)


def _writes_right(flow: Flow, event: int, right: RightValues) -> bool:
    """Return whether an event (statement execution) writes right entries into an array, or appends a right value to a
    list."""
    before, value = container_before(flow, event), flow.value(event)
    if before is None or value is None:
        return False
    old = flow.value(before)
    if flow.at(event).kind == "call":
        if value.size != (0 if old is None else old.size) + 1:
            return False
        appended = float(value[-1])
        return (appended.is_integer() and right.has_integer(int(appended))) or right.has_elements(value[-1:])
    old = np.full(value.size, np.nan) if old is None else old
    if old.size != value.size:
        return False
    written = ~((value == old) | (np.isnan(value) & np.isnan(old)))
    return bool(written.any()) and right.has_entries(value, written)


# ── exoneration ──────────────────────────────────────────────────────────────────────────────────────


def exonerate(flow: Flow, state: Sequence[str]) -> set[int]:
    """Return the events (statement executions) that are not at fault: their value is right, or right values are
    computed from it.

    A wrong value can lead to a right result by chance. An event with a wrong value is therefore exonerated only if at
    least half of the statements that read the value compute right values.
    """
    exonerated: set[int] = set()
    votes: list[dict[int, bool]] = [{} for _ in flow.rows]
    for event in range(len(flow.rows) - 1, -1, -1):  # uses of a value come later
        in_favor = sum(votes[event].values())
        silent = state[event] == SILENT and event not in flow.values
        unexpected = state[event] == UNEXPECTED and 2 * in_favor >= len(votes[event])
        if state[event] == RIGHT or (in_favor and (silent or unexpected)):
            exonerated.add(event)
        if event in exonerated or state[event] in (UNEXPECTED, PARTLY_RIGHT):
            for source in flow.sources[event]:
                row, is_right = flow.rows[event], event in exonerated
                if state[event] == PARTLY_RIGHT:
                    is_right = is_right or source != container_before(flow, event)
                votes[source][row] = votes[source].get(row, True) and is_right
    return exonerated
