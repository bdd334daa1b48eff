"""Right results for models with parameters: losses, gradients, labels and trainings.

`ModelTruth` computes them with a reference class that has the same interface as the students' class. A known mistake is
a subclass of the reference class that overrides a method; `ModelTruth` of this subclass computes what code with the
mistake returns. The docstrings of the checks list the methods that they call.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial, wraps
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from grader.nets.problems import LEAST_GRADIENT, LEAST_LOSS, Params, Problem, Training, is_clear
from grader.sandbox.contract import Array

About = TypeVar("About")
Result = TypeVar("Result")
Histories = dict[str, list[float]]
MOST_ENDS = 2000
"""Limit on the sequences of batches that `ends` tries."""


def once(method: Callable[[Any, About], Result]) -> Callable[[Any, About], Result]:
    """Cache the results of a method of `ModelTruth` by its argument, for example a problem. The argument is recognised
    by its identity."""

    @wraps(method)
    def cached(truth: Any, about: About) -> Result:
        key = (method.__name__, id(about))
        if key not in truth.results:
            truth.results[key] = (about, method(truth, about))  # a reference to `about`, so that its id is not reused
        result: Result = truth.results[key][1]
        return result

    return cached


class ModelTruth:
    """Computes right results with a reference class. Results are cached by problem, for use by several claims.

    The reference class has `params`, `loss`, `train` and `predict`, as the students' class does. It draws batches with
    its attribute `random` (by default the module `numpy.random`), which is replaced by a seeded generator here.

    Arguments and results of the methods are plain data or dataclasses of plain data, so that they can be recorded for
    students, who do not get the reference. An assignment that judges gradients by the students' own scores adds a
    method `gradients_from(problem, probabilities)`, which returns the gradients that a right backward pass computes
    from these probabilities (N, C). The loss is assumed to be the mean cross-entropy of a softmax plus regularisation.
    For another loss, override `data_loss` and `probabilities_of`.

    Args:
        model: The reference class, or a subclass with a known mistake.
    """

    loosely_compared = frozenset({"ends"})
    """Methods whose results are compared with a loose tolerance. A student's pack stores them in float32."""

    def __init__(self, model: type) -> None:
        self.model = model
        self.results: dict[tuple[str, int], tuple[Any, Any]] = {}
        """Cached results of the methods decorated with `once`."""

    # ── parts to override for a reference with other methods ─────────────────────────────────────────

    def make(self, problem: Problem) -> Any:
        """Return a reference model with the problem's parameters."""
        key = self.model, f"{problem.sizes} {problem.options}"
        copied_model = _COPIERS.get(key)
        if copied_model is None:
            if len(_COPIERS) >= MOST_COPIERS:
                _COPIERS.clear()
            copied_model = _COPIERS[key] = _copier(self.model(*problem.sizes, **problem.options))
        model = copied_model()
        model.params = {name: np.array(value) for name, value in problem.params.items()}
        return model

    def loss_by(self, model: Any, problem: Problem) -> float:
        """Return the loss of a reference model on the problem's batch."""
        return float(model.loss(problem.X, problem.y, problem.reg)[0])

    def gradients_by(self, model: Any, problem: Problem) -> Params:
        """Return the gradients of a reference model on the problem's batch."""
        gradients: Params = model.loss(problem.X, problem.y, problem.reg)[1]
        return gradients

    def begin(self, training: Training) -> Any:
        """Return a reference model as it is before the first step of train."""
        return self.make(training.problem)

    def step(self, model: Any, batch: Problem, rate: float) -> None:
        """Make one step of train: change a model's parameters in place.

        Args:
            model: The model to change.
            batch: The batch of the step. Its parameters are not used.
            rate: Learning rate.
        """
        self.move(model, self.gradients_by(model, batch), rate)

    def move(self, model: Any, gradients: Params, rate: float) -> None:
        """Subtract the learning rate times the gradients from a model's parameters, in place.

        Args:
            model: The model to change.
            gradients: Gradients by parameter name.
            rate: Learning rate.
        """
        model.params = {name: value - rate * gradients[name] for name, value in model.params.items()}

    def batch_sizes(self, training: Training) -> list[int]:
        """Return the number of rows of each batch in a training."""
        return [training.batch_size] * training.iterations

    def smooth_rows(self, problem: Problem) -> Array:
        """Return one bool for each row (N,) of the batch: True if the loss is smooth there (no unit is near a kink)."""
        return np.ones(len(problem.X), bool)

    def data_loss(self, problem: Problem, scores: Array) -> float:
        """Return the loss for these scores (N, C), without regularisation."""
        log_probabilities = log_softmax(scores)
        rows = np.arange(len(problem.y))
        return -float(log_probabilities[rows, problem.y].mean())

    def probabilities_of(self, scores: Array) -> Array:
        """Return the probabilities (N, C) for these scores (N, C)."""
        return np.asarray(np.exp(log_softmax(scores)))

    # ── losses, gradients and labels ─────────────────────────────────────────────────────────────────

    @once
    def scores(self, problem: Problem) -> Array:
        """Return the scores (N, C), which loss(X) returns."""
        return np.asarray(self.make(problem).loss(problem.X))

    def scores_at(self, problem: Problem) -> Array:
        """Return the scores (N, C) without caching them, for a problem that is used only once.

        If predict uses other scores than those that loss(X) returns, override this method to return the scores of
        predict.
        """
        return np.asarray(self.make(problem).loss(problem.X))

    @once
    def loss(self, problem: Problem) -> float:
        """Return the loss of the problem's batch, including regularisation."""
        return self.loss_by(self.make(problem), problem)

    @once
    def gradients(self, problem: Problem) -> Params:
        """Return the gradients by parameter name, in the shapes of the parameters."""
        return self.gradients_once(problem)

    def gradients_once(self, problem: Problem) -> Params:
        """Return the gradients without caching them, for a problem that is used only once."""
        return self.gradients_by(self.make(problem), problem)

    def losses_near(self, problem: Problem, name: str) -> Array:
        """Return the losses (K,) for the K slightly changed sets of parameters in `nudged(problem, name)`."""
        cached_losses = _LOSSES_NEAR.setdefault(problem, {})
        if (self.model, name) not in cached_losses:
            stacks, model, losses = nudged(problem, name), self.make(problem), []
            for values in zip(*stacks.values(), strict=True):
                model.params = dict(zip(stacks, values, strict=True))
                losses.append(self.loss_by(model, problem))
            cached_losses[self.model, name] = np.array(losses)
        return cached_losses[self.model, name]

    def labels(self, problem: Problem) -> Array:
        """Return the labels (N,) that predict should return."""
        return np.asarray(self.make(problem).predict(problem.X))

    def best(self, problem: Problem) -> Array:
        """Return the class with the largest score for each row (N,), computed without predict."""
        return np.asarray(self.scores_at(problem).argmax(axis=1))

    def accuracy(self, problem: Problem) -> float:
        """Return the share of rows in which the class with the largest score is the label."""
        return float(np.mean(self.best(problem) == problem.y))

    def clear_rows(self, problem: Problem) -> Array:
        """Return one bool for each row (N,): True if its largest score leads by more than rounding can change."""
        return is_clear(self.scores_at(problem))

    # ── draws ────────────────────────────────────────────────────────────────────────────────────────

    def well_posed(self, problem: Problem) -> bool:
        """Return whether a problem is suitable for grading: loss and gradients are large enough to be compared, and the
        loss is smooth.

        For such problems, the errors of right float32 solutions are far below the tolerance.
        """
        if self.loss(problem) < LEAST_LOSS or not self.smooth_rows(problem).all():
            return False
        gradients: Params = self.gradients(problem)
        return all(np.linalg.norm(gradient) >= LEAST_GRADIENT for gradient in gradients.values())

    def well_posed_training(self, training: Training) -> bool:
        """Return whether the loss is smooth and the label clear after each step of a training on copies of one
        example."""
        row = training.problem.rows(slice(1))
        problems = map(row.at, self.after_steps(training))
        return all(self.smooth_rows(problem).all() and self.clear_rows(problem).all() for problem in problems)

    def after_epochs(self, training: Training) -> list[Params]:
        """Return the parameters after each epoch of a training on copies of one example."""
        _, *params_after_steps = self.after_steps(training)
        return [params for step, params in enumerate(params_after_steps) if training.ends_epoch(step)]

    def after_steps(self, training: Training) -> Iterator[Params]:
        """Yield the parameters before a training on copies of one example, and then after each of its steps."""
        model = self.begin(training)
        yield dict(model.params)
        for rate in training.rates():
            self.step(model, training.problem, rate)
            yield dict(model.params)

    # ── trainings ────────────────────────────────────────────────────────────────────────────────────

    def trained(self, training: Training) -> tuple[Params, Histories]:
        """Return the parameters after a training, and train's histories. Batches are drawn with a fixed seed."""
        params, histories, _ = self._trained_on(training)
        return params, histories

    @once
    def _trained_on(self, training: Training) -> tuple[Params, Histories, tuple[Array, ...]]:
        """Return the parameters and histories after a training, and the arrays X, y, X_val and y_val. Code with a
        mistake may have changed these arrays."""
        model, data = self.make(training.problem), copied(training)
        histories = self.train_by(model, training, data)
        return model.params, histories, data  # read after train, since a train with a mistake may replace the dict

    def learnt(self, training: Training) -> Iterator[tuple[Params, float]]:
        """Yield, once and computed when it is asked for, the parameters after a training and their loss on its data,
        without regularisation."""
        params, _ = self.trained(training)
        yield params, self.loss(replace(training.problem.at(params), reg=0.0))

    def trained_parameters(self, training: Training) -> Params:
        """Return the parameters after a training. Matrices with many entries are replaced by their `sketch`."""
        params, _ = self.trained(training)
        return {name: sketch(value) if np.size(value) > _MANY else value for name, value in params.items()}

    @once
    def trained_again(self, training: Training) -> Params:
        """Return the parameters after a second run of a training, with the arrays as the first run has left them. A run
        on unchanged arrays is not repeated."""
        params, _, data = self._trained_on(training)
        if not all(map(np.array_equal, data, copied(training))):
            model = self.make(training.problem)
            self.train_by(model, training, data)
            params = model.params
        return dict(params)

    def train_by(self, model: Any, training: Training, data: tuple[Array, ...]) -> Histories:
        """Train a model in place.

        Args:
            model: The model to train.
            training: The arguments of train. Only reg and the recipe are used.
            data: The arrays X, y, X_val and y_val.

        Returns:
            The histories that train returns.
        """
        model.random = np.random.default_rng(0)
        histories: Histories = model.train(*data, reg=training.problem.reg, **training.recipe)
        return histories

    def ends(self, training: Training) -> Iterator[Params] | None:
        """Yield the changes of the parameters in a training, for every possible sequence of batches. Each is computed
        when it is asked for; sequences that use more of the rows come first. Return None if there are more than
        `MOST_ENDS` sequences.

        A batch may contain a row twice, as batches that are drawn with replacement do.
        """
        rows = range(len(training.problem.X))
        batches = [list(itertools.combinations_with_replacement(rows, size)) for size in self.batch_sizes(training)]
        if math.prod(map(len, batches)) > MOST_ENDS:
            return None
        sequences = sorted(itertools.product(*batches), key=_rows_used, reverse=True)
        return (self._change(training, sequence) for sequence in sequences)

    def _change(self, training: Training, sequence: tuple[tuple[int, ...], ...]) -> Params:
        """Return the changes of the parameters in a training with these batches. They are cached, as by `once`."""
        key = f"change {sequence}", id(training)
        if key not in self.results:
            params, start = self._follow(training, sequence), training.problem.params
            self.results[key] = training, {name: params[name] - value for name, value in start.items()}
        change: Params = self.results[key][1]
        return change

    @once
    def in_order(self, training: Training) -> Params:
        """Return the parameters after one epoch whose batches follow the order of the data."""
        rows = np.arange(len(training.problem.X)).reshape(training.steps, training.batch_size)
        return self._follow(training, rows)

    def _follow(self, training: Training, batches: Iterable[Sequence[int] | Array]) -> Params:
        """Return the parameters after one step on each batch of row indices, with the initial learning rate."""
        model = self.begin(training)
        for rows in map(list, batches):
            self.step(model, training.problem.rows(rows), float(training.recipe["learning_rate"]))
        return dict(model.params)

    def moved_by(self, training: Training, gradients: Params) -> Params:
        """Return the parameters after a training in which each step uses these gradients."""
        model = self.make(training.problem)
        for rate in training.rates():
            self.move(model, gradients, rate)
        return dict(model.params)

    def loss_from(self, problem: Problem, scores: Array) -> float:
        """Return the loss for these scores (N, C), with the labels and the regularisation of the problem."""
        penalty = self.loss(problem) - self.data_loss(problem, self.scores_at(problem))
        return self.data_loss(problem, scores) + penalty


