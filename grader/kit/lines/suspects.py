"""Find the statement at fault for wrong outputs of one call.

This is the first statement that reads only right values, computes a wrong one, and leads to a wrong output. In some
cases, another line is more useful to the student: if a right function gets a wrong argument, if an `if` chooses the
wrong branch, or if an output is missing.

The searches return events. An event is one execution of a statement, identified by a number.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from grader.kit.lines.flow import ARGUMENT, OPERANDS, RAISED, Flow, TracedStatement
from grader.kit.lines.origins import alias_before, computed_at, loops_without_rounds, same_value
from grader.kit.lines.states import UNCHANGED, UNEXPECTED, changes_nothing, container_before, exonerate, states
from grader.kit.lines.values import (
    AT_ANOTHER_TIME,
    MISAPPLIED,
    OTHER,
    PARTIAL,
    RightValues,
    all_begin,
    wanted_argument,
    wrong_argument,
)

MOST_SUSPECTS = 20


@dataclass(frozen=True)
class Line:
    """A description of the faulty line of a known mistake.

    It stands for the last statement that matches all given fields, for example `Line(writes="grads['W1']")` or
    `Line(computes=("scores",))`.
    """

    computes: tuple[str, ...] = ()
    """Names of values that right solutions compute (`FollowedCall.right`). The statement must compute one of them. If a
    step is missing, name the value before the step: "scores" if the softmax is missing."""
    reads: str = ""
    writes: str = ""
    calls: str = ""
    kind: str = ""
    first: bool = False
    """True to choose the first matching statement instead of the last."""

    def matches(self, statement: TracedStatement) -> bool:
        """Return whether a statement matches all fields other than `computes`."""
        returns_only = statement.kind == "return" and statement.form in ("name", "path")
        if returns_only or statement.kind in (ARGUMENT, "unknown"):
            return False
        named = ((self.reads, statement.reads), (self.writes, statement.writes), (self.calls, statement.calls))
        if any(wanted and not any(wanted in name for name in names) for wanted, names in named):
            return False
        return self.kind in ("", statement.kind)


class Suspects:
    """The search for statements at fault in one call. Methods return events: numbers of executions of statements."""

    def __init__(self, flow: Flow, right: RightValues, state: Sequence[str] | None = None) -> None:
        """Compare the events (statement executions) of a call with right values.

        Args:
            flow: The data flow of the call.
            right: The right values of the call.
            state: State of each event; by default computed by `states`.
        """
        self.flow, self.right = flow, right
        self._state = states(flow, right) if state is None else state
        self._names_of_events: dict[int, set[str]] = {}

    def ranked(self, wrong: Sequence[str]) -> list[int]:
        """Return the events (statement executions) that may be at fault, the likeliest first. They read right values
        and compute a wrong one.

        Args:
            wrong: Names of the wrong outputs. Only events that lead to a wrong output are searched.
        """
        flow = self.flow
        last = {max(flow.outputs[name]) for name in wrong if flow.outputs.get(name)}
        state = [UNEXPECTED if e in last else s for e, s in enumerate(self._state)]
        exonerated = exonerate(flow, state) - last
        ways = [flow.upstream(flow.outputs.get(name, ()), lambda e: e in exonerated) for name in wrong]
        missing = [name for name, way in zip(wrong, ways, strict=True) if not way]
        if (lister := self._lister_without(missing)) is not None:
            return [lister]
        if missing and len(missing) == len(wrong):
            return [self._of_missing(missing)]
        after_fault: set[int] = set()
        first: list[int] = []
        for event in sorted(set().union(*ways)):
            if not after_fault.isdisjoint(flow.sources[event]):
                after_fault.add(event)
            elif state[event] in (UNEXPECTED, UNCHANGED):
                after_fault.add(event)
                first.append(event)
        likeliest = sorted(first, key=lambda e: (-sum(e in way for way in ways), e))
        raised = flow.outputs.get(RAISED, ())
        unknown = (self._unknown_operand(e) for e in likeliest)
        faults = [self._number_for_array(e) if e in raised else e for e in unknown]
        kept = {e for e in faults if e in raised or e in flow.outputs.get(OPERANDS, ()) or self.is_misnamed(e)}
        computed = (e if e in kept else computed_at(flow, e, exonerated) for e in faults)
        chosen = (e if e in raised else self._choice(e) for e in computed)
        return [self.wrong_argument(e) for e in itertools.islice(chosen, MOST_SUSPECTS)]

    def of_line(self, line: Line, wrong: Sequence[str]) -> int | None:
        """Return the last event (statement execution) that matches `line`, or the first one if `line.first` is true;
        None if none matches.

        Events that lead to the wrong outputs are searched first. If there are none, all events are searched. All events
        are also searched if `line.computes` is empty and the first search finds nothing, because code may compute a
        value and forget to use it.
        """
        ways = self.flow.upstream(e for name in wrong for e in self.flow.outputs.get(name, ()))
        everything = range(len(self.flow.rows)) if not ways or not line.computes else ()
        for event in (*sorted(ways, reverse=not line.first), *sorted(everything, reverse=not line.first)):
            if line.matches(self.flow.at(event)):
                names = {name.rpartition(":")[2] for name in self._names(event)}
                if not line.computes or not names.isdisjoint(line.computes):
                    return event
        return None

    def is_misnamed(self, event: int) -> bool:
        """Return whether an event (statement execution) writes a right value under a wrong name: the gradient of W2 as
        grads['W1']."""
        names = self._names(event)
        return bool(names) and self.right.is_of_another(self.flow.at(event), names)

    def first_misnamed(self) -> int | None:
        return next(filter(self.is_misnamed, range(len(self.flow.rows))), None)

    def idle(self) -> list[int]:
        """Return the events (executions) of statements without effect, such as `pass` or an expression whose
        value is dropped."""
        return [event for event in range(len(self.flow.rows)) if self.flow.at(event).kind == "idle"]

    def _names(self, event: int) -> set[str]:
        """Return the names of the right values that equal a value of an event (statement execution)."""
        if event not in self._names_of_events:
            self._names_of_events[event] = {n for value in self.flow.numbers(event) for n in self.right.names(value)}
        return self._names_of_events[event]

    @cached_property
    def _first_events(self) -> dict[str, int]:
        first: dict[str, int] = {}
        for event in sorted(self.flow.values):
            for name in self._names(event):
                first.setdefault(name, event)
        return first

    def _first_event(self, name: str) -> int:
        """Return the first event (statement execution) whose value is the right value `name`; the number of events if
        there is none."""
        return self._first_events.get(name, len(self.flow.rows))

    def _computes_right(self, event: int) -> bool:
        """Return whether an event (statement execution) computes a right value by an operation or library call: a @ b
        or a.dot(b)."""
        statement, names = self.flow.at(event), self._names(event)
        of_library = statement.form == "call" and not self.flow.sources_of_kind(event, "return")
        return (statement.is_operation or of_library) and bool(names) and not all_begin(names, MISAPPLIED)

    def _has_other_uses(self, event: int, use: int) -> bool:
        """Return whether a statement other than that of `use` computes a right value from the value of `event`."""
        others = self.flow.uses(event, use)
        return any((names := self._names(e)) and not all_begin(names, MISAPPLIED) for e in others)

    # ── wrong arguments of right functions ───────────────────────────────────────────────────────────

    def wrong_argument(self, event: int) -> int:
        """Return the event (statement execution) that computed or passed the wrong argument of a right function.

        Return `event` itself if its value is not what a right function returns for a wrong argument. If the code never
        computes the right argument, return the event that computed the passed one, because a step is missing there.
        """
        flow = self.flow
        names = next((n for v in flow.numbers(event) if all_begin(n := self.right.names(v), MISAPPLIED)), None)
        if names is None:
            return event
        if any(name.endswith(AT_ANOTHER_TIME) for name in names):
            return self._last_change(event)
        if (unfinished := self._unfinished_argument(event, names)) is not None:
            return unfinished
        wanted = {wanted_argument(name) for name in names if wanted_argument(name) != name.partition(": ")[2]}
        available = any(self._first_event(name) < event for name in wanted)
        given = {wrong_argument(name) for name in names}
        while sources := [s for s in flow.sources[event] if not self._names(s).isdisjoint(given)]:
            source = max(sources)
            statement = flow.at(source)
            is_alias = statement.is_alias and flow.at(event).kind not in (ARGUMENT, "unknown")
            if statement.is_header or (is_alias and available):
                break
            if is_alias:  # the right argument is computed nowhere
                return source
            if self._has_other_uses(source, event) or self._computes_right(source):
                break
            event = source
            if statement.kind != ARGUMENT or not any(flow.at(s).is_alias for s in flow.sources[event]):
                break
        unchanged = (s for s in flow.sources[event] if self._state[s] == UNCHANGED and same_value(flow, s, event))
        return max(unchanged, default=event)  # the function that returned it should have changed it

    def _last_change(self, event: int) -> int:
        """Return the event (statement execution) at fault for a counter that changes too early or too late: the `if`
        around its last change, or else the last change. If it never changed, return the event of the `if` that skipped
        the change."""
        flow = self.flow
        changes = [s for s in flow.sources[event] if flow.scalar(s) is not None and flow.at(s).updates]
        if not changes:
            return self._skipped_change(event)
        return max(flow.sources_of_kind(max(changes), "if"), default=max(changes))

    def _skipped_change(self, event: int) -> int:
        """Return the event (execution) of an `if` that skipped a change of a variable which `event` reads.
        Return `event` itself if there is none."""
        flow, read = self.flow, set(self.flow.at(event).reads)
        ran = set(flow.rows)
        skipped = {
            statement.parent
            for row, statement in enumerate(flow.statements)
            if row not in ran and read & {*statement.writes} & {*statement.reads}
        }
        return max((e for e, row in enumerate(flow.rows) if row in skipped), default=event)

    def _unfinished_argument(self, event: int, names: Set[str]) -> int | None:
        """Return the event (statement execution) that computed the wrong argument of a function. Return None if the
        right argument had been computed before the call.

        Args:
            event: The event that computed the function's value.
            names: Names of the function's value, as `misapplied` returns them.
        """
        flow = self.flow
        if any(self._first_event(wanted_argument(name)) < event for name in names):
            return None
        for name in sorted(names):
            argument = wrong_argument(name)
            given = [e for e in sorted(flow.upstream([event])) if argument in self._names(e)]
            if not given or flow.at(given[0]).form not in ("operation", "call"):
                continue
            if self._first_event(argument) < given[0]:
                return given[0]
            passed_on = [e for e in given if self._passes_on(e)]
            if self.right.comes_before(argument, wanted_argument(name)):  # the argument itself is computed correctly
                passed_on = passed_on or [e for e in given if self._may_be_unfinished(e, event)] or [event]
            factor = self._factor_of_one(given[0])
            return factor if factor is not None else max(passed_on, default=computed_at(flow, given[0]))
        return None

    def _may_be_unfinished(self, event: int, use: int) -> bool:
        """Return whether a step may be missing in `event`: it computes a value that only `use` reads."""
        statement = self.flow.at(event)
        computes = statement.form != "path" and (statement.kind == "assign" or statement.form == "other")
        return computes and not self._has_other_uses(event, use)

    def _passes_on(self, event: int) -> bool:
        """Return whether an event (statement execution) only renames a value, or returns a parameter unchanged."""
        statement = self.flow.at(event)
        if statement.form not in ("name", "path") or any(path.endswith("']") for path in statement.writes):
            return False
        returns_parameter = statement.kind == "return" and bool(self.flow.sources_of_kind(event, ARGUMENT))
        return returns_parameter or statement.is_alias

    # ── wrong operands ───────────────────────────────────────────────────────────────────────────────

    def _factor_of_one(self, event: int) -> int | None:
        """If `event` reads an array of ones that a function returned, return the event (execution) of its
        `return`; else None."""
        ones = (
            s
            for s in self.flow.sources_of_kind(event, "return")
            if any(v.size and bool((v == 1).all()) for v in self.flow.numbers(s))
        )
        return max(ones, default=None)

    def _number_for_array(self, event: int) -> int:
        """Return the event (statement execution) that computed a number where the operation that raised needs an array.

        `event` is the operation, and is returned if there is no such number. A number that is also used elsewhere, or
        that counts something, is right: the operation then uses the wrong variable.
        """
        flow = self.flow
        for source in flow.outputs.get(OPERANDS, ()):
            statement = flow.at(source)
            if statement.is_header:
                continue
            if statement.kind == ARGUMENT:
                computed = computed_at(flow, source)
                if flow.rows[computed] != flow.rows[source] and flow.values.get(source) and not flow.floats(source):
                    return computed
                continue
            used = any(source in sources for sources in flow.sources[: min(flow.outputs[RAISED])])
            computed = computed_at(flow, source) if statement.form == "call" else source
            counts = len(flow.values.get(source, ())) == 1 and not flow.floats(source)
            if not used and (not counts or statement.form == "name" or computed != source):
                return computed
        arrays = (s for s in flow.sources[event] if (v := flow.value(s)) is not None and v.size > 1)
        aliases = [alias for s in arrays if (alias := alias_before(flow, s)) is not None]
        return max(aliases, default=self._fraction_for_integer(event))

    def _fraction_for_integer(self, event: int) -> int:
        """Return the event (statement execution) that computed a float such as 3.0, if `event` fails because it needs
        an int. Return `event` itself if there is none."""
        for source in sorted(self.flow.sources[event], reverse=True):
            statement = self.flow.at(source)
            whole = any(v.size == 1 and float(v[0]).is_integer() and v[0] > 0 for v in self.flow.floats(source))
            computed = statement.kind != ARGUMENT and not statement.is_header
            if whole and computed and statement.form in ("operation", "call"):
                return source
        return event

    def zero_operand(self, event: int) -> int:
        """Return the event (statement execution) that computed a zero operand of `event`. Return `event` itself if no
        operand is zero."""
        flow, value = self.flow, self.flow.value(event)
        if value is None or event in flow.outputs.get(RAISED, ()):
            return event
        if not (flow.at(event).is_operation or changes_nothing(flow, event)):
            return event
        for source in sorted(flow.sources[event], reverse=True):
            statement, zero = flow.at(source), flow.value(source)
            if zero is None or not statement.reads or zero.any() or zero.size not in (1, value.size):
                continue
            writes_entries = any(path.endswith("[…]") for path in statement.writes)
            if statement.form == "operation" or statement.kind == "augmented" or writes_entries:
                return source
        return event

    def _unknown_operand(self, event: int) -> int:
        """Return the event (statement execution) that computed a clearly wrong operand of `event`; `event` itself if
        there is none.

        Clearly wrong are a factor of one, a zero, a count instead of a sum, and a mask (an array of zeros and ones)
        that right solutions do not compute. A mask that selects entries may also be the inverse of a right mask.
        """
        flow, statement = self.flow, self.flow.at(event)
        if changes_nothing(flow, event) and (factor := self._factor_of_one(event)) is not None:
            return factor
        if (zero := self.zero_operand(event)) != event:
            return zero
        for source in flow.sources[event]:
            for value in flow.integers(source):
                alias = alias_before(flow, source) if value.size == 1 else None
                if alias is not None and not self._has_other_uses(source, event):
                    return alias
                if value.size < 2 or set(np.unique(value)) != {0, 1}:
                    continue
                part = all(v.size != value.size for v in flow.numbers(event))
                part = part or container_before(flow, event) is not None
                selects = part or statement.form != "operation"
                if not (selects and self.right.names(1 - value)) and not self.right.names(value):
                    return source
        return event

    # ── wrong choices ────────────────────────────────────────────────────────────────────────────────

    def _choice(self, event: int) -> int:
        """Return the event (execution) of the `if` or loop that is at fault for a value; `event` itself if
        there is none.

        An `if` is at fault if it chose a value that is right only under another condition. A loop is at fault if it
        ended before a sum over the examples was complete.
        """
        flow, statement = self.flow, self.flow.at(event)
        ifs = flow.sources_of_kind(event, "if")
        counts = statement.kind == "augmented" and set(statement.reads) <= set(statement.writes)
        if counts and ifs and flow.rows[max(ifs)] == statement.parent:
            return max(ifs)
        if constant := [s for s in ifs if not (flow.sources[s] or flow.at(s).reads)]:
            return max(constant)
        if all_begin(self._names(event), OTHER):
            return max(ifs) if ifs else self._caller(event)
        for source in flow.sources[event]:
            loops = flow.sources_of_kind(source, "for")
            if loops and all_begin(self._names(source), PARTIAL):
                return max(loops)
        return event

    def _caller(self, event: int) -> int:
        """Return the event (statement execution) that uses the value returned by `event`, or the event of the `if`
        around this use. Return `event` itself if it is not a `return`, or if its value is not used."""
        flow = self.flow
        uses = flow.uses(event)
        if flow.at(event).kind != "return" or not uses:
            return event
        calls = [e for e in uses if same_value(flow, event, e)]
        use = min(calls or uses)
        return max(flow.sources_of_kind(use, "if"), default=use if calls else event)

    # ── missing outputs ──────────────────────────────────────────────────────────────────────────────

    def _of_missing(self, missing: Sequence[str]) -> int:
        """Return the event (statement execution) to show for a missing output.

        The first of these that exists is shown: a statement without effect; a statement that writes a right value under
        a wrong name; the statement or loop that writes other entries of the same dict; a `return` of another value; a
        loop whose body never ran.
        """
        flow = self.flow
        if idle := self.idle():
            return idle[0]
        if (misnamed := self.first_misnamed()) is not None:
            return misnamed
        others = [name for name in self._other_entries(missing) if flow.outputs[name]]
        if unknown := [max(flow.outputs[name]) for name in others if self.right.is_unknown(name)]:
            known = {flow.rows[max(flow.outputs[name])] for name in others if not self.right.is_unknown(name)}
            if flow.rows[unknown[0]] not in known:
                return unknown[0]
            return max(flow.sources_of_kind(unknown[0], "for"), default=unknown[0])
        if others:
            event = max(e for name in others for e in flow.outputs[name])
            by_constant_keys = any(path.rpartition("[")[2][:1] == "'" for path in flow.at(event).writes)
            return event if by_constant_keys else max(flow.sources_of_kind(event, "for"), default=event)
        answered = flow.outputs.get("", ())
        if answered and not any(name.startswith("self.") for name in missing):  # the call returns something else
            return self.wrong_return(max(answered))
        return next(iter(loops_without_rounds(flow)), len(flow.rows) - 1)

    def wrong_return(self, event: int) -> int:
        """Return the event (execution) of the `if` around a wrong `return`. If the value was computed inside
        the `if`, or there is no `if`, return the event of the `return`."""
        flow = self.flow
        guard = max(flow.sources_of_kind(event, "if"), default=event)
        computed = max((s for s in flow.sources[event] if not flow.at(s).is_header), default=-1)
        return guard if computed < guard else event

    def _other_entries(self, missing: Sequence[str]) -> list[str]:
        """Return the outputs in the same dict or list as a missing output: "[1]['W2']" if "[1]['W1']" is missing."""
        containers = {name.rpartition("[")[0] for name in missing}
        return [n for n in self.flow.outputs if n.endswith("]") and n.rpartition("[")[0] in containers]

    def _lister_without(self, missing: Sequence[str]) -> int | None:
        """Return the event (statement execution) that created an incomplete list of keys, such as ["W1", "b1"]: it
        lacks keys of the missing outputs. Return None if there is no such list."""
        flow = self.flow
        keys = {name.rpartition("[")[2].strip("]'") for name in missing}
        others = (event for name in self._other_entries(missing) for event in flow.outputs[name])
        for event in sorted(flow.upstream(others)) if keys else ():
            names = flow.names.get(event, ())
            are_keys = any(output.endswith(f"[{name!r}]") for name in names for output in flow.outputs)
            if are_keys and not keys.issubset(names):
                return event
        return None
