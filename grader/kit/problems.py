"""Problems for models with parameters: fresh ones, well-posed, and of shapes that tell axes apart.

Each function here that returns an `Each` is made for `check(each=…)`. It draws from the generator that it is given and
asks the truth only what `TruthOfProblems` in grader.kit.truth states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self, TypeVar

import numpy as np

from grader.checks.claim import Draw, Each
from grader.errors import BadAssignment

Array = np.ndarray[Any, np.dtype[Any]]
Params = dict[str, Array]
T = TypeVar("T")

MOST_DRAWS = 10_000
"""Draws until a well-posed problem must have come up."""
LEAST_LOSS, LEAST_GRADIENT = 0.1, 1e-2
"""Least loss, and least norm of each parameter's gradient, of a well-posed problem."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A model at given parameters, and a batch for it.

    Args:
        params: values by parameter name, in the order in which they are drawn.
        X: inputs (N, D).
        y: labels (N,), integers 0 … C-1.
        reg: regularisation strength.
        sizes: positional arguments of the model's constructor: the number of inputs first, that of classes last.
        options: keyword arguments of the constructor. All that the handout names are passed, whatever their default.
    """

    params: Params
    X: Array
    y: Array
    reg: float = 0.0
    sizes: tuple[int, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def inputs(self) -> int:
        return self.sizes[0]

    @property
    def classes(self) -> int:
        return self.sizes[-1]

    @property
    def weights(self) -> list[str]:
        """Names of the parameters that are matrices."""
        return [name for name, value in self.params.items() if value.ndim > 1]

    def at(self, params: Params) -> Self:
        """Return the problem with these parameters in the place of its own."""
        return replace(self, params=self.params | params)

    def rows(self, rows: Any) -> Self:
        """Return the problem with these rows (a slice, indices or a mask) of its batch."""
        return replace(self, X=self.X[rows], y=self.y[rows])

    def gentle(self) -> Self:
        """Return a variation at which no unit of a right model is saturated or inactive, so that a model's answers
        show whether they use the data. Models whose units can saturate override it."""
        return self


@dataclass(frozen=True, eq=False)
class Pair:
    """Two batches of different sizes for one model. What it keeps from one spoils the other."""

    first: Problem
    second: Problem


@dataclass(frozen=True, eq=False)
class Training:
    """A call of `train(X, y, X_val, y_val, reg=…, **recipe)`.

    Args:
        recipe: `batch_size`, `learning_rate`, `learning_rate_decay`, and `num_epochs` or `num_iters`; others
            (`verbose`) as they are.
    """

    problem: Problem
    X_val: Array
    y_val: Array
    recipe: Mapping[str, Any]

    @property
    def batch_size(self) -> int:
        """Number of rows of a batch; a training set that is smaller is used whole."""
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
        return self.iterations // self.steps

    def rates(self) -> list[float]:
        """Return the learning rate of each step: it decays once after each epoch. A class whose handout fixes other
        moments overrides it."""
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
    """How models of one kind are made, and how problems for them are drawn.

    Args:
        shapes: sizes → shape of each parameter by name, in the order in which they are drawn.
        options: keyword arguments of the constructor, after its sizes.
        problem: class of the problems.
        training: class of the trainings.
    """

    shapes: Callable[..., Mapping[str, tuple[int, ...]]]
    options: Mapping[str, Any] = field(default_factory=dict)
    problem: type[Problem] = Problem
    training: type[Training] = Training

    def make(self, sizes: tuple[int, ...], params: Params, X: Array, y: Array, reg: float = 0.0) -> Any:
        """Return a problem at these values."""
        return self.problem(params, X, y, reg, sizes, self.options)

    def draw(self, random: np.random.Generator, shape: Sequence[int], reg: float = 0.0) -> Any:
        """Draw a problem: standard normal parameters (biases too), inputs around 0.3, every class at least once.

        Args:
            shape: (*sizes, N).
        """
        *sizes, N = shape
        params = {name: random.normal(size=size) for name, size in self.shapes(*sizes).items()}
        X = draw_inputs(random, N, sizes[0])
        return self.make(tuple(sizes), params, X, draw_labels(random, N, sizes[-1]), reg)


def draw_inputs(random: np.random.Generator, N: int, D: int) -> Array:
    """Return (N, D) normal inputs whose mean is not zero."""
    return random.normal(0.3, 1.0, size=(N, D))


def draw_labels(random: np.random.Generator, N: int, C: int) -> Array:
    """Return (N,) labels, every class at least once: some students build one-hot rows from max(y) + 1."""
    return random.permutation(np.concatenate([np.arange(C), random.integers(0, C, N - C)]))


def until(draw: Callable[[], T], good: Callable[[T], bool]) -> T:
    """Draw until a problem is good.

    Raises:
        BadAssignment: none of `MOST_DRAWS` is.
    """
    for _ in range(MOST_DRAWS):
        if good(drawn := draw()):
            return drawn
    raise BadAssignment(f"no well-posed problem in {MOST_DRAWS:,} draws")


# ── losses, gradients, labels ────────────────────────────────────────────────────────────────────────

SHAPES = ((5, 7, 3, 6), (3, 9, 4, 11), (8, 4, 5, 7), (6, 5, 2, 4), (4, 12, 6, 13), (10, 6, 3, 5))
"""(inputs, hidden units, classes, N): no two lengths of one problem are alike where that would hide a transposed
matrix."""
REGS = (0.0, 0.7, 0.0, 1.3, 1e6, 5e-4)
"""1e6 makes the loss so large that a bias's gradient drowns in the rounding of numerical differences."""
Adapt = Callable[[int, Any], Any]
"""(number, drawn problem) → the problem to use."""


