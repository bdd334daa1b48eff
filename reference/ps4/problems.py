"""Problems: the handout's own toy, and fresh ones that nobody has seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from grader.checks.claim import Draw, Each
from grader.errors import BadAssignment

Array = np.ndarray[Any, np.dtype[Any]]
Params = dict[str, Array]


@dataclass(frozen=True, eq=False)
class Problem:
    activation: str
    params: Params
    X: Array
    y: Array
    """(N,) integers 0 … C-1, every class at least once: some students build one-hot rows from max(y) + 1."""
    reg: float
    published: bool = False

    @property
    def sizes(self) -> tuple[int, int, int]:
        """(D, H, C)"""
        (D, H), C = self.params["W1"].shape, self.params["b2"].size
        return D, H, C


@dataclass(frozen=True, eq=False)
class Pair:
    """Two batches for one net, so that whatever it keeps from the one spoils the other."""

    first: Problem
    second: Problem


@dataclass(frozen=True, eq=False)
class Training:
    problem: Problem
    X_val: Array
    y_val: Array
    recipe: Mapping[str, Any]
    """num_epochs, batch_size, learning_rate, learning_rate_decay; verbose where it is on."""


@cache
def toy(activation: str) -> Problem:
    """The handout's toy: `np.random.seed(0)` before the net with std 0.1, `np.random.seed(1)` before the data."""
    net, data = np.random.RandomState(0), np.random.RandomState(1)
    params = {"W1": 0.1 * net.randn(4, 10), "b1": np.zeros(10), "W2": 0.1 * net.randn(10, 3), "b2": np.zeros(3)}
    return Problem(activation, params, 10 * data.randn(5, 4), np.array([0, 1, 2, 2, 1]), 0.1, published=True)


LEAST_LOSS, LEAST_GRADIENT = 0.1, 1e-2
"""Least loss, and least norm of each parameter's gradient, of a well-posed problem. The handout's are as large."""


def near_the_toy(activation: str) -> Each:
    """Draw the toy problem with every parameter moved a little, so that a table of known losses does not have it."""

    def draw_it(draw: Draw, _truth: Any) -> Iterator[Problem]:
        problem = toy(activation)
        moved = {name: value + 0.05 * draw.random.normal(size=value.shape) for name, value in problem.params.items()}
        # b2 moves all scores alike, which no loss can see: the biases of the scores are judged with them
        yield replace(problem, params=moved | {"b2": problem.params["b2"] + 0.01})

    return draw_it


_SHAPES = ((5, 7, 3, 6), (3, 9, 4, 11), (8, 4, 5, 7), (6, 5, 2, 4), (4, 12, 6, 13), (10, 6, 3, 5))
"""(D, H, C, N), no two lengths of one problem alike where that would hide a transposed matrix."""
_REGS = (0.0, 0.7, 0.0, 1.3, 1e6, 5e-4)
"""1e6 makes the loss so large that a bias's gradient drowns in the rounding of numerical differences."""
_STRETCHED, _STRETCH = 2, 40.0
"""That problem of a ReLU net has pre-activations so many times larger, where one that is capped shows."""


def pairs(activation: str, count: int) -> Each:
    """Fresh well-posed problems of several shapes, with and without regularisation, biases far from zero."""

    def draw_them(draw: Draw, truth: Any) -> Iterator[Pair]:
        for i, (shape, reg) in enumerate(zip(_SHAPES[:count], _REGS[:count], strict=True)):
            stretch = _STRETCH if activation == "relu" and i == _STRETCHED else 1.0
            yield _until(
                lambda s=shape, r=reg, t=stretch: _stretched(_pair(draw.random, activation, s, r), t),
                lambda p: _well_posed(p, truth),
            )

    return draw_them


def _stretched(pair: Pair, by: float) -> Pair:
    """The hidden layer so many times larger, the scores of a ReLU net as they were."""
    params = pair.first.params
    params = params | {"W1": by * params["W1"], "b1": by * params["b1"], "W2": params["W2"] / by}
    return Pair(replace(pair.first, params=params), replace(pair.second, params=params))


