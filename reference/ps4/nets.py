"""A student's net inside the sandbox, at parameters that we choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from weakref import WeakSet

import numpy as np

from grader.checks.answer import Answer
from grader.checks.claim import Verdict, failed, near, numbers
from grader.checks.student import Remote, Student
from grader.guest.wire import Ref
from grader.model import Raised

from .problems import Array, Params, Problem, Training

PARAMETERS = ("W1", "b1", "W2", "b2")


class Net:
    """A student's net with given parameters. Arguments with a default in the handout are always passed."""

    def __init__(self, student: Student, activation: str, params: Params) -> None:
        (D, H), C = params["W1"].shape, params["b2"].size
        self._student = student
        self.remote: Remote
        self.remote, self._put, held = student.new_with("params", params, D, H, C, std=0.1, activation=activation)
        self._note_precision(held)

    @property
    def single(self) -> bool:
        """True if this student computes in float32."""
        return self._student in _IN_SINGLE

    def _note_precision(self, answer: Answer) -> None:
        if _single_precision(answer):
            _IN_SINGLE.add(self._student)

    def loss(self, problem: Problem) -> Answer:
        """Return (loss, grads) at the problem's data, which are kept in the sandbox as arrays X and y."""
        if self._put.failure is not None:
            return self._put
        X, y = self._student.keep(X=problem.X, y=problem.y)
        answer = self.remote.call("loss", X, y, reg=problem.reg)
        self._note_precision(answer.item(1, "grads"))
        return answer

    def loss_again(self, problem: Problem) -> Answer:
        """Repeat the same call on the same arrays, even if the first call has changed them."""
        again = self.remote.call("loss", Ref("X"), Ref("y"), reg=problem.reg)
        return replace(again, what=f"{again.what}, called a second time,")

    def scores(self, X: Array) -> Answer:
        """Return loss(X), the scores (N, C)."""
        return self._put if self._put.failure is not None else self.remote.call("loss", X)

    def scores_at(self, stacks: Mapping[str, Array], X: Array) -> Answer:
        """Return the scores (N, C) at each of K sets of parameters, given as stacks (K, *shape)."""
        return self.remote.call_many("params", stacks, "loss", X)

    def kept_as_it_was(self, problem: Problem) -> bool:
        """Return whether loss has left X and y alone."""
        kept = self._student.look("X", "y")
        return all(
            np.array_equal(kept.item(name, name).value, value) for name, value in (("X", problem.X), ("y", problem.y))
        )

    def train(self, training: Training) -> Answer:
        """Train on data kept in the sandbox. predict is judged separately: if it does not work and train raises, train
        again with a stand-in for predict."""
        if self._put.failure is not None:
            return self._put
        stats = self._train_on(training)
        if isinstance(stats.failure, Raised) and predicts_nothing(self.remote, training.problem.X):
            self.remote.stand_in("predict")
            self.remote.put("params", training.problem.params)
            stats = self._train_on(training)
        return stats

    def _train_on(self, training: Training) -> Answer:
        problem = training.problem
        self._student.keep(X=problem.X, y=problem.y, X_val=training.X_val, y_val=training.y_val)
        return self._train(training)

    def train_again(self, training: Training) -> Answer:
        """Train from the same parameters on the same arrays, even if the first training has changed them."""
        self.remote.put("params", training.problem.params)
        again = self._train(training)
        return replace(again, what=f"{again.what}, called a second time,")

    def _train(self, training: Training) -> Answer:
        data = (Ref("X"), Ref("y"), Ref("X_val"), Ref("y_val"))
        return self.remote.call("train", *data, reg=training.problem.reg, **training.recipe)

    def parameters(self) -> dict[str, Answer]:
        params = self.remote.get("params")
        self._note_precision(params)
        return {name: params.item(name, f"params['{name}']") for name in PARAMETERS}


def predicts_nothing(net: Remote, X: Array) -> bool:
    """Return whether predict raises, or answers something else than a number for each row."""
    return isinstance(numbers(net.call("predict", X), (len(X),)), Verdict)


def loss_of(answer: Answer) -> Answer:
    return answer.item(0, answer.what)


def gradient_of(answer: Answer, name: str) -> Answer:
    again = ", called a second time," if "second time" in answer.what else ""
    return answer.item(1, "grads").item(name, f"grads['{name}']{again}")


def history_of(stats: Answer, name: str) -> Answer:
    """Return one of train's histories as an array; a list of one number does not come as one."""
    history = stats.item(name, name)
    if type(history.value) is list and len(history.value) == 1:
        one = numbers(history.item(0, name), ())
        return history if isinstance(one, Verdict) else replace(history, value=one.reshape(1))
    return history


def arrays(answers: Mapping[str, Answer], shapes: Mapping[str, Sequence[int]]) -> Params | Verdict:
    """Return all of them as numbers, or what is wrong with the first that is not."""
    found: Params = {}
    for name, shape in shapes.items():
        value = numbers(answers[name], shape)
        if isinstance(value, Verdict):
            return value
        found[name] = value
    return found


def gradients_of(answer: Answer, params: Params) -> Params | Verdict:
    """Return loss's gradients by parameter name, each of its parameter's shape, or what is wrong with them."""
    found = {name: gradient_of(answer, name) for name in PARAMETERS}
    return arrays(found, {name: value.shape for name, value in params.items()})


def is_near(got: Array | float, want: Array | float, *, single: bool = False, rtol: float = 1e-6) -> bool:
    """Return whether two arrays or numbers agree in norm."""
    return near(Answer("", np.asarray(got, np.float64)), want, single=single, rtol=rtol).holds


def parameters_after(stats: Answer, after: Mapping[str, Answer], training: Training) -> Params | Verdict:
    """Return the parameters after a training, or the verdict on what is wrong."""
    if (wrong := failed(stats)) is not None:
        return wrong
    return arrays(after, {p: value.shape for p, value in training.problem.params.items()})


# ── float32 ──────────────────────────────────────────────────────────────────────────────────────────

_IN_SINGLE: WeakSet[Student] = WeakSet()
"""Students with an answer in float32, from any net. If only the computation is in float32 and the parameters are
float64, the gradients alone show it; that is as right."""


def _single_precision(answer: Answer) -> bool:
    """Return whether an array is float32, or a weight was cast from it. Biases' gradients tell nothing: if the softmax
    saturates they are simple fractions."""
    values = answer.value if isinstance(answer.value, dict) else {}
    floats = {n: v for n, v in values.items() if type(v) is np.ndarray and v.dtype.kind == "f"}
    return any(v.dtype.itemsize < 8 or (name.startswith("W") and _was_cast(v)) for name, v in floats.items())


def _was_cast(value: Array) -> bool:
    """Return whether float32 represents every entry exactly, and most nonzero ones need all its 24 bits, unlike
    constants and simple fractions."""
    with np.errstate(over="ignore"):
        single = value.astype(np.float32)
    if value.size < 2 or not np.isfinite(single).all() or np.any(single != value):
        return False
    bits = single[single != 0].view(np.uint32) & 0xFF
    return bool(np.unique(single).size > 1 and bits.size > 1 and np.mean(bits != 0) > 0.5)