MOST_COPIERS = 2000
_COPIERS: dict[tuple[type, str], Callable[[], Any]] = {}
"""Reference class and arguments of its constructor → function that returns a new model without parameters. Constructors
draw parameters, which takes longer than all that small problems need, so each is called once for all gradings."""


def _copier(model: Any) -> Callable[[], Any]:
    """Return a function that returns copies of a model without its parameters."""
    model.params = None
    attributes = getattr(model, "__dict__", None)
    are_constants = attributes is not None and all(
        isinstance(value, str | int | float | None) for value in attributes.values()
    )
    return partial(copy.copy if are_constants else copy.deepcopy, model)


def _rows_used(sequence: tuple[tuple[int, ...], ...]) -> int:
    """Return the number of different rows in a sequence of batches."""
    return len(set(itertools.chain(*sequence)))


_LOSSES_NEAR: WeakKeyDictionary[Problem, dict[tuple[type, str], Array]] = WeakKeyDictionary()
"""Cached results of `losses_near`. The published problems are the same for every submission."""


def log_softmax(scores: Array) -> Array:
    """Return the logarithm of the softmax of each row of scores."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    total = np.exp(shifted).sum(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(total))


def copied(training: Training) -> tuple[Array, Array, Array, Array]:
    """Return copies of a training's X, y, X_val and y_val, for code that may change them in place."""
    problem = training.problem
    return problem.X.copy(), problem.y.copy(), training.X_val.copy(), training.y_val.copy()


