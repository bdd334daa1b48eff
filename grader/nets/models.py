"""A student's model in the sandbox, with parameters that the grader chooses.

The model is an object with a dict `params` and these methods: `loss(X)` → scores; `loss(X, y, reg=…)` → (loss,
gradients by parameter name); `train(X, y, X_val, y_val, reg=…, **recipe)` → histories by name; `predict(X)` → labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from grader.guest.wire import Ref
from grader.kit.answer import Answer
from grader.kit.compare import near, numbers
from grader.kit.student import Remote, Student
from grader.kit.verdict import Verdict
from grader.model import Failure
from grader.nets.problems import Params, Problem, Training
from grader.sandbox.contract import Array

AGAIN = ", called a second time,"


class Model:
    """A student's model in the sandbox, with a problem's parameters.

    Args:
        student: The submission, in a session that has begun.
        problem: The problem whose parameters are put into the model. Its batch is not used.
    """

    def __init__(self, student: Student, problem: Problem) -> None:
        self._student = student
        self._names = tuple(problem.params)
        self.remote, _, params = student.new_with("params", problem.params, *problem.sizes, **problem.options)
        self._note_precision(params)

    @property
    def single(self) -> bool:
        """True if the student's code computes in float32."""
        answers, self._student.unexamined = self._student.unexamined, []
        if any(map(_single_precision, answers)):
            self._student.in_single = True
        return self._student.in_single

    def _note_precision(self, answer: Answer) -> None:
        self._student.unexamined.append(answer)

    def put(self, params: Params) -> Answer:
        """Replace the model's parameters."""
        return self.remote.put("params", params)

    def loss(self, problem: Problem) -> Answer:
        """Call loss on the problem's batch, and return the answer (loss, grads). The arrays X and y stay in the sandbox
        for `loss_again`."""
        X, y = self._student.keep(X=problem.X, y=problem.y)
        answer = self.remote.call_as_written("loss", X, y, reg=problem.reg)
        self._note_precision(answer.item(1, "grads"))
        return answer

    def loss_again(self, problem: Problem) -> Answer:
        """Repeat the last call of loss with the same arrays X and y, even if that call has changed them."""
        again = self.remote.call("loss", Ref("X"), Ref("y"), reg=problem.reg)
        return again.named(f"{again.what}{AGAIN}")

    def scores(self, X: Array) -> Answer:
        """Call loss(X), and return the scores (N, C)."""
        return self.remote.call_as_written("loss", X)

    def losses_at(self, stacks: Mapping[str, Array], problem: Problem) -> Answer:
        """Return the losses (K,) for K sets of parameters, given as stacks (K, *shape)."""
        return self.remote.call_many("params", stacks, "loss", problem.X, problem.y, reg=problem.reg)

    def predict(self, X: Array) -> Answer:
        """Call predict(X), and return the labels (N,)."""
        return self.remote.call("predict", X)

    def train(self, training: Training) -> Answer:
        """Call train, and return its answer.

        If train raises and predict does not work, train again with a predict that returns zeros. (Another check judges
        predict.)
        """
        stats = self._train_on(training)
        self.remote.if_it_raises(partial(self._train_without_predict, training))
        return stats

    def _train_without_predict(self, training: Training, failure: Failure) -> Any:
        """Return what train returns with a predict that returns zeros; the failure of train if predict works."""
        if not predicts_nothing(self.remote, training.problem.X):
            return failure
        self.remote.stand_in("predict")
        self.put(training.problem.params)
        return self._train_on(training).value

    def _train_on(self, training: Training) -> Answer:
        problem = training.problem
        self._student.keep(X=problem.X, y=problem.y, X_val=training.X_val, y_val=training.y_val)
        return self._train_on_arrays(training)

    def train_again(self, training: Training) -> Answer:
        """Call train again from the same initial parameters with the same arrays, even if train has changed these."""
        self.put(training.problem.params)
        again = self._train_on_arrays(training)
        return again.named(f"{again.what}{AGAIN}")

    def _train_on_arrays(self, training: Training) -> Answer:
        data = (Ref("X"), Ref("y"), Ref("X_val"), Ref("y_val"))
        return self.remote.call_as_written("train", *data, reg=training.problem.reg, **training.recipe)

    def parameters(self) -> dict[str, Answer]:
        """Return the model's current parameters, by name."""
        params = self.remote.get("params")
        self._note_precision(params)
        return {name: params.item(name, f"params['{name}']") for name in self._names}


def predicts_nothing(model: Remote, X: Array) -> bool:
    """Return whether predict does not work: it raises, or does not return one number for each row."""
    return isinstance(numbers(model.call("predict", X), (len(X),)), Verdict)


