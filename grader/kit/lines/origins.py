"""Find the event (execution of a statement) that computed a value.

A statement that only names, returns or receives a value, such as `a = b`, did not compute the value.
"""

from __future__ import annotations

from collections.abc import Set

import numpy as np

from grader.kit.lines.flow import Flow


def computed_at(flow: Flow, event: int, exonerated: Set[int] = frozenset()) -> int:
    """Return the event that computed the value of `event`. Statements and calls that only pass
    the value on, such as `a = b`, are skipped.

    Args:
        flow: The data flow of the call.
        event: The event that has the value.
        exonerated: Events that are not at fault. The search stops before values that these events read, which are
            right.
    """
    while flow.at(event).form in ("name", "path", "call"):
        statement = flow.at(event)
        sources = flow.data_sources(event)
        if statement.form == "call":
            sources = [s for s in sources if flow.at(s).kind == "return"]
        if statement.kind != "return":
            sources = [s for s in sources if s not in exonerated and exonerated.isdisjoint(flow.uses(s, event))]
        sources = [s for s in sources if flow.rows[s] != flow.rows[event] and same_value(flow, s, event)]
        if not sources:
            break
        event = max(sources)
    return event


def same_value(flow: Flow, source: int, event: int) -> bool:
    """Return whether `event` has the value of `source`, or a list that ends with this value, as after `append`. Values
    without numbers, such as None, count as equal."""
    if event not in flow.values and source not in flow.values:
        return True
    for value in flow.numbers(event):
        for source_value in flow.numbers(source):
            if np.array_equal(source_value, value) or np.array_equal(source_value, value[-1:]):
                return True
    return False