def as_drawn(_number: int, problem: Any) -> Any:
    return problem


def moved_a_little(problem: Problem, **shifts: float) -> Each:
    """Return an `Each` that moves every parameter of a published problem a little, so that a table of known losses
    does not have it.

    Args:
        shifts: parameters that move by this constant instead. A bias that moves all scores alike is one: no loss can
            see it.
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
    """Return an `Each` of well-posed problems of several shapes, with and without regularisation, each with a second
    batch of three rows more.

    Args:
        adapt: changes a problem's parameters after they are drawn.
    """

    def draw_them(draw: Draw, truth: Any) -> Iterator[Pair]:
        for i in range(count):
            draw_one = partial(_pair, draw.random, models, shapes[i], regs[i], partial(adapt, i))
            yield until(draw_one, lambda pair: truth.well_posed(pair.first) and truth.well_posed(pair.second))

    return draw_them


def _pair(
    random: np.random.Generator, models: ModelSpec, shape: Sequence[int], reg: float, adapt: Callable[[Any], Any]
) -> Pair:
    first, N = models.draw(random, shape, reg), shape[-1] + 3
    X, y = draw_inputs(random, N, first.inputs), draw_labels(random, N, first.classes)
    first = adapt(first)
    return Pair(first, replace(first, X=X, y=y))


def large_scores(models: ModelSpec, last: str, *, shapes: Sequence[Sequence[int]] = SHAPES[:2]) -> Each:
    """Return an `Each` of problems with scores of about ±1000, where exp overflows; and so far apart between rows that
    all of them underflow in some row if the largest of the whole batch is subtracted.

    Some row is wrong by far. Were all of them right by far, the loss would be a difference of such scores that comes
    to 1e-15, of which rounding leaves nothing.

    Args:
        last: name of the parameter that makes the scores large.
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
    """Return an `Each` of models with two batches of as many rows to classify, none of them near a tie."""

    def draw_them(draw: Draw, truth: Any) -> Iterator[Pair]:
        for shape in shapes:
            pair = _pair(draw.random, models, (*shape[:-1], 60), 0.0, lambda problem: problem)
            first, second = (problem.rows(truth.clear_rows(problem)) for problem in (pair.first, pair.second))
            fewer = slice(min(len(first.X), len(second.X)))
            yield Pair(first.rows(fewer), second.rows(fewer))

    return draw_them


# ── trainings ────────────────────────────────────────────────────────────────────────────────────────


def identical_rows(
    models: ModelSpec,
    random: np.random.Generator,
    shape: Sequence[int],
    reg: float,
    recipe: Mapping[str, Any],
    rows: int,
) -> Any:
    """Draw a training on one example many times over, so that sampling does not matter: a permutation, drawing with
    replacement and a batch larger than the data all end at the same parameters.

    Args:
        shape: (*sizes, N), of which N is not used.
        rows: number of rows.
    """
    *sizes, _ = shape
    problem = models.draw(random, (*sizes, sizes[-1]), reg)
    X = np.tile(draw_inputs(random, 1, problem.inputs), (rows, 1))
    problem = replace(problem, X=X, y=np.full(rows, problem.classes - 1))
    X_val, y_val = draw_inputs(random, 15, problem.inputs), draw_labels(random, 15, problem.classes)
    return models.training(problem, X_val, y_val, recipe)


