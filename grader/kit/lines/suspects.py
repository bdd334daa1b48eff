"""Find the statement at fault for wrong outputs of one call.

This is the first statement that reads only right values, computes a wrong one, and leads to a wrong output. In some
cases, another line is more useful to the student: if a right function gets a wrong argument, if a statement raises
because of an operand, or if an output is missing.

The searches return events. An event is one execution of a statement, identified by a number.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from grader.kit.lines.flow import ARGUMENT, RAISED, Flow, TracedStatement
from grader.kit.lines.origins import computed_at
from grader.kit.lines.states import RIGHT, UNEXPECTED, exonerate, states
from grader.kit.lines.values import MISAPPLIED, RightValues, all_begin, wanted_argument, wrong_argument

MOST_SUSPECTS = 20


@dataclass(frozen=True)
class Line:
    """A description of the faulty line of a known mistake.

    It stands for the last statement that matches the given fields, for example `Line(reads="learning_rate")` or
    `Line(computes=("scores",))`.
    """

    computes: tuple[str, ...] = ()
    """Names of values that right solutions compute (`FollowedCall.right`). The statement must compute one of them. If a
    step is missing, name the value before the step: "scores" if the softmax is missing."""
    reads: str = ""
    """Part of the name of a variable that the statement reads."""
    first: bool = False
    """True to choose the first matching statement instead of the last."""

    def matches(self, statement: TracedStatement) -> bool:
        """Return whether a statement matches `reads`."""
        returns_only = statement.kind == "return" and statement.form in ("name", "path")
        if returns_only or statement.kind in (ARGUMENT, "unknown"):
            return False
        return not self.reads or any(self.reads in name for name in statement.reads)


class Suspects:
    """The search for statements at fault in one call. Methods return events: numbers of executions of statements."""

    def __init__(self, flow: Flow, right: RightValues, state: Sequence[str] | None = None) -> None:
        """Compare the events of a call with right values.

        Args:
            flow: The data flow of the call.
            right: The right values of the call.
            state: State of each event; by default computed by `states`.
        """
        self.flow, self.right = flow, right
        self._state = states(flow, right) if state is None else state
        self._names_of_events: dict[int, set[str]] = {}

    def ranked(self, wrong: Sequence[str]) -> list[int]:
        """Return the events that may be at fault, the likeliest first. They read right values
        and compute a wrong one.

        Args:
            wrong: Names of the wrong outputs. Only events that lead to a wrong output are searched.
        """
        flow = self.flow
        flow.spend_all()
        state = list(self._state)
        last = {max(flow.outputs[name]) for name in wrong if flow.outputs.get(name)}  # these events computed them last
        for event in last:
            state[event] = UNEXPECTED
        exonerated = exonerate(flow, state) - last
        ways = [flow.upstream(flow.outputs.get(name, ()), exonerated.__contains__) for name in wrong]
        """For each wrong output, the events that lead to it and are not exonerated."""
        if wrong and not any(ways):
            event_of_missing = self._of_missing(wrong)
            return [] if event_of_missing is None else [event_of_missing]
        after_fault: set[int] = set()
        """Events with an unexpected value, and all that use it directly or indirectly."""
        outputs_reached: dict[int, int] = {}
        """First event with an unexpected value → number of wrong outputs to which it leads."""
        for event in sorted(set().union(*ways)):
            follows = not after_fault.isdisjoint(flow.sources[event])
            if follows or state[event] == UNEXPECTED:
                after_fault.add(event)
            if state[event] == UNEXPECTED and not follows:
                outputs_reached[event] = sum(event in way for way in ways)
        likeliest = sorted(outputs_reached, key=lambda event: (-outputs_reached[event], event))
        return [self._origin(event, exonerated) for event in likeliest[:MOST_SUSPECTS]]

    def _origin(self, event: int, exonerated: Set[int]) -> int:
        """Return the event to show for an event that has a wrong value: the one that computed the
        value, or that passed a wrong argument to the function which computed it."""
        if event in self.flow.outputs.get(RAISED, ()):
            event = self._unusable_operand(event)
        elif not self.is_misnamed(event):
            event = computed_at(self.flow, event, exonerated)
        return self.wrong_argument(event)

    def _unusable_operand(self, event: int) -> int:
        """Return the event that computed an operand with which the statement of `event` raised,
        if the operand is not right and has no other use. Return `event` itself if there is no such operand, or more
        than one."""
        flow = self.flow
        operands = []
        reads = flow.at(event).reads
        for source in flow.data_sources(event):
            statement = flow.at(source)
            is_read = any(read.startswith(path) for read in reads for path in statement.writes)
            values = flow.values_of(source)
            is_count = len(values) == 1 and not values[0].floating
            may_be_wrong = statement.is_alias or not (is_count or self._state[source] == RIGHT)
            if statement.kind == "assign" and is_read and may_be_wrong and not flow.uses(source, event):
                operands.append(source)
        return operands[0] if len(operands) == 1 else event

    def of_line(self, line: Line, wrong: Sequence[str]) -> int | None:
        """Return the last event that matches `line`, or the first one if `line.first` is true;
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
        """Return whether an event writes a right value under a wrong name: the gradient of W2 as
        grads['W1']."""
        names = self._names(event)
        return bool(names) and self.right.is_of_another(self.flow.at(event), names)

    def first_misnamed(self) -> int | None:
        """Return the first event that writes a right value into a wrong entry of a dict."""
        for event in sorted(self.flow.values):
            if self.is_misnamed(event) and any(path.endswith("]") for path in self.flow.at(event).writes):
                return event
        return None

    def _names(self, event: int) -> set[str]:
        """Return the names of the right values that equal a value of an event."""
        self.flow.steps.spend(1)
        if event not in self._names_of_events:
            self._names_of_events[event] = {n for value in self.flow.numbers(event) for n in self.right.names(value)}
        return self._names_of_events[event]

    def _has_other_uses(self, event: int, use: int) -> bool:
        """Return whether a statement other than that of `use` computes a right value from the value of `event`."""
        for other_use in self.flow.uses(event, use):
            names = self._names(other_use)
            if names and not all_begin(names, MISAPPLIED):
                return True
        return False

    # ── wrong arguments of right functions ───────────────────────────────────────────────────────────

    def wrong_argument(self, event: int) -> int:
        """Return the event that computed or passed the wrong argument of a right function. Return
        `event` itself if its value is not what a right function returns for a wrong argument."""
        flow = self.flow
        names: set[str] = set()
        for value in flow.numbers(event):
            names = names or {name for name in self.right.names(value) if MISAPPLIED in name}
        arguments = {wrong_argument(name) for name in names}
        is_available = any(self._is_computed_before(event, wanted_argument(name)) for name in names)
        while True:
            sources = [source for source in flow.sources[event] if not arguments.isdisjoint(self._names(source))]
            if not sources:
                break
            source = max(sources)
            statement = flow.at(source)
            if statement.is_header or self._has_other_uses(source, event):
                break
            is_passed = statement.kind == ARGUMENT
            if is_available and not is_passed and not statement.is_alias:
                break  # this value is right, and another one should have been passed
            event = source
            if not is_passed:
                break
        return event

    def _is_computed_before(self, event: int, name: str) -> bool:
        """Return whether an event before `event` has computed the right value `name`."""
        return any(name in self._names(earlier) for earlier in self.flow.values if earlier < event)

    def _of_missing(self, missing: Sequence[str]) -> int | None:
        """Return the event to show for missing outputs: one that writes a right value under a
        wrong name, or the `return` of another value. Return None if there is none."""
        misnamed = self.first_misnamed()
        is_to_be_returned = not any(name.startswith("self.") or name in self.flow.outputs for name in missing)
        if misnamed is not None or not is_to_be_returned:
            return misnamed
        returned = max(self.flow.outputs.get("", ()), default=None)
        if returned is None or returned in self.flow.values:
            return returned
        return computed_at(self.flow, returned)
