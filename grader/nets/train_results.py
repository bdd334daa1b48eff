"""The result of a student's `train`, and its comparison with right parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from grader.kit.answer import Answer
from grader.kit.compare import near, numbers
from grader.kit.student import Student
from grader.kit.verdict import Verdict, all_hold, call_failure, failed, passed
from grader.nets.model_truth import Histories, sketch
from grader.nets.models import Model, arrays, floats_of, history_of
from grader.nets.own_answers import model_in_session
from grader.nets.problems import Params, Training
from grader.sandbox.contract import Array

DIVERGED = 1e6
"""A training counts as diverged if a parameter's largest entry has grown by more than this factor."""


@dataclass(frozen=True)
class TrainingResult:
    """The parameters and histories after a training, as plain data."""

    params: Params
    histories: Histories


@dataclass(frozen=True)
class TrainAnswer:
    """The result of a student's train.

    Args:
        training: The arguments of train.
        stats: The answer of train.
        params: The parameters afterwards, by name.
        model: The trained model.
    """

    training: Training
    stats: Answer
    params: Mapping[str, Answer]
    model: Model

    @property
    def single(self) -> bool:
        """True if the student's code computes in float32."""
        return self.model.single

    def history(self, name: str) -> Answer:
        """Return one of train's histories as an array."""
        return history_of(self.stats, name)

    def arrays(self) -> Params | Verdict:
        """Return the parameters as finite arrays of the right shapes. If train has failed or a parameter is unusable,
        return a failed verdict."""
        return call_failure(self.stats) or arrays(self.params, self.training.problem.params)

    def compare(self, expected: Params) -> Verdict:
        """Compare the parameters with the right ones, or with their sketches (`sketch`). Right parameters pass even if
        train raised later."""
        verdict = self.compare_moves(expected)
        failure = call_failure(self.stats)
        if failure is None or (verdict.holds and not self.agrees(self.training.problem.params)):
            return verdict
        return failure

    def compare_moves(self, expected: Params) -> Verdict:
        """Compare the changes of all parameters with the right changes, even if train failed."""
        return all_hold(self._verdicts(expected))

    def agrees(self, expected: Params) -> bool:
        """Return whether `compare_moves` passes, but stop at the first parameter that differs."""
        return all(verdict.holds for verdict in self._verdicts(expected))

    def _verdicts(self, expected: Params) -> Iterator[Verdict]:
        """Yield the verdict on the change of each parameter."""
        for name in self.training.problem.params:
            yield self._compare_move(name, expected[name])

    def _compare_move(self, name: str, expected: Array) -> Verdict:
        """Compare the change of one parameter in the training with the right change.

        Args:
            name: Name of the parameter.
            expected: The right parameter after the training, or its `sketch`. The student's parameter is then sketched
                too. If `expected` has diverged, any parameter passes that has diverged as well.
        """
        answer, start = self.params[name], self.training.problem.params[name]
        if expected.shape != start.shape:  # `expected` is a sketch
            floats = floats_of(answer)
            # NaN and infinity are kept where possible, since a sketch shows whether the training has diverged
            value = floats if floats.shape == start.shape else numbers(answer, start.shape)
            if isinstance(value, Verdict):
                return value
            with np.errstate(all="ignore"):
                answer, start = Answer(answer.what, sketch(value)), sketch(start)
        if has_diverged(expected, start):  # with a known mistake, the truth may diverge as the student's training does
            diverges_too = has_diverged(floats_of(answer), start)
            return passed() if diverges_too else failed(f"{answer.what} does not diverge")
        value = numbers(answer, start.shape)
        if isinstance(value, Verdict):
            return value
        if np.array_equal(value, start) and not np.array_equal(expected, start):
            return failed(f"{answer.what} is unchanged by train")
        change = Answer(f"the change of {answer.what} in training", value - start)
        # allow for the rounding of the parameters themselves
        rounding = (1e-6 if self.single else 1e-14) * float(np.linalg.norm(expected))
        return near(change, expected - start, single=self.single, atol=rounding)


def has_diverged(values: Array, start: Array) -> bool:
    """Return whether an array has diverged in a training: it is infinite, NaN, or more than `DIVERGED` times as large
    as at the start."""
    if not np.isfinite(values).all():
        return True
    largest, largest_at_start = (np.abs(array).max(initial=0) for array in (values, start))
    return bool(largest > DIVERGED * largest_at_start)


def train(student: Student, training: Training, model: Model | None = None) -> TrainAnswer:
    """Call the student's train, and return its result.

    Args:
        student: The submission. A session is started if none is running.
        training: The arguments of train.
        model: The model to train; by default a new one.
    """
    model = model or model_in_session(student, training.problem)
    stats = model.train(training)
    return TrainAnswer(training, stats, model.parameters(), model)