def trainings(models: ModelSpec, *regs: float, shapes: Sequence[Sequence[int]] = SHAPES, **recipe: Any) -> Each:
    """Return an `Each` of trainings on identical rows (12 of them), one for each regularisation strength. In the first
    of them, if it has four epochs or more, both accuracies change from epoch to epoch.

    Args:
        recipe: `num_epochs` or `num_iters`, `batch_size`, `learning_rate`, `learning_rate_decay`, `verbose`.
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


_CANDIDATES, _VALIDATION = 80, 15


def _changing(training: Training, random: np.random.Generator, truth: Any) -> Training | None:
    """Return the training with validation data on which the accuracy rises to 1 in the middle and then falls: a trainer
    that keeps the best, stops there or decays by it ends elsewhere. None if no such data are found, or if the training
    accuracy stays as it is."""
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
    """Return the training with the labels that are right after this epoch, on rows of which some have just become so
    and some will not stay so. The last class is among them: some students build one-hot rows from max(y) + 1."""
    come, go = labels[epoch] != labels[epoch - 1], labels[epoch] != labels[-1]
    last = labels[epoch] == training.problem.classes - 1
    if not (come.any() and (go & ~come).any() and last.any()):
        return None
    order = np.argsort(-(2 * (go & ~come) + come), kind="stable")
    chosen = np.unique([*np.flatnonzero(come)[:4], *np.flatnonzero(last)[:1], *order[: _VALIDATION - 5]])
    return replace(training, X_val=rows[chosen], y_val=labels[epoch][chosen])


def is_clear(scores: Array) -> Array:
    """Return for each row whether its best score leads by enough that rounding cannot change the label."""
    best = np.sort(scores, axis=-1)
    return np.asarray(best[..., -1] - best[..., -2] > 1e-3)


def one_epoch(models: ModelSpec, *, shape: Sequence[int] = SHAPES[0], **recipe: Any) -> Each:
    """Return an `Each` of one epoch on 24 examples that differ, of which about half are right at first, and 20 examples
    for validation."""
    *sizes, _ = shape

    def draw_them(draw: Draw, truth: Any) -> Iterator[Training]:
        def half_right(problem: Problem) -> bool:
            return 0.3 < float(truth.accuracy(problem)) < 0.7

        problem = until(lambda: models.draw(draw.random, (*sizes, 24)), half_right)
        X_val, y_val = draw_inputs(draw.random, 20, problem.inputs), draw_labels(draw.random, 20, problem.classes)
        yield models.training(problem, X_val, y_val, recipe)

    return draw_them


def examples_of_one_class(models: ModelSpec, shape: Sequence[int], reg: float = 0.2, **recipe: Any) -> Each:
    """Return an `Each` of one training on N examples that differ and all have the last class, so that batches may be
    small: some students build one-hot rows from max(y) + 1.

    Args:
        shape: (*sizes, N). With four examples and two a step, the parameters end where one of the 100 pairs of batches
            leads. With twelve, a random epoch takes them in the order of the data once in seven million times.
    """

    def draw_it(draw: Draw, _truth: Any) -> Iterator[Training]:
        problem = models.draw(draw.random, shape, reg)
        y = np.full(len(problem.X), problem.classes - 1)
        yield models.training(replace(problem, y=y), problem.X, y, recipe)

    return draw_it


def one_row_an_example(models: ModelSpec, shape: Sequence[int], last: str, **recipe: Any) -> Each:
    """Return an `Each` of one training whose X is the identity, so that row i of the first weights moves only if
    example i is used, and its label says where to. Three of four labels are 1, so that every batch of 25 holds one.

    Args:
        shape: (N, …, 2, N): as many inputs as examples, and two classes.
        last: name of the last weights. Their two columns are drawn well apart: were they nearly equal, a right model in
            single precision would move its rows by less than it rounds them.
        recipe: one epoch in few batches. Steps are so small that the last weights stay about what they are.
    """

    def draw_it(draw: Draw, _truth: Any) -> Iterator[Training]:
        problem = models.draw(draw.random, shape)
        width = len(problem.params[last])
        column = draw.random.choice((-1.0, 1.0), width) * draw.random.uniform(0.5, 1.0, width)
        problem = problem.at({last: np.stack((column, -column), axis=1)})
        yield _on_the_identity(models, problem, draw.random, recipe)

    return draw_it


def by_heart(models: ModelSpec, shape: Sequence[int], **recipe: Any) -> Each:
    """Return an `Each` of one training on labels without any pattern, which are learnt only if each goes with its own
    example. Three of four labels are 1, so that every batch of 8 holds one.

    Args:
        shape: (N, …, 2, N): as many inputs as examples, and two classes.
        recipe: so many epochs that a right model learns all labels.
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
