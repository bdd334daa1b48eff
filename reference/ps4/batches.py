"""Find the statement of a student's training loop that causes wrong batches or a wrong number of batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from grader.kit.lines.flow import RAISED, Array, Flow
from grader.kit.lines.origins import computed_at
from grader.kit.lines.values import SAME


@dataclass(frozen=True)
class _Step:
    """One call of the student's function that computes the loss and gradients."""

    rows: Array
    """The rows (N, D) that were passed; one row of NaN if the first argument cannot be divided into rows of D
    numbers."""
    X: int
    """The event that passed the rows."""
    y: int
    """The event that passed the labels."""
    reg: int
    """The event that passed the regularisation."""


@dataclass(frozen=True, eq=False)
class Batches:
    """The arguments that a right training passes to the function that computes the loss and gradients. They are
    compared with the student's, to find wrong batches.

    Args:
        function: Name of the function, for example "loss". Its first parameters are rows, labels and regularisation.
        X: Training data (N, D).
        y: Labels (N,).
        X_val: Validation data.
        sizes: Accepted numbers of rows in a batch, the usual number first.
        epochs: Number of epochs.
        reg: Regularisation strength.
    """

    function: str
    X: Array
    y: Array
    X_val: Array
    sizes: tuple[int, ...]
    epochs: int
    reg: float

    def fault(self, flow: Flow) -> int | None:
        """Return the event (execution of a statement) that caused a wrong batch or number of steps; None if all are
        right."""
        calls = list(self._calls(flow))
        N = len(self.X)
        steps = [call for call in calls if len(call.rows) != N]  # a call with all rows computes the loss for a history
        if not steps or N in self.sizes:
            steps = calls
        has_ended = RAISED not in flow.outputs and flow.is_whole
        count_origin = self._wrong_count(flow, steps) if has_ended else None
        if count_origin is not None and any(len(step.rows) == 0 for step in steps):
            return count_origin  # all rows had been drawn before
        for step in steps:
            wrong = self._wrong_argument(flow, step)
            if wrong is not None:
                return wrong
        return count_origin

    def _calls(self, flow: Flow) -> Iterator[_Step]:
        """Yield the calls with rows, labels and regularisation, except those with the validation data."""
        D = self.X.shape[1]
        for call in flow.calls:
            events = tuple(call.arguments.values())
            passed = flow.value(events[0]) if events else None
            if call.function != self.function or len(events) < 3 or passed is None:
                continue
            rows = np.full((1, D), np.nan) if passed.size % D else passed.reshape(-1, D)
            if rows.shape != self.X_val.shape or not np.allclose(rows, self.X_val):
                yield _Step(rows, *events[:3])

    def _wrong_argument(self, flow: Flow, step: _Step) -> int | None:
        """Return the event at fault for wrong rows, labels or regularisation of a step; None if
        all are right.

        Any rows of the data make a right batch, in any order, if their number is right and each has its own label. The
        first wrong argument counts.
        """
        flow.steps.spend(step.rows.size * len(self.X) // 100)
        distances = np.abs(step.rows[:, None] - self.X).max(axis=2)
        is_row_of_data = distances <= SAME * np.abs(self.X).max()  # [i, j]: row i of the batch equals row j of X
        if not is_row_of_data.any(axis=1).all():
            return computed_at(flow, step.X)
        if len(step.rows) not in self.sizes:
            return _selected_at(flow, step)  # the right rows, but too many or too few
        labels, reg = flow.value(step.y), flow.value(step.reg)
        are_right = False
        if labels is not None and labels.size == len(step.rows):
            has_label = is_row_of_data & (labels[:, None] == self.y)
            are_right = bool(has_label.any(axis=1).all())
        if not are_right:
            computed = computed_at(flow, step.y)
            is_used_for_rows = computed in flow.upstream([step.X])  # the labels are then another variable, such as rows
            return step.y if is_used_for_rows else computed
        if reg is None or not np.allclose(reg, self.reg):
            return step.reg
        return None

    def _wrong_count(self, flow: Flow, steps: Sequence[_Step]) -> int | None:
        """Return the event at fault for a wrong number of steps: the loop around the steps, or
        the event that computed its iterable. Return None if the number is right or there is no loop."""
        N, size = len(self.X), self.sizes[0]
        if not steps:
            return next(iter(_loops_without_rounds(flow)), None)
        if len(steps) in (self.epochs * max(N // size, 1), self.epochs * -(-N // size)):
            return None  # without or with a smaller last batch
        loops = _loops_around(flow, flow.at(steps[0].X).parent)
        if not loops:
            return None
        inner, outer = loops[0], loops[-1]
        rounds = len(outer) - 1  # the header runs once more at the end
        loop = outer
        # if the outer loop has as many rounds as there are epochs, the inner one makes too many or too few steps
        if rounds == self.epochs and inner is not outer:
            loop, rounds = inner, len(steps) // self.epochs
        iterated = {source for event in loop for source in flow.data_sources(event)}
        origins = [s for s in iterated if flow.at(s).kind == "return" or flow.scalar(s) == rounds]
        return max(origins, default=loop[-1])


def _selected_at(flow: Flow, step: _Step) -> int:
    """Return the event that computed the indices of a step's rows; if there are none, the event
    that computed the rows."""
    for event in sorted(flow.upstream([step.X]), reverse=True):
        if flow.at(event).is_header:
            continue
        for value in flow.values_of(event):
            if not value.floating and value.numbers.size == len(step.rows):
                return event
    return computed_at(flow, step.X)


def _loops_around(flow: Flow, row: int) -> list[list[int]]:
    """Return the events (executions) of each loop statement around a block, the innermost loop first.

    Args:
        flow: The data flow of the call.
        row: Number of the statement that begins the block. It is the `parent` of the statements in the block.
    """
    loops: list[list[int]] = []
    last = len(flow.statements)
    while 0 <= row < last:  # a header has a lower number than its block
        header = flow.statements[row]
        events = flow.events_of(row)
        if header.is_loop and events:
            loops.append(events)
        last, row = row, header.parent
    return loops


def _loops_without_rounds(flow: Flow) -> list[int]:
    """Return the events (executions) of loops whose body never ran."""
    entered = {flow.statements[row].parent for row in flow.rows}
    return [event for event, row in enumerate(flow.rows) if flow.statements[row].is_loop and row not in entered]