def saturated(draw: Draw, truth: Any) -> Iterator[Problem]:
    """Scores of about ±1000, where exp overflows; and so far apart between rows that all of them underflow in some
    row if the largest of the whole batch is subtracted. Then a sigmoid of about ±1000.

    Some row is wrong by far. Were all of them right by far, the loss would be a difference of such scores that comes
    to 1e-15, of which rounding leaves nothing."""

    def draw_one(shape: tuple[int, ...]) -> Problem:
        problem = _problem(draw.random, "sigmoid", shape, 0.0)
        scale = 2000 / np.abs(problem.params["W2"]).max()
        return replace(problem, params=problem.params | {"W2": scale * problem.params["W2"]})

    def spread(problem: Problem) -> bool:
        best = truth.scores(problem).max(axis=1)
        return bool(best.max() > 800 and best.max() - best.min() > 800 and truth.loss(problem) > 1)

    for shape in _SHAPES[:2]:
        yield _until(lambda s=shape: draw_one(s), spread)
    flat = _problem(draw.random, "sigmoid", _SHAPES[2], 0.0)
    yield replace(flat, params=flat.params | {"W1": 1000 * flat.params["W1"]})


def trainings(activation: str, *regs: float, **recipe: Any) -> Each:
    """Trainings of a few epochs on one example many times over, so that sampling does not matter: a permutation,
    drawing with replacement and a batch larger than the data all end at the same parameters. In the first of them,
    where it is long enough, both accuracies change from epoch to epoch."""

    def draw_them(draw: Draw, truth: Any) -> Iterator[Training]:
        def draw_one(i: int) -> Training | None:
            training = _identical_rows(draw.random, activation, _SHAPES[i], regs[i], recipe)
            return training if i or recipe["num_epochs"] < 4 else _changing(training, draw.random, truth)

        for i in range(len(regs)):
            yield _until(partial(draw_one, i), lambda t: t is not None and bool(truth.well_posed_training(t)))

    return draw_them


_CANDIDATES, _VALIDATION = 80, 15


def _changing(training: Training, random: np.random.Generator, truth: Any) -> Training | None:
    """With validation data on which the accuracy rises to 1 in the middle of the training and then falls: who keeps
    the best, stops there or decays by it ends elsewhere. None where no such data are found, or where the training
    accuracy stays as it is."""
    problem, after = training.problem, truth.after_epochs(training)
    first, last = (truth.labels(p, problem.activation, problem.X[:1]) for p in (after[0], after[-1]))
    if first == last:
        return None
    rows = np.vstack([problem.X[:1], _inputs(random, _CANDIDATES, problem.sizes[0])])
    scores = np.array([truth.scores_at(p, problem.activation, rows) for p in after])
    clear = truth.is_clear(scores).all(axis=0)
    if not clear[0]:
        return None
    rows, labels = rows[clear], scores[:, clear].argmax(axis=2)
    return next(filter(None, (_peaking(training, rows, labels, epoch) for epoch in range(1, len(after) - 1))), None)


def _peaking(training: Training, rows: Array, labels: Array, epoch: int) -> Training | None:
    """The labels that are right after this epoch, on rows of which some have just become so and some will not stay
    so. The last class is among them: some students build one-hot rows from max(y) + 1."""
    come, go = labels[epoch] != labels[epoch - 1], labels[epoch] != labels[-1]
    last = labels[epoch] == training.problem.sizes[2] - 1
    if not (come.any() and (go & ~come).any() and last.any()):
        return None
    order = np.argsort(-(2 * (go & ~come) + come), kind="stable")
    chosen = np.unique([*np.flatnonzero(come)[:4], *np.flatnonzero(last)[:1], *order[: _VALIDATION - 5]])
    return replace(training, X_val=rows[chosen], y_val=labels[epoch][chosen])


def one_epoch(draw: Draw, truth: Any) -> Iterator[Training]:
    """One epoch on examples that differ, of which about half are right before and after it, and validation data."""
    recipe = {"num_epochs": 1, "batch_size": 24, "learning_rate": 0.02, "learning_rate_decay": 1.0}

    def half_right(problem: Problem) -> bool:
        return 0.3 < float(truth.accuracy(problem.params, "sigmoid", problem.X, problem.y)) < 0.7

    D, H, C, _ = _SHAPES[0]
    problem = _until(lambda: _problem(draw.random, "sigmoid", (D, H, C, 24), 0.0), half_right)
    yield Training(problem, _inputs(draw.random, 20, D), _labels(draw.random, 20, C), recipe)


