"""Find the statement of a student's training loop that causes wrong batches or a wrong number of batches."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np

from grader.kit.lines.flow import ARGUMENT, RAISED, UNKNOWN, Array, Flow, TracedCall
from grader.kit.lines.origins import (
    argument_origin,
    computed_at,
    integer_arrays,
    iterable_origin,
    loops_around,
    loops_without_rounds,
    round_count_origin,
)
from grader.kit.lines.values import SAME


@dataclass(frozen=True)
class _Step:
    """One call of the student's function that computes the loss and gradients."""

    X: Array
    """The rows (N, D) that were passed; a single row of NaN if the first argument cannot be divided into rows of D
    numbers."""
    arguments: tuple[int, ...]
    """The events (statement executions) that passed the arguments: rows, labels, regularisation."""


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

    @property
    def _steps_per_epoch(self) -> Set[int]:
        """Accepted numbers of steps in an epoch: N / batch size, rounded down or up."""
        N, size = len(self.X), self.sizes[0]
        return {max(N // size, 1), -(-N // size)}

    @property
    def _right_numbers(self) -> Set[int]:
        """Numbers that a right training uses: steps per epoch, rows of the data, epochs, and batch sizes. A loop with
        such a number of iterations is right."""
        return self._steps_per_epoch | {len(self.X), self.epochs, *self.sizes}

    def fault(self, flow: Flow) -> int | None:
        """Return the event (execution of a statement) that caused a wrong batch or number of steps; None if all are
        right."""
        calls = self._steps(flow)
        # A call with all rows is not a step: it computes the loss for a history.
        steps = [step for step in calls if len(step.X) != len(self.X)]
        if not steps or len(self.X) in self.sizes:
            steps = calls
        made = [step.arguments[0] for step in steps]
        ended = RAISED not in flow.outputs
        if ended and any(len(step.X) == 0 for step in steps) and (loop := self._wrong_count(flow, made)) is not None:
            return loop
        for step in steps:
            if (wrong := self._wrong_argument(flow, step)) is not None:
                return wrong
        for event in integer_arrays(flow, flow.outputs.get(RAISED, ())):
            indices = flow.value(event)
            if indices is not None and indices.max(initial=0) >= len(self.X):  # raised because it is out of range
                return self._wrong_size(flow, event, indices.size)
        if not ended:
            return None
        if not steps:
            return self._never_entered(flow)
        if (loop := self._wrong_count(flow, made)) is not None:
            return loop
        sampled = self._may_be_sampled([self._indices(step.X) for step in steps])
        return None if sampled else self._not_shuffled(flow, steps[0].arguments[0])

    def is_called(self, flow: Flow) -> bool:
        """Return whether the student's code calls the function with rows, labels and regularisation."""
        return bool(self._steps(flow))

    def _steps(self, flow: Flow) -> list[_Step]:
        calls = [call for call in flow.calls if call.function == self.function]
        return [step for call in calls if (step := self._step(flow, call)) is not None]

    def _step(self, flow: Flow, call: TracedCall) -> _Step | None:
        """Return a call as a `_Step`; None for a call that has no labels, or has the validation data."""
        events = tuple(call.arguments.values())
        if len(events) < 3 or (rows := flow.value(events[0])) is None:
            return None
        D = self.X.shape[1]
        if rows.size % D:
            return _Step(np.full((1, D), np.nan), events)
        X = rows.reshape(-1, D)
        return None if X.shape == self.X_val.shape and np.allclose(X, self.X_val) else _Step(X, events)

    # ── the number of steps ──────────────────────────────────────────────────────────────────────────

    def _wrong_count(self, flow: Flow, steps: Sequence[int]) -> int | None:
        """Return the event (statement execution) at fault for a wrong number of steps: a loop, the computation of its
        number of iterations, or a `return` inside a loop. Return None if the number is right or there is no loop."""
        parents = [statement.parent for statement in map(flow.at, steps) if statement is not UNKNOWN]
        made = max((parents.count(p) for p in parents), default=0)  # one step can call the function in several places
        wanted = {self.epochs * per_epoch for per_epoch in self._steps_per_epoch}
        if made in wanted or (not flow.is_whole and made < max(wanted)):
            return None
        returned = max(flow.outputs.get("", ()), default=-1)
        if returned >= 0 and loops_around(flow, flow.at(returned).parent):
            return returned  # a return within a loop ends it too early
        loops = loops_around(flow, max(parents, key=parents.count, default=-1))
        if not loops:
            return None
        inner, outer = loops[0], loops[-1]
        epochs_made = len(outer) - 1  # the header runs once more at the end
        chosen = inner if epochs_made == self.epochs else outer
        rounds = made // max(epochs_made, 1) if chosen is inner is not outer else made
        return round_count_origin(flow, chosen[-1], rounds, self._right_numbers)

    def _never_entered(self, flow: Flow) -> int | None:
        """Return the event (statement execution) at fault for a loop whose body never ran: the event that computed a
        number of iterations of zero or less, or the loop itself. Return None if there is no such loop."""
        event = next(iter(loops_without_rounds(flow)), None)
        while event is not None:
            before = [s for s in flow.data_sources(event) if (n := flow.scalar(s)) is not None and n <= 0]
            before = [s for s in before if flow.at(s).reads]
            if not before:
                break
            event = max(before)
        return event

    # ── one step ─────────────────────────────────────────────────────────────────────────────────────

    def _wrong_argument(self, flow: Flow, step: _Step) -> int | None:
        """Return the event (statement execution) at fault for wrong rows, labels or regularisation of a step; None if
        all are right."""
        X, (of_X, of_y, of_reg, *_) = step.X, step.arguments
        y, reg = flow.value(of_y), flow.value(of_reg)
        same = np.abs(X[:, None] - self.X).max(axis=2) <= SAME * np.abs(self.X).max()
        if not same.any(axis=1).all():
            return computed_at(flow, of_X) if np.isfinite(X).all() else of_X
        if len(X) not in self.sizes:
            events = [e for e in sorted(flow.upstream([of_X])) if not flow.at(e).is_header]
            integers = [(e, n) for e in events for n in flow.integers(e) if n.size != 1]
            other = [e for e, n in integers if n.size not in (len(X), len(self.X), *self.sizes)]
            indices = [e for e, n in integers if n.size == len(X) and np.array_equal(self._rows(n), X)]
            return self._wrong_size(flow, max(indices or other[:1], default=iterable_origin(flow, of_X)), len(X))
        if y is None or y.size != len(X):
            return argument_origin(flow, of_y)
        if not (same & (y[:, None] == self.y)).any(axis=1).all():
            return self._wrong_labels(flow, step, y)
        return of_reg if reg is None or not np.allclose(reg, self.reg) else None

    def _wrong_labels(self, flow: Flow, step: _Step, y: Array) -> int:
        """Return the event (statement execution) at fault for labels `y` that do not belong to a step's rows."""
        of_X, of_y, *_ = step.arguments
        indices = [n for e in integer_arrays(flow, [of_X], len(step.X))[-1:] if (n := flow.value(e)) is not None]
        if any(np.array_equal(n, y) for n in indices):  # the indices of the rows were passed instead of the labels
            return of_y
        rows_are_right = any(np.array_equal(self._rows(n), step.X) for n in indices)
        computed = computed_at(flow, of_y if rows_are_right else of_X)
        wrong_arguments = [
            s
            for s in flow.sources_of_kind(computed, ARGUMENT)
            if any(n.size > 1 and not np.array_equal(n, self.y) for n in flow.integers(s))
        ]
        return max(wrong_arguments, default=computed)

    def _wrong_size(self, flow: Flow, event: int, size: int) -> int:
        """Return the event (statement execution) at fault if `event` drew a batch of the wrong size `size`: the event
        that computed the size, or else `event`."""
        while size > 1 and size != len(self.X):
            before = [s for s in flow.data_sources(event) if _counts(flow, s, size)]
            if not before:
                break
            event = max(before)
        return self._wrong_loop(flow, event) if size == 0 else event

    def _wrong_loop(self, flow: Flow, event: int) -> int:
        """Return the event (statement execution) at fault for an empty batch that `event` drew.

        If all batches of an epoch had been drawn before, the loop around `event` runs too often. Then return the event
        that computed its number of iterations, or the loop. Otherwise return `event`.
        """
        loops = flow.sources_of_kind(event, "for")
        order = set(flow.sources[event]).difference(loops)
        drawn = [e for e in flow.events_of(flow.rows[event]) if order.issubset(flow.sources[e])]
        if not loops or drawn.index(event) < min(self._steps_per_epoch):
            return event
        return round_count_origin(flow, max(loops), len(drawn), self._right_numbers)

    # ── the order of the rows ────────────────────────────────────────────────────────────────────────

    def _rows(self, indices: Array) -> Array:
        return self.X.take(indices.astype(int), 0, mode="wrap")

    def _indices(self, X: Array) -> Array:
        """Return for each row of X the index of the nearest row in the training data."""
        return np.asarray(np.abs(X[:, None] - self.X).sum(axis=2).argmin(axis=1))

    def _may_be_sampled(self, drawn: Sequence[Array]) -> bool:
        """Return whether the rows of all steps may have been drawn at random, given the rows' indices for each step."""
        N = len(self.X)
        if not drawn or len(np.unique(self.X, axis=0)) < N:
            return True
        indices = np.concatenate(drawn)
        return len(np.unique(indices)) > N // 2 and not np.array_equal(indices[:N], np.arange(N)[: len(indices)])

    def _not_shuffled(self, flow: Flow, event: int) -> int:
        """Return the first event (statement execution) that computed indices in a fixed order for the batch of `event`.
        If there is none, return the last event that computed indices, or `event`."""
        events = integer_arrays(flow, [event])
        odd = (e for e in events if (indices := flow.value(e)) is not None and not _is_shuffled(indices))
        return next(odd, max(events, default=event))


def _is_shuffled(indices: Array) -> bool:
    return len(np.unique(indices)) > indices.size // 2 and not np.array_equal(
        np.diff(indices), np.ones(indices.size - 1)
    )


def _counts(flow: Flow, event: int, size: int) -> bool:
    """Return whether the value of an event (statement execution) is the number `size`, or an array of `size`
    integers."""
    return any(n.size == size or (n.size == 1 and n[0] == size) for n in flow.integers(event))
