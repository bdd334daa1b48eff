"""Fresh, well-posed problems for models with parameters, with shapes that tell axes apart.

Functions that return an `Each` are meant for `check(each=…)`. A draw uses only the generator that it is given, and asks
the truth only questions of `grader.kit.truth.Truth`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self, TypeVar

import numpy as np

from grader.errors import BadAssignment
from grader.kit.claim import Draw, Each

Array = np.ndarray[Any, np.dtype[Any]]
Params = dict[str, Array]
T = TypeVar("T")

MOST_DRAWS = 10_000
"""Most draws for one well-posed problem."""
LEAST_LOSS, LEAST_GRADIENT = 0.1, 1e-2
"""Least loss, and least norm of each parameter's gradient, of a well-posed problem."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A model at given parameters, and a batch for it.

    Args:
        params: Values by parameter name, in the order in which they are drawn.
        X: Inputs (N, D).
        y: Labels (N,), integers 0 … C-1.
        reg: Regularisation strength.
        sizes: Positional arguments of the model's constructor: the number of inputs first, the number of classes last.
        options: Keyword arguments of the constructor: all that the handout names, also those with a default.
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
        """Return the problem with these parameters replaced."""
        return replace(self, params=self.params | params)

    def rows(self, rows: Any) -> Self:
        """Return the problem with these rows (a slice, indices or a mask) of its batch."""
        return replace(self, X=self.X[rows], y=self.y[rows])

    def gentle(self) -> Self:
        """Return a similar problem at which no unit of a right model is saturated or inactive.

        Answers to it show whether a model uses the data. Override this for models whose units can saturate.
        """
        return self


@dataclass(frozen=True, eq=False)
class Pair:
    """Two batches of different sizes for one model. They show state that a model keeps between calls."""

    first: Problem
    second: Problem