# ── gradients in few numbers ─────────────────────────────────────────────────────────────────────────

_SKETCH_ROWS = 4
_MANY = 10_000
"""Matrices with more entries are compared by their sketches after a training."""


def sketch(gradient: Array) -> Array:
    """Shorten a gradient matrix (D, H) to 4 random sums of its rows (4, H), for comparisons. Vectors are unchanged.

    Two matrices and their sketches have about the same relative difference. A sketch takes a hundredth of the space
    when it is recorded for students.
    """
    if gradient.ndim < 2:
        return gradient
    rows = np.random.default_rng(0).normal(size=(_SKETCH_ROWS, len(gradient)))
    return np.asarray(rows @ gradient / _SKETCH_ROWS**0.5)


# ── numerical gradients ──────────────────────────────────────────────────────────────────────────────

NUDGE, FAR = 1e-5, 0.05
"""Changes of a parameter in `nudged`: `NUDGE` for a single entry, and `FAR` for all entries at once."""


@lru_cache(maxsize=32)  # published problems are the same for every submission
def nudged(problem: Problem, name: str) -> Params:
    """Return sets of parameters for the numerical gradient of one parameter with n entries.

    In the first n sets, one entry is increased by `NUDGE`; in the next n, one is decreased by `NUDGE`. In the last two,
    all entries are increased or decreased by `FAR`.

    Returns:
        Stacks (2n + 2, *shape) of all parameters, by name.
    """
    size = problem.params[name].size
    stacks = {parameter: np.repeat(value[None], 2 * size + 2, axis=0) for parameter, value in problem.params.items()}
    flat = stacks[name].reshape(2 * size + 2, size)
    entries = np.arange(size)
    flat[entries, entries] += NUDGE
    flat[entries + size, entries] -= NUDGE
    flat[-2] += FAR
    flat[-1] -= FAR
    return stacks
