"""Random problems for models with parameters.

The problems are well-posed: rounding cannot decide their results. All lengths in a problem differ, so that code that
confuses two axes fails. Functions that return an `Each` are meant for `check(each=…)`. An `Each` is a function (`Draw`,
truth) → problems. It draws from the generator in `Draw`, and calls only methods of `grader.nets.ModelTruth`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import Any, Self

import numpy as np

from grader.kit.draws import Draw, Each, until
from grader.sandbox.contract import Array

Params = dict[str, Array]

LEAST_LOSS, LEAST_GRADIENT = 0.1, 1e-2
"""Least loss of a well-posed problem, and least norm of the gradient of each parameter."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A batch for a model, with the model's parameters.

    Args:
        params: The model's parameters by name, in the order in which they are drawn.
        X: Inputs (N, D).
        y: Right classes (N,), integers 0 … C-1.
        reg: Regularisation strength.
        sizes: Positional arguments of the model's constructor: the number of inputs first, the number of classes last.
        options: Keyword arguments of the constructor: all that the handout names.
    """

    params: Params
    X: Array
    y: Array
    reg: float = 0.0
    sizes: tuple[int, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def inputs(self) -> int:
        """Number of inputs, D."""
        return self.sizes[0]

    @property
    def classes(self) -> int:
        """Number of classes, C."""
        return self.sizes[-1]

    @property
    def weights(self) -> list[str]:
        """Names of the parameters that are matrices."""
        return [name for name, value in self.params.items() if value.ndim > 1]

    def at(self, params: Params) -> Self:
        """Return a copy of the problem with these parameters replaced."""
        return replace(self, params=self.params | params)

    def rows(self, rows: Any) -> Self:
        """Return a copy of the problem with some rows of its batch, given as a slice, indices or a mask."""
        return replace(self, X=self.X[rows], y=self.y[rows])

    def gentle(self) -> Self:
        """Return a similar problem for which no unit of a right model is saturated or inactive. It is used to test
        whether a student's model uses its data.

        Override this method for models whose units can saturate.
        """
        return self


@dataclass(frozen=True, eq=False)
class Pair:
    """Two batches for one model. The second reveals state that the model keeps between calls."""

    first: Problem
    second: Problem


@dataclass(frozen=True, eq=False)
class Training:
    """The arguments of a call of `train(X, y, X_val, y_val, reg=…, **recipe)`.

    Args:
        problem: The initial parameters, the training data X and y, and reg.
        X_val: Validation inputs (N_val, D).
        y_val: Validation labels (N_val,).
        recipe: `batch_size`, `learning_rate`, `learning_rate_decay`, and `num_epochs` or `num_iters`. Other arguments,
            such as `verbose`, are passed to train too.
    """

    problem: Problem
    X_val: Array
    y_val: Array
    recipe: Mapping[str, Any]

    @property
    def batch_size(self) -> int:
        """Number of rows in a batch, at most the size of the training set."""
        return min(int(self.recipe["batch_size"]), len(self.problem.X))

    @property
    def steps(self) -> int:
        """Number of steps in an epoch."""
        return max(len(self.problem.X) // self.batch_size, 1)

    @property
    def iterations(self) -> int:
        """Total number of steps."""
        epochs = self.recipe.get("num_epochs")
        return int(self.recipe["num_iters"]) if epochs is None else int(epochs) * self.steps

    @property
    def epochs(self) -> int:
        """Number of whole epochs."""
        return self.iterations // self.steps

    def rates(self) -> list[float]:
        """Return the learning rate of each step. The rate decays after each epoch.

        Override this method if the handout lets the learning rate decay at another time.
        """
        rates, rate = [], float(self.recipe["learning_rate"])
        for _ in range(self.epochs):
            rates += [rate] * self.steps
            rate *= float(self.recipe["learning_rate_decay"])
        return rates + [rate] * (self.iterations - len(rates))

    def ends_epoch(self, step: int) -> bool:
        """Return whether train records accuracies after this step. Steps are counted from 0."""
        return (step + 1) % self.steps == 0

    @property
    def recorded(self) -> int:
        """Number of entries in each history of accuracies."""
        return sum(self.ends_epoch(step) for step in range(self.iterations))

    def changed(self, **recipe: Any) -> Self:
        """Return a copy of the training with these entries of the recipe replaced."""
        return replace(self, recipe={**self.recipe, **recipe})

    def lasting(self, epochs: int) -> Self:
        """Return a copy of the training with this number of epochs."""
        if "num_epochs" in self.recipe:
            return self.changed(num_epochs=epochs)
        return self.changed(num_iters=epochs * self.steps)

    def one_step(self, batch: Problem, rate: float) -> Self:
        """Return a training of a single step, whose batch has all rows of `batch`."""
        single = replace(self, problem=batch).changed(batch_size=len(batch.X), learning_rate=rate)
        return single.lasting(1)


@dataclass(frozen=True)
class ModelSpec:
    """A kind of model: its constructor's arguments and the shapes of its parameters. Problems are drawn for it.

    Args:
        shapes: Function (*sizes) → shape of each parameter by name, in the order in which the parameters are drawn.
        options: Keyword arguments of the constructor.
        problem: Class of the problems: `Problem` or a subclass.
        training: Class of the trainings: `Training` or a subclass.
    """

    shapes: Callable[..., Mapping[str, tuple[int, ...]]]
    options: Mapping[str, Any] = field(default_factory=dict)
    problem: type[Problem] = Problem
    training: type[Training] = Training

    def make(self, sizes: tuple[int, ...], params: Params, X: Array, y: Array, reg: float = 0.0) -> Any:
        """Return a problem with these values.

        Args:
            sizes: Positional arguments of the model's constructor.
            params: The model's parameters by name.
            X: Inputs (N, D).
            y: Right classes (N,), integers 0 … C-1.
            reg: Regularisation strength.

        Returns:
            A problem of the class `problem`.
        """
        return self.problem(params, X, y, reg, sizes, self.options)

    def draw(self, random: np.random.Generator, shape: Sequence[int], reg: float = 0.0) -> Any:
        """Draw a problem with standard normal parameters (also biases), inputs with mean 0.3, and labels of every
        class.

        Args:
            random: The generator to draw from.
            shape: (*sizes, N): the arguments of the constructor, and the number of examples.
            reg: Regularisation strength.

        Returns:
            The problem.
        """
        *sizes, N = shape
        params = {name: random.normal(size=size) for name, size in self.shapes(*sizes).items()}
        X = draw_inputs(random, N, sizes[0])
        return self.make(tuple(sizes), params, X, draw_labels(random, N, sizes[-1]), reg)


def draw_inputs(random: np.random.Generator, N: int, D: int) -> Array:
    """Draw inputs (N, D) from a normal distribution with mean 0.3."""
    return random.normal(0.3, 1.0, size=(N, D))


def draw_labels(random: np.random.Generator, N: int, C: int) -> Array:
    """Draw N labels of C classes, each at least once, because some students build one-hot rows of length max(y) + 1."""
    more_labels = random.integers(0, C, N - C)
    return random.permutation(np.concatenate([np.arange(C), more_labels]))


# ── losses, gradients, labels ────────────────────────────────────────────────────────────────────────

SHAPES = ((5, 7, 3, 6), (3, 9, 4, 11), (8, 4, 5, 7), (6, 5, 2, 4), (4, 12, 6, 13), (10, 6, 3, 5))
"""(inputs, hidden units, classes, N) of each problem. Lengths in a problem differ, so that a transposed matrix
fails."""
REGS = (0.0, 0.7, 0.0, 1.3, 1e6, 5e-4)
"""Regularisation strength of each problem. With 1e6, rounding hides how the large loss changes with a bias."""
Adapt = Callable[[int, Any], Any]
"""Function (number of the problem from 0, drawn problem) → the problem to use instead."""


def as_drawn(_number: int, problem: Any) -> Any:
    """Return the problem unchanged."""
    return problem


def moved_a_little(problem: Problem, **shifts: float) -> Each:
    """Return a function (`Each`) that draws one problem near a published one. Every parameter changes a little, so that
    the loss cannot be hard-coded.

    Args:
        problem: The published problem.
        shifts: Parameter → constant to add to all its entries instead of the small change. A shift of a softmax model's
            output bias does not change the loss, so errors in the use of this bias are left to the check of the scores.

    Returns:
        An `Each` that yields one `Problem`.
    """

    def draw_it(draw: Draw, _truth: Any) -> Iterator[Problem]:
        params: Params = {}
        for name, value in problem.params.items():
            noise = 0.05 * draw.random.normal(size=value.shape)
            params[name] = value + shifts.get(name, noise)
        yield problem.at(params)

    return draw_it


def pairs(
    models: ModelSpec,
    count: int,
    *,
    shapes: Sequence[Sequence[int]] = SHAPES,
    regs: Sequence[float] = REGS,
    adapt: Adapt = as_drawn,
) -> Each:
    """Return a function (`Each`) that draws well-posed problems of several shapes, with and without regularisation.

    Every problem has a second batch with other values. In the first, third, … problem, the second batch has three rows
    more; in the others, both batches have the same size. So a model fails if it keeps values or sizes of the first
    batch.

    Args:
        models: The kind of model.
        count: Number of problems, at most the number of shapes and of regs.
        shapes: (*sizes, N) of each problem.
        regs: Regularisation strength of each problem.
        adapt: Function that changes a problem after it is drawn.

    Returns:
        An `Each` that yields `Pair`s. Calls `truth.well_posed`.
    """

    def draw_them(draw: Draw, truth: Any) -> Iterator[Pair]:
        for i in range(count):
            more = 3 if i % 2 == 0 else 0
            draw_one = partial(_pair, draw.random, models, shapes[i], regs[i], partial(adapt, i), more)
            yield until(draw_one, lambda pair: truth.well_posed(pair.first) and truth.well_posed(pair.second))

    return draw_them


def _pair(
    random: np.random.Generator,
    models: ModelSpec,
    shape: Sequence[int],
    reg: float,
    adapt: Callable[[Any], Any],
    more: int,
) -> Pair:
    """Draw a problem, and a second batch for the same model.

    Args:
        random: The generator to draw from.
        models: The kind of model.
        shape: (*sizes, N) of the first problem.
        reg: Regularisation strength.
        adapt: Function that changes the first problem after it is drawn.
        more: Number of rows that the second batch has more than the first.
    """
    first, N = models.draw(random, shape, reg), shape[-1] + more
    X, y = draw_inputs(random, N, first.inputs), draw_labels(random, N, first.classes)
    first = adapt(first)
    return Pair(first, replace(first, X=X, y=y))


def large_scores(models: ModelSpec, last: str, *, shapes: Sequence[Sequence[int]] = SHAPES[:2]) -> Each:
    """Return a function (`Each`) that draws problems with scores of about ±1000, at which exp overflows.

    The largest scores of the rows differ much. So code that subtracts the batch's largest score from all rows fails:
    exp of a whole row underflows. At least one row is clearly misclassified. Otherwise the loss would be near 0, as a
    difference of large scores, and rounding errors would dominate it.

    Args:
        models: The kind of model.
        last: Name of the last weights, which are scaled to make the scores large.
        shapes: (*sizes, N) of each problem.

    Returns:
        An `Each` that yields `Problem`s. Calls `truth.scores` and `truth.loss`.
    """

    def spread(problem: Problem, truth: Any) -> bool:
        best = truth.scores(problem).max(axis=1)
        return bool(best.max() > 800 and best.max() - best.min() > 800 and truth.loss(problem) > 1)

    def draw_one(random: np.random.Generator, shape: Sequence[int]) -> Problem:
        problem: Problem = models.draw(random, shape)
        return problem.at({last: 2000 / np.abs(problem.params[last]).max() * problem.params[last]})

    def draw_them(draw: Draw, truth: Any) -> Iterator[Problem]:
        for shape in shapes:
            yield until(partial(draw_one, draw.random, shape), lambda problem: spread(problem, truth))

    return draw_them


def predictions(models: ModelSpec, *, shapes: Sequence[Sequence[int]] = SHAPES[:3]) -> Each:
    """Return a function (`Each`) that draws models, each with two batches to classify.

    Args:
        models: The kind of model.
        shapes: (*sizes, N) of each model. N is not used.

    Returns:
        An `Each` that yields `Pair`s. Both batches have the same number of rows, and no row is near a tie between two
        labels. All scores of some row are negative, so that code that clips them fails. Calls `truth.scores_at` and
        `truth.clear_rows`.
    """

    def draw_them(draw: Draw, truth: Any) -> Iterator[Pair]:
        for shape in shapes:
            draw_one = partial(_pair, draw.random, models, (*shape[:-1], 60), 0.0, lambda problem: problem, 3)
            pair = until(draw_one, lambda pair: truth.scores_at(pair.first).max(axis=1).min() < 0)
            first, second = (problem.rows(truth.clear_rows(problem)) for problem in (pair.first, pair.second))
            fewer = slice(min(len(first.X), len(second.X)))
            yield Pair(first.rows(fewer), second.rows(fewer))

    return draw_them


# ── trainings ────────────────────────────────────────────────────────────────────────────────────────


VALIDATION = 22
"""Number of validation examples. They make another number of batches of 4 than the 12 training examples, so that code
that confuses the two sets fails."""


def identical_rows(
    models: ModelSpec,
    random: np.random.Generator,
    shape: Sequence[int],
    reg: float,
    recipe: Mapping[str, Any],
    rows: int,
) -> Any:
    """Draw a training on copies of one example, so that the result does not depend on how batches are drawn.

    Whether batches are cut from a permutation, drawn with replacement, or larger than the data, they lead to the same
    parameters.

    Args:
        models: The kind of model.
        random: The generator to draw from.
        shape: (*sizes, N). N is not used.
        reg: Regularisation strength.
        recipe: Keyword arguments of train.
        rows: Number of copies.

    Returns:
        The training.
    """
    *sizes, _ = shape
    problem = models.draw(random, (*sizes, sizes[-1]), reg)
    X = np.tile(draw_inputs(random, 1, problem.inputs), (rows, 1))
    problem = replace(problem, X=X, y=np.full(rows, problem.classes - 1))
    X_val, y_val = draw_inputs(random, VALIDATION, problem.inputs), draw_labels(random, VALIDATION, problem.classes)
    return models.training(problem, X_val, y_val, recipe)


def trainings(models: ModelSpec, *regs: float, shapes: Sequence[Sequence[int]] = SHAPES, **recipe: Any) -> Each:
    """Return a function (`Each`) that draws trainings on 12 identical rows, one for each regularisation strength.

    If the first training has four epochs or more, its training and validation accuracies change between epochs.

    Args:
        models: The kind of model.
        regs: Regularisation strength of each training.
        shapes: (*sizes, N) of each training. N is not used.
        recipe: `num_epochs` or `num_iters`, `batch_size`, `learning_rate`, `learning_rate_decay`, `verbose`.

    Returns:
        An `Each` that yields `Training`s. Calls `truth.well_posed_training`, `truth.after_epochs`, `truth.labels` and
        `truth.scores_at`.
    """

    def draw_them(draw: Draw, truth: Any) -> Iterator[Training]:
        def draw_one(i: int) -> Training | None:
            training: Training = identical_rows(models, draw.random, shapes[i], regs[i], recipe, 12)
            return training if i or training.epochs < 4 else _changing(training, draw.random, truth)

        for i in range(len(regs)):
            drawn = until(partial(draw_one, i), lambda t: t is not None and truth.well_posed_training(t))
            assert drawn is not None
            yield drawn

    return draw_them


def _changing(training: Training, random: np.random.Generator, truth: Any) -> Training | None:
    """Add validation data on which a right training's accuracy rises to 1 in the middle and then falls.

    Code that keeps the best parameters, stops early, or decays the learning rate by accuracy then ends with wrong
    parameters. The validation labels are the predictions of the right model after a middle epoch. They include the last
    class, because some students build one-hot rows of length max(y) + 1. Return None if the drawn inputs do not serve,
    or if the training accuracy does not change.
    """
    problem = training.problem
    X_val = draw_inputs(random, VALIDATION, problem.inputs)
    rows = np.vstack([X_val, problem.X[:1]])  # all training rows are equal: the label of one is that of all
    problems = list(map(replace(problem, X=rows).at, truth.after_epochs(training)))
    first_scores, last_scores = truth.scores_at(problems[0]), truth.scores_at(problems[-1])
    if first_scores[-1].argmax() == last_scores[-1].argmax():  # of most draws
        return None
    scores = np.array([first_scores, *map(truth.scores_at, problems[1:-1]), last_scores])
    labels = scores.argmax(axis=2)
    if not is_clear(scores).all():
        return None
    for previous_labels, y_val in pairwise(labels[:-1, :-1]):
        rises, falls = np.any(y_val != previous_labels), np.any(y_val != labels[-1, :-1])
        if rises and falls and problem.classes - 1 in y_val:
            return replace(training, X_val=X_val, y_val=y_val)
    return None


def is_clear(scores: Array) -> Array:
    """Return one bool for each row of scores: True if rounding cannot change which score is the largest."""
    best = np.sort(scores, axis=-1)
    return np.asarray(best[..., -1] - best[..., -2] > 1e-3)


def examples_of_one_class(models: ModelSpec, shape: Sequence[int], reg: float = 0.2, **recipe: Any) -> Each:
    """Return a function (`Each`) that draws one training on N different examples that all have the last class.

    Since every batch contains the last class, code that builds one-hot rows of length max(y) + 1 works too.

    Args:
        models: The kind of model.
        shape: (*sizes, N). Use N = 4 and batches of two for `batch_size`, which tries all 100 sequences of batches. Use
            N = 12 for `at_random`: shuffled data give the batches of unshuffled data once in seven million draws.
        reg: Regularisation strength.
        recipe: Keyword arguments of train.

    Returns:
        An `Each` that yields one `Training`.
    """

    def draw_it(draw: Draw, _truth: Any) -> Iterator[Training]:
        problem = models.draw(draw.random, shape, reg)
        y = np.full(len(problem.X), problem.classes - 1)
        yield models.training(replace(problem, y=y), problem.X, y, recipe)

    return draw_it


def by_heart(models: ModelSpec, shape: Sequence[int], **recipe: Any) -> Each:
    """Return a function (`Each`) that draws one training on random labels, which a model can only memorize.

    A model learns these labels only if each example is trained with its own label. Only one example in eight has the
    last class, so many batches lack it: code that counts the classes of a batch as max(y) + 1 fails.

    Args:
        models: The kind of model.
        shape: (N, …, C, N): as many inputs as examples, and at least three classes.
        recipe: Arguments of train, with enough epochs for a right model to learn all labels.

    Returns:
        An `Each` that yields one `Training`.
    """

    def draw_it(draw: Draw, _truth: Any) -> Iterator[Training]:
        problem = models.draw(draw.random, shape)
        last_class = problem.classes - 1
        rows = np.arange(len(problem.X))
        y = draw.random.permutation(np.where(rows % 8, rows % last_class, last_class))
        problem = problem.at({name: 0.5 * value for name, value in problem.params.items()})
        yield on_the_identity(models, problem, y, recipe)

    return draw_it


def on_the_identity(models: ModelSpec, problem: Problem, y: Array, recipe: Mapping[str, Any]) -> Training:
    """Return a training with the labels y (N,) whose X is the identity, so that row i of the first layer's weights
    changes only if example i is used."""
    X = np.eye(len(y))
    return models.training(replace(problem, X=X, y=y), X, y, recipe)