# ── parts of answers ─────────────────────────────────────────────────────────────────────────────────


def loss_of(answer: Answer) -> Answer:
    """Return the loss from an answer of `Model.loss`."""
    return answer.item(0, answer.what)


def gradient_of(answer: Answer, name: str) -> Answer:
    """Return one parameter's gradient from an answer of `Model.loss`."""
    again = AGAIN if AGAIN in answer.what else ""
    return answer.item(1, "grads").item(name, f"grads['{name}']{again}")


def gradients_of(answer: Answer, params: Params) -> Params | Verdict:
    """Return all gradients from an answer of `Model.loss`, by name and in the shapes of the parameters. If one is
    unusable, return a failed verdict on it."""
    return arrays({name: gradient_of(answer, name) for name in params}, params)


def history_of(stats: Answer, name: str) -> Answer:
    """Return one of train's histories as an array. (The sandbox sends a list of several numbers as an array, but a list
    of one number as a list.)"""
    if stats.failure is not None:
        return stats  # the failure is told as that of train, and not of one history
    history = stats.item(name, name)
    if type(history.value) is list and len(history.value) == 1:
        entry = numbers(history.item(0, name), ())
        return history if isinstance(entry, Verdict) else replace(history, value=entry.reshape(1))
    return history


def last_of(history: Answer) -> Answer:
    """Return the last entry of one of train's histories, which may have any length."""

    def last_entry() -> Any:
        value = history.value
        if type(value) is np.ndarray and value.ndim == 1 and value.size:
            return value[-1:]
        return history.item(0, history.what).value if type(value) is list else value

    return Answer.later(history.what, last_entry)


def arrays(answers: Mapping[str, Answer], params: Params) -> Params | Verdict:
    """Return all answers as finite arrays of the parameters' shapes; a failed verdict if an answer is unusable."""
    values: Params = {}
    for name, param in params.items():
        value = numbers(answers[name], param.shape)
        if isinstance(value, Verdict):
            return value
        values[name] = value
    return values


def floats_of(answer: Answer) -> Array:
    """Return an answer's floating-point numbers, NaN included; an empty array if it has none."""
    if type(answer.value) is float:
        return np.asarray(answer.value)
    is_floats = type(answer.value) is np.ndarray and answer.value.dtype.kind == "f"
    return answer.value if is_floats else np.zeros(0)


def is_near(got: Array | float, want: Array | float, *, single: bool = False, rtol: float = 1e-6) -> bool:
    """Return whether two arrays or numbers agree in norm (see `near`).

    Args:
        got, want: Arrays of one shape, or numbers.
        single: True for the tolerance of float32.
        rtol: Relative tolerance of the norm of their difference.

    Returns:
        True if they agree.
    """
    return near(Answer("", np.asarray(got, np.float64)), want, single=single, rtol=rtol).holds


SIMILAR = 0.1
"""Cosine between two gradients above which they are not similar by chance. Random ones of 640 entries have 0.04."""


def cosine(first: Array, second: Array) -> float:
    """Return the cosine of the angle between two arrays of one shape; 0 if one of them is zero."""
    lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(np.vdot(first, second)) / lengths if lengths else 0.0


def flattened(params: Params) -> Array:
    """Return the entries of all parameters as one vector."""
    return np.concatenate([params[name].ravel() for name in sorted(params)])


# ── float32 ──────────────────────────────────────────────────────────────────────────────────────────


def _single_precision(answer: Answer) -> bool:
    """Return whether an answer has float32 arrays, or float64 matrices that were cast from float32. (Vectors are not
    tested for a cast: with a saturated softmax, the gradients of biases are simple fractions that look as if they were
    cast.)"""
    if not isinstance(answer.value, dict):
        return False
    for value in answer.value.values():
        if type(value) is not np.ndarray or value.dtype.kind != "f":
            continue
        if value.dtype.itemsize < 8:
            return True
        is_matrix = value.ndim == 2 and 1 not in value.shape
        if is_matrix and _was_cast(value):
            return True
    return False


def _was_cast(value: Array) -> bool:
    """Return whether an array looks as if it was cast from float32: every entry is a float32 number, and most entries
    use the lowest bits of this format, as simple fractions do not."""
    with np.errstate(over="ignore"):
        single = value.astype(np.float32)
    if value.size < 2 or np.any(single != value) or not np.isfinite(single).all():
        return False
    bits = single[single != 0].view(np.uint32) & 0xFF
    return bool(np.unique(single).size > 1 and bits.size > 1 and np.mean(bits != 0) > 0.5)
