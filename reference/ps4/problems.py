"""Problems of this assignment: the handout's own toy, nets with a sigmoid or a ReLU, and MNIST."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np

from grader import kit, nets
from grader.kit import Draw
from grader.kit.draws import Each
from grader.nets import Params, Training

PARAMETERS = ("W1", "b1", "W2", "b2")
SMALL = 0.02
"""Largest right pre-activation at which a fault that enlarges them fiftyfold leaves the sigmoid unsaturated."""


@dataclass(frozen=True, eq=False)
class Problem(nets.Problem):
    """A net with a sigmoid or a ReLU, and a batch for it."""

    @property
    def activation(self) -> str:
        return str(self.options["activation"])

    def activated(self, activation: str) -> Self:
        """Return the problem for a net with another activation."""
        return replace(self, options={**self.options, "activation": activation})

    def gentle(self) -> Self:
        """Return the problem where no sigmoid is saturated and no b1 keeps a unit of a ReLU inactive."""
        return self.with_preactivations_up_to(SMALL).at({"b1": 0 * self.params["b1"]})

    def with_preactivations_up_to(self, largest: float) -> Self:
        """Return the problem with W1 and b1 scaled so that no right pre-activation is larger in size."""
        W1, b1 = self.params["W1"], self.params["b1"]
        factor = largest / np.abs(self.X @ W1 + b1).max()
        return self.at({"W1": factor * W1, "b1": factor * b1})


def _shapes(D: int, H: int, C: int) -> dict[str, tuple[int, ...]]:
    return {"W1": (D, H), "b1": (H,), "W2": (H, C), "b2": (C,)}


SIGMOID, RELU = (
    nets.ModelSpec(_shapes, {"std": 0.1, "activation": activation}, Problem) for activation in ("sigmoid", "relu")
)


@cache
def toy(activation: str) -> Problem:
    """Return the handout's toy: `np.random.seed(0)` before the net of std 0.1, `np.random.seed(1)` before the data."""
    net, data = np.random.RandomState(0), np.random.RandomState(1)
    params = {"W1": 0.1 * net.randn(4, 10), "b1": np.zeros(10), "W2": 0.1 * net.randn(10, 3), "b2": np.zeros(3)}
    X, y = 10 * data.randn(5, 4), np.array([0, 1, 2, 2, 1])
    spec = SIGMOID if activation == "sigmoid" else RELU
    problem: Problem = spec.make((4, 10, 3), params, X, y, 0.1)
    return problem


def near_the_toy(activation: str) -> Each:
    """Draw the toy problem with its parameters moved. b2 moves all scores alike, which no loss can see: the biases of
    the scores are judged with them."""
    return nets.moved_a_little(toy(activation), b2=0.01)


_STRETCHED, _STRETCH = 2, 40.0
"""That problem of a ReLU net has pre-activations so many times larger, where one that is capped shows."""


def stretched(number: int, problem: Problem) -> Problem:
    """Return that problem with the hidden layer so many times larger and the scores as they were, others unchanged."""
    if number != _STRETCHED:
        return problem
    p = problem.params
    return problem.at({"W1": _STRETCH * p["W1"], "b1": _STRETCH * p["b1"], "W2": p["W2"] / _STRETCH})


def saturated(draw: Draw, truth: Any) -> Iterator[Problem]:
    """Draw scores of about ±1000, then a sigmoid of about ±1000."""
    yield from nets.large_scores(SIGMOID, "W2")(draw, truth)
    flat = SIGMOID.draw(draw.random, nets.SHAPES[2])
    yield flat.at({"W1": 1000 * flat.params["W1"]})


_MNIST_SIZED = (784, 64, 10, 100)


def as_large_as_mnist(spec: nets.ModelSpec) -> Each:
    """Draw so many parameters that differences of the loss take minutes, which the backward pass does in
    milliseconds."""

    def draw_them(draw: Draw, truth: Any) -> Iterator[Problem]:
        *sizes, N = _MNIST_SIZED
        problem = _small_weights(spec.draw(draw.random, (*sizes, 2 * N), 0.7))
        yield problem.rows(truth.smooth_rows(problem)).rows(slice(N))

    return draw_them


def one_large_step(draw: Draw, truth: Any) -> Iterator[Training]:
    """Draw a single step of that size, from one example many times over."""
    recipe = {"num_epochs": 1, "batch_size": 100, "learning_rate": 0.1, "learning_rate_decay": 1.0}

    def draw_one() -> Training:
        training: Training = nets.identical_rows(RELU, draw.random, _MNIST_SIZED, 0.3, recipe, 100)
        return replace(training, problem=_small_weights(training.problem))

    yield kit.until(draw_one, lambda t: bool(truth.smooth_rows(t.problem).all()))


def _small_weights(problem: Any) -> Problem:
    """Return the problem with weights that give pre-activations of about 1 from 784 inputs of about 1."""
    small: Problem = problem.at({"W1": problem.params["W1"] / 28})
    return small


# ── MNIST ────────────────────────────────────────────────────────────────────────────────────────────


@cache
def mnist(images: int) -> nets.DataSet:
    """Return the first so many training images (50,000 are all), 10,000 each for validation and test. Pixels are
    0 … 255 less the mean training image, as the handout prepares them."""
    with np.load(Path(__file__).parent / "data" / "mnist.npz") as raw:
        X_train, y_train = raw["X_train"][:images].astype(np.float64), raw["y_train"][:images]
        mean, labels = raw["X_train"].mean(axis=0), (y_train, raw["y_val"], raw["y_test"])
        y_train, y_val, y_test = (y.astype(np.int64) for y in labels)
        return nets.DataSet(X_train - mean, y_train, raw["X_val"] - mean, y_val, raw["X_test"] - mean, y_test)


def first_images(spec: nets.ModelSpec, data: nets.DataSet, recipe: Any) -> Problem:
    """Return a few images to learn, from weights as the handout draws them."""
    random, images, sizes = np.random.default_rng(0), int(recipe["shorter_images"]), (784, recipe["hidden_size"], 10)
    params: Params = {
        name: float(recipe["std"]) * random.normal(size=shape) if len(shape) > 1 else np.zeros(shape)
        for name, shape in spec.shapes(*sizes).items()
    }
    X, y = data.X_train[:images], data.y_train[:images]
    problem: Problem = spec.make(sizes, params, X, y, float(recipe["reg"]))
    return problem