@dataclass(frozen=True, eq=False)
class Training:
    """A call of `train(X, y, X_val, y_val, reg=…, **recipe)`.

    Args:
        problem: The initial parameters, the training data X and y, and reg.
        X_val: Validation inputs (N_val, D).
        y_val: Validation labels (N_val,).
        recipe: `batch_size`, `learning_rate`, `learning_rate_decay`, and `num_epochs` or `num_iters`. Others
            (`verbose`) are passed on.
    """

    problem: Problem
    X_val: Array
    y_val: Array
    recipe: Mapping[str, Any]

    @property
    def batch_size(self) -> int:
        """Number of rows of a batch, at most the size of the training set."""
        return min(int(self.recipe["batch_size"]), len(self.problem.X))

    @property
    def steps(self) -> int:
        """Number of steps in an epoch."""
        return max(len(self.problem.X) // self.batch_size, 1)

    @property
    def iterations(self) -> int:
        """Number of steps altogether."""
        epochs = self.recipe.get("num_epochs")
        return int(self.recipe["num_iters"]) if epochs is None else int(epochs) * self.steps

    @property
    def epochs(self) -> int:
        """Number of whole epochs."""
        return self.iterations // self.steps

    def rates(self) -> list[float]:
        """Return the learning rate of each step. It decays after each epoch.

        Override it if the handout decays the learning rate at another time.
        """
        rates, rate = [], float(self.recipe["learning_rate"])
        for _ in range(self.epochs):
            rates += [rate] * self.steps
            rate *= float(self.recipe["learning_rate_decay"])
        return rates + [rate] * (self.iterations - len(rates))

    def ends_epoch(self, step: int) -> bool:
        """Return whether accuracies are recorded after this step; the first step is 0."""
        return (step + 1) % self.steps == 0

    @property
    def recorded(self) -> int:
        """Number of accuracies in a history."""
        return sum(self.ends_epoch(step) for step in range(self.iterations))

    def changed(self, **recipe: Any) -> Self:
        """Return the training with these entries of the recipe replaced."""
        return replace(self, recipe={**self.recipe, **recipe})

    def lasting(self, epochs: int) -> Self:
        """Return the training with another number of epochs."""
        if "num_epochs" in self.recipe:
            return self.changed(num_epochs=epochs)
        return self.changed(num_iters=epochs * self.steps)

    def one_step(self, batch: Problem, rate: float) -> Self:
        """Return a training of a single step on all rows of this batch."""
        single = replace(self, problem=batch).changed(batch_size=len(batch.X), learning_rate=rate)
        return single.lasting(1)


@dataclass(frozen=True)
class ModelSpec:
    """A kind of model: how its models are made, and how problems for them are drawn.

    Args:
        shapes: Sizes → shape of each parameter by name, in the order in which they are drawn.
        options: Keyword arguments of the constructor, after its sizes.
        problem: Class of the problems.
        training: Class of the trainings.
    """

    shapes: Callable[..., Mapping[str, tuple[int, ...]]]
    options: Mapping[str, Any] = field(default_factory=dict)
    problem: type[Problem] = Problem
    training: type[Training] = Training

    def make(self, sizes: tuple[int, ...], params: Params, X: Array, y: Array, reg: float = 0.0) -> Any:
        """Return a problem with these values.

        Args:
            sizes: Positional arguments of the model's constructor.
            params: Values by parameter name.
            X: Inputs (N, D).
            y: Labels (N,), integers 0 … C-1.
            reg: Regularisation strength.

        Returns:
            A problem of the class `problem`.
        """
        return self.problem(params, X, y, reg, sizes, self.options)

    def draw(self, random: np.random.Generator, shape: Sequence[int], reg: float = 0.0) -> Any:
        """Draw a problem: standard normal parameters (biases too), inputs around 0.3, every class at least once.

        Args:
            random: The generator to draw from.
            shape: (*sizes, N).
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
    """Draw N labels of C classes, every class at least once: some students build one-hot rows from max(y) + 1."""
    return random.permutation(np.concatenate([np.arange(C), random.integers(0, C, N - C)]))


def until(draw: Callable[[], T], good: Callable[[T], bool]) -> T:
    """Draw problems until one is good, and return it.

    Args:
        draw: Draws a problem.
        good: Returns whether a problem is good.

    Raises:
        BadAssignment: If `MOST_DRAWS` problems were drawn and none is good.
    """
    for _ in range(MOST_DRAWS):
        if good(drawn := draw()):
            return drawn
    raise BadAssignment(f"no well-posed problem in {MOST_DRAWS:,} draws")


# ── losses, gradients, labels ────────────────────────────────────────────────────────────────────────

SHAPES = ((5, 7, 3, 6), (3, 9, 4, 11), (8, 4, 5, 7), (6, 5, 2, 4), (4, 12, 6, 13), (10, 6, 3, 5))
"""(inputs, hidden units, classes, N) of each problem. All lengths of one problem differ, so that a transposed matrix
fails."""
REGS = (0.0, 0.7, 0.0, 1.3, 1e6, 5e-4)
"""Regularisation strength of each problem. With 1e6 the loss is so large that rounding hides a bias's gradient in
numerical differences."""
Adapt = Callable[[int, Any], Any]
"""(number, drawn problem) → the problem to use."""


def as_drawn(_number: int, problem: Any) -> Any:
    """Return the problem unchanged."""
    return problem


def moved_a_little(problem: Problem, **shifts: float) -> Each:
    """Return an `Each` of a published problem with every parameter moved a little. Its loss cannot be hard-coded.

    Args:
        problem: The published problem.
        shifts: Parameters that are shifted by a constant instead, for example an output bias. A loss that ignores a
            constant shift of all scores is not changed by it.

    Returns:
        A draw of one `Problem`.
    """

    def draw_it(draw: Draw, _truth: Any) -> Iterator[Problem]:
        moved = {name: value + 0.05 * draw.random.normal(size=value.shape) for name, value in problem.params.items()}
        yield problem.at(moved | {name: problem.params[name] + shift for name, shift in shifts.items()})

    return draw_it


def pairs(
    models: ModelSpec,
    count: int,
    *,
    shapes: Sequence[Sequence[int]] = SHAPES,
    regs: Sequence[float] = REGS,
    adapt: Adapt = as_drawn,
) -> Each:
    """Return an `Each` of well-posed problems of several shapes, with and without regularisation.

    Each has a second batch with other values. In every other problem it has three rows more than the first, and in the
    rest as many: a model may keep something that depends on the batch, or on its size alone.

    Args:
        models: The kind of model.
        count: Number of problems, at most the number of shapes and of regs.
        shapes: (*sizes, N) of each problem.
        regs: Regularisation strength of each problem.
        adapt: Changes a problem after it is drawn.

    Returns:
        A draw of `Pair`s. Asks the truth `well_posed`.
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
    first, N = models.draw(random, shape, reg), shape[-1] + more
    X, y = draw_inputs(random, N, first.inputs), draw_labels(random, N, first.classes)
    first = adapt(first)
    return Pair(first, replace(first, X=X, y=y))


def large_scores(models: ModelSpec, last: str, *, shapes: Sequence[Sequence[int]] = SHAPES[:2]) -> Each:
    """Return an `Each` of problems with scores of about ±1000, at which exp overflows.

    Rows differ so much that a whole row underflows if the largest score of the batch is subtracted instead of the
    row's. Some row is clearly misclassified. Otherwise the loss would be near 0, as a difference of large scores that
    is lost in rounding.

    Args:
        models: The kind of model.
        last: Name of the parameter that is scaled to make the scores large.
        shapes: (*sizes, N) of each problem.

    Returns:
        A draw of `Problem`s. Asks the truth `scores` and `loss`.
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
    """Return an `Each` of models with two batches to classify.

    Args:
        models: The kind of model.
        shapes: (*sizes, N) of each model. N is not used.

    Returns:
        A draw of `Pair`s. Both batches have equally many rows, none of them near a tie. Asks the truth `clear_rows`.
    """

    def draw_them(draw: Draw, truth: Any) -> Iterator[Pair]:
        for shape in shapes:
            pair = _pair(draw.random, models, (*shape[:-1], 60), 0.0, lambda problem: problem, 3)
            first, second = (problem.rows(truth.clear_rows(problem)) for problem in (pair.first, pair.second))
            fewer = slice(min(len(first.X), len(second.X)))
            yield Pair(first.rows(fewer), second.rows(fewer))

    return draw_them


# ── trainings ────────────────────────────────────────────────────────────────────────────────────────


VALIDATION = 22
"""Examples for validation. In batches of 4 they are another number of batches than the 12 of training."""


def identical_rows(
    models: ModelSpec,
    random: np.random.Generator,
    shape: Sequence[int],
    reg: float,
    recipe: Mapping[str, Any],
    rows: int,
) -> Any:
    """Draw a training on copies of one example, so that its result does not depend on sampling.

    Batches from a permutation, batches drawn with replacement and a batch larger than the data all end at the same
    parameters.

    Args:
        models: The kind of model.
        random: The generator to draw from.
        shape: (*sizes, N). N is not used.
        reg: Regularisation strength.
        recipe: Arguments of train.
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
    """Return an `Each` of trainings on 12 identical rows, one for each regularisation strength.

    If the first has four epochs or more, both of its accuracies change from epoch to epoch.

    Args:
        models: The kind of model.
        regs: Regularisation strength of each training.
        shapes: (*sizes, N) of each training. N is not used.
        recipe: `num_epochs` or `num_iters`, `batch_size`, `learning_rate`, `learning_rate_decay`, `verbose`.

    Returns:
        A draw of `Training`s. Asks the truth `well_posed_training`, `after_epochs`, `labels` and `scores_at`.
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


_CANDIDATES = 80


def _changing(training: Training, random: np.random.Generator, truth: Any) -> Training | None:
    """Return the training with validation data on which the accuracy rises to 1 in the middle and then falls.

    A train that keeps the best parameters, stops early or decays by accuracy then ends at other parameters. Return None
    if no such data are found, or if the training accuracy does not change.
    """
    problem, after = training.problem, truth.after_epochs(training)
    first, last = (truth.labels(problem.at(p).rows(slice(1))) for p in (after[0], after[-1]))
    if np.array_equal(first, last):
        return None
    rows = np.vstack([problem.X[:1], draw_inputs(random, _CANDIDATES, problem.inputs)])
    scores = np.array([truth.scores_at(replace(problem.at(p), X=rows)) for p in after])
    clear = np.asarray(is_clear(scores).all(axis=0))
    if not clear[0]:
        return None
    rows, labels = rows[clear], scores[:, clear].argmax(axis=2)
    return next(filter(None, (_peaking(training, rows, labels, epoch) for epoch in range(1, len(after) - 1))), None)


def _peaking(training: Training, rows: Array, labels: Array, epoch: int) -> Training | None:
    """Return the training with validation labels as the model predicts them after this epoch, or None.

    Some of these predictions are new in this epoch, and some change later. The last class is among them: some students
    build one-hot rows from max(y) + 1.
    """
    come, go = labels[epoch] != labels[epoch - 1], labels[epoch] != labels[-1]
    last = labels[epoch] == training.problem.classes - 1
    if not (come.any() and (go & ~come).any() and last.any()):
        return None
    order = np.argsort(-(2 * (go & ~come) + come), kind="stable")
    chosen = np.unique([*np.flatnonzero(come)[:4], *np.flatnonzero(last)[:1], *order[: VALIDATION - 5]])
    return replace(training, X_val=rows[chosen], y_val=labels[epoch][chosen])


def is_clear(scores: Array) -> Array:
    """Return for each row whether its best score leads by enough that rounding cannot change the label."""
    best = np.sort(scores, axis=-1)
    return np.asarray(best[..., -1] - best[..., -2] > 1e-3)


def one_epoch(models: ModelSpec, *, shape: Sequence[int] = SHAPES[0], **recipe: Any) -> Each:
    """Return an `Each` of one epoch on 24 examples that differ, with 20 examples for validation.

    Args:
        models: The kind of model.
        shape: (*sizes, N). N is not used.
        recipe: Arguments of train.

    Returns:
        A draw of one `Training`. About half of its examples are classified correctly at first. Asks the truth
        `accuracy`.
    """
    *sizes, _ = shape

    def draw_them(draw: Draw, truth: Any) -> Iterator[Training]:
        def half_right(problem: Problem) -> bool:
            return 0.3 < float(truth.accuracy(problem)) < 0.7

        problem = until(lambda: models.draw(draw.random, (*sizes, 24)), half_right)
        X_val, y_val = draw_inputs(draw.random, 20, problem.inputs), draw_labels(draw.random, 20, problem.classes)
        yield models.training(problem, X_val, y_val, recipe)

    return draw_them


def examples_of_one_class(models: ModelSpec, shape: Sequence[int], reg: float = 0.2, **recipe: Any) -> Each:
    """Return an `Each` of one training on N examples that differ and all have the last class.

    Batches may then be small: some students build one-hot rows from max(y) + 1.

    Args:
        models: The kind of model.
        shape: (*sizes, N). With N = 4 and two examples a step, there are 100 possible pairs of batches. With N = 12, a
            random epoch follows the order of the data once in seven million times.
        reg: Regularisation strength.
        recipe: Arguments of train.

    Returns:
        A draw of one `Training`.
    """

    def draw_it(draw: Draw, _truth: Any) -> Iterator[Training]:
        problem = models.draw(draw.random, shape, reg)
        y = np.full(len(problem.X), problem.classes - 1)
        yield models.training(replace(problem, y=y), problem.X, y, recipe)

    return draw_it


def one_row_an_example(models: ModelSpec, shape: Sequence[int], last: str, **recipe: Any) -> Each:
    """Return an `Each` of one training whose X is the identity.

    Row i of the first weights moves only if example i is used, in a direction that depends on its label. Three of four
    labels are 1, so that every batch of 25 contains a 1.

    Args:
        models: The kind of model.
        shape: (N, …, 2, N): as many inputs as examples, and two classes.
        last: Name of the last weights. Their two columns are drawn well apart. If they were nearly equal, a right model
            in float32 would move its rows by less than the rounding.
        recipe: Arguments of train: one epoch in few batches, with steps so small that the last weights hardly change.

    Returns:
        A draw of one `Training`.
    """

    def draw_it(draw: Draw, _truth: Any) -> Iterator[Training]:
        problem = models.draw(draw.random, shape)
        width = len(problem.params[last])
        column = draw.random.choice((-1.0, 1.0), width) * draw.random.uniform(0.5, 1.0, width)
        problem = problem.at({last: np.stack((column, -column), axis=1)})
        yield _on_the_identity(models, problem, draw.random, recipe)

    return draw_it


def by_heart(models: ModelSpec, shape: Sequence[int], **recipe: Any) -> Each:
    """Return an `Each` of one training on labels without a pattern.

    A model learns them only if each example is trained with its own label. Three of four labels are 1, so that every
    batch of 8 contains a 1.

    Args:
        models: The kind of model.
        shape: (N, …, 2, N): as many inputs as examples, and two classes.
        recipe: Arguments of train, with enough epochs for a right model to learn all labels.

    Returns:
        A draw of one `Training`.
    """

    def draw_it(draw: Draw, _truth: Any) -> Iterator[Training]:
        problem = models.draw(draw.random, shape)
        problem = problem.at({name: 0.5 * value for name, value in problem.params.items()})
        yield _on_the_identity(models, problem, draw.random, recipe)

    return draw_it


def _on_the_identity(
    models: ModelSpec, problem: Problem, random: np.random.Generator, recipe: Mapping[str, Any]
) -> Training:
    N = len(problem.X)
    y = random.permutation((np.arange(N) % 4 > 0).astype(int))
    return models.training(replace(problem, X=np.eye(N), y=y), np.eye(N), y, recipe)