_MNIST_SIZED = (784, 64, 10, 100)


def as_large_as_mnist(activation: str) -> Each:
    """So many parameters that differences of the loss take minutes, which the backward pass does in milliseconds."""

    def draw_them(draw: Draw, truth: Any) -> Iterator[Problem]:
        D, H, C, N = _MNIST_SIZED
        problem = _small_weights(_problem(draw.random, activation, (D, H, C, 2 * N), 0.7))
        yield _rows(_off_the_kink(problem, truth), N)

    return draw_them


_SKETCH_ROWS = 8


def sketch(gradient: Array) -> Array:
    """Return a few random sums of the rows of a matrix (D, H), as (8, H); a vector as it is. Two matrices that differ
    by a share of their norm differ by about that share in it, and a student's pack holds a hundredth of the numbers."""
    if gradient.ndim < 2:
        return gradient
    rows = np.random.default_rng(0).normal(size=(_SKETCH_ROWS, len(gradient)))
    return np.asarray(rows @ gradient / _SKETCH_ROWS**0.5)


def _off_the_kink(problem: Problem, truth: Any) -> Problem:
    """Leave out the rows so near ReLU's kink that rounding could decide."""
    if problem.activation != "relu":
        return problem
    clear = truth.rows_off_the_kink(problem, problem.params)
    return replace(problem, X=problem.X[clear], y=problem.y[clear])


def one_large_step(draw: Draw, truth: Any) -> Iterator[Training]:
    """A single step of that size, from one example many times over."""
    recipe = {"num_epochs": 1, "batch_size": 100, "learning_rate": 0.1, "learning_rate_decay": 1.0}

    def draw_one() -> Training:
        training = _identical_rows(draw.random, "relu", _MNIST_SIZED, 0.3, recipe, rows=100)
        return replace(training, problem=_small_weights(training.problem))

    yield _until(draw_one, lambda t: bool(truth.off_the_kink(t.problem, t.problem.params)))


def _small_weights(problem: Problem) -> Problem:
    """With 784 inputs of about 1, these give pre-activations of about 1."""
    return replace(problem, params=problem.params | {"W1": problem.params["W1"] / 28})


def four_examples(draw: Draw, _truth: Any) -> Iterator[Training]:
    """Four examples, two a step: the parameters end where one of the 100 pairs of batches leads."""
    yield _last_class(_problem(draw.random, "sigmoid", (4, 5, 3, 4), 0.2))


def twelve_examples(draw: Draw, _truth: Any) -> Iterator[Training]:
    """Twelve examples, two a step: a random epoch takes them in the order of the data once in seven million times."""
    yield _last_class(_problem(draw.random, "sigmoid", (4, 5, 3, 12), 0.2))


def _last_class(problem: Problem) -> Training:
    """One epoch in batches of two. Every label is the last class: some students build one-hot rows from max(y) + 1."""
    recipe = {"num_epochs": 1, "batch_size": 2, "learning_rate": 0.8, "learning_rate_decay": 1.0}
    y = np.full(len(problem.X), problem.sizes[2] - 1)
    return Training(replace(problem, y=y), problem.X, y, recipe)


def one_row_an_example(draw: Draw, _truth: Any) -> Iterator[Training]:
    """X is the identity, so row i of W1 moves only if example i is used, and its label says where to: the steps are so
    small that W2 stays about what it is. One epoch goes over the data once: with replacement it meets 63 ± 3 of the
    100. Three of four labels are 1, so that every batch of 25 holds one. W2's columns lie well apart: were they nearly
    equal, a right net in single precision would move its rows by less than it rounds them."""
    problem = _problem(draw.random, "sigmoid", (100, 4, 2, 100), 0.0)
    column = draw.random.choice((-1.0, 1.0), 4) * draw.random.uniform(0.5, 1.0, 4)
    problem = replace(problem, params={**problem.params, "W2": np.stack((column, -column), axis=1)})
    recipe = {"num_epochs": 1, "batch_size": 25, "learning_rate": 0.01, "learning_rate_decay": 1.0}
    y = draw.random.permutation((np.arange(100) % 4 > 0).astype(int))
    yield Training(replace(problem, X=np.eye(100), y=y), np.eye(100), y, recipe)


def by_heart(draw: Draw, _truth: Any) -> Iterator[Training]:
    """Labels without any pattern are learnt by heart only if each goes with its own example. Three of four labels
    are 1, so that every batch of 8 holds one."""
    problem = _problem(draw.random, "sigmoid", (24, 16, 2, 24), 0.0)
    small = {name: 0.5 * value for name, value in problem.params.items()}
    y = draw.random.permutation((np.arange(24) % 4 > 0).astype(int))
    recipe = {"num_epochs": 60, "batch_size": 8, "learning_rate": 5.0, "learning_rate_decay": 1.0}
    yield Training(replace(problem, X=np.eye(24), y=y, params=small), np.eye(24), y, recipe)


def predictions(activation: str) -> Each:
    """Nets with two batches of as many rows to classify, none of them near a tie."""

    def draw_them(draw: Draw, truth: Any) -> Iterator[Pair]:
        for shape in _SHAPES[:3]:
            pair = _pair(draw.random, activation, (*shape[:3], 60), 0.0)
            first, second = _clear(pair.first, truth), _clear(pair.second, truth)
            rows = min(len(first.X), len(second.X))
            yield Pair(_rows(first, rows), _rows(second, rows))

    return draw_them


def _clear(problem: Problem, truth: Any) -> Problem:
    clear = truth.clear_rows(problem.params, problem.activation, problem.X)
    return replace(problem, X=problem.X[clear], y=problem.y[clear])


def _rows(problem: Problem, count: int) -> Problem:
    return replace(problem, X=problem.X[:count], y=problem.y[:count])


def _until(draw: Any, good: Any) -> Any:
    for _ in range(10_000):
        if good(drawn := draw()):
            return drawn
    raise BadAssignment("no well-posed problem in 10,000 draws")


def _well_posed(pair: Pair, truth: Any) -> bool:
    return bool(truth.well_posed(pair.first)) and bool(truth.well_posed(pair.second))


def _pair(random: np.random.Generator, activation: str, shape: tuple[int, ...], reg: float) -> Pair:
    first = _problem(random, activation, shape, reg)
    D, _, C, N = shape
    return Pair(first, replace(first, X=_inputs(random, N + 3, D), y=_labels(random, N + 3, C)))


def _problem(random: np.random.Generator, activation: str, shape: tuple[int, ...], reg: float) -> Problem:
    D, H, C, N = shape
    params = {
        "W1": random.normal(size=(D, H)),
        "b1": random.normal(size=H),
        "W2": random.normal(size=(H, C)),
        "b2": random.normal(size=C),
    }
    return Problem(activation, params, _inputs(random, N, D), _labels(random, N, C), reg)


def _identical_rows(
    random: np.random.Generator,
    activation: str,
    shape: tuple[int, ...],
    reg: float,
    recipe: Mapping[str, Any],
    rows: int = 12,
) -> Training:
    D, _, C, _ = shape
    problem = _problem(random, activation, (*shape[:3], C), reg)
    problem = replace(problem, X=np.tile(_inputs(random, 1, D), (rows, 1)), y=np.full(rows, C - 1))
    return Training(problem, _inputs(random, 15, D), _labels(random, 15, C), recipe)


def _inputs(random: np.random.Generator, N: int, D: int) -> Array:
    return random.normal(0.3, 1.0, size=(N, D))


def _labels(random: np.random.Generator, N: int, C: int) -> Array:
    return random.permutation(np.concatenate([np.arange(C), random.integers(0, C, N - C)]))


# ── MNIST ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, eq=False)
class Mnist:
    """Pixels 0 … 255 less the mean training image, as the handout prepares them."""

    X_train: Array
    y_train: Array
    X_val: Array
    y_val: Array
    X_test: Array
    y_test: Array


@cache
def mnist(images: int) -> Mnist:
    """The first so many training images (50,000 are all), 10,000 each for validation and test."""
    with np.load(Path(__file__).parent / "data" / "mnist.npz") as raw:
        train = raw["X_train"][:images].astype(np.float64)
        mean = raw["X_train"].mean(axis=0)
        return Mnist(
            train - mean,
            raw["y_train"][:images].astype(np.int64),
            raw["X_val"] - mean,
            raw["y_val"].astype(np.int64),
            raw["X_test"] - mean,
            raw["y_test"].astype(np.int64),
        )
