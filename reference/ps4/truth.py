"""The truth about a problem: what the reference answers, or what it answers with known mistakes in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from grader import kit
from grader.kit import Assumptions, Reading, Training
from grader.kit.mistake import KnownMistake

from .mistakes import KNOWN, HardRelu, Softplus
from .problems import Problem
from .reference import Array, Params, TwoLayerMLP
from .workings import workings_of, workings_of_training

threadpool_limits(1, user_api="blas")
"""For good: the truth is so small that a second thread waits, busily, for longer than both compute."""

DEFINITION, PUBLISHED = "definition", "published"

SOFTPLUS_FOR_RELU = KnownMistake(
    "softplus_for_relu",
    "forward",
    "This is softplus, ln(1 + e^a); ReLU is max(0, a).",
    change=Softplus,
)
RELU_FOR_SOFTPLUS = KnownMistake(
    "relu_for_softplus",
    "forward",
    "This is max(0, a); this course asks for the smooth version ln(1 + e^a), whose loss the handout prints.",
    change=HardRelu,
)


def mistakes(config: Mapping[str, Any]) -> Sequence[KnownMistake]:
    match config["relu_reference"]:
        case "definition":
            return [*KNOWN, SOFTPLUS_FOR_RELU]
        case "published":
            return [*KNOWN, RELU_FOR_SOFTPLUS]
    return KNOWN


def readings(config: Mapping[str, Any]) -> Sequence[Reading]:
    """What activation="relu" may mean. The forward check settles it; the rest must follow."""
    numbers = config["published"]
    definition = Reading(
        DEFINITION,
        f"ReLU is max(0, a) here, whose toy loss is {numbers['relu_definition']}; older handouts print "
        f"{numbers['relu_published']}, which is softplus's",
    )
    published = Reading(
        PUBLISHED,
        f"ReLU is softplus, ln(1 + e^a), here, whose toy loss is {numbers['relu_published']}; max(0, a) has "
        f"{numbers['relu_definition']}. Either is accepted, if used throughout",
    )
    by_policy = {"either": [definition, published], DEFINITION: [definition], PUBLISHED: [published]}
    return by_policy[config["relu_reference"]]


def truths(config: Mapping[str, Any]) -> Callable[[str, Assumptions], Truth]:
    changes = {m.id: m.change for m in mistakes(config)}

    def truth(reading: str, assumed: Assumptions) -> Truth:
        mistaken = [changes[m] for m in sorted(assumed)]
        return Truth(_net_class(tuple(mistaken), reading))

    return truth


@cache
def _net_class(mistaken: tuple[type, ...], reading: str) -> type[TwoLayerMLP]:
    """The reference with these changes in front of it; a change that another one builds on is in it already."""
    changes = [*mistaken, *([Softplus] if reading == PUBLISHED else [])]
    changes = [c for c in changes if not any(c is not other and issubclass(other, c) for other in changes)]
    return type("Net", (*dict.fromkeys(changes), TwoLayerMLP), {})


class Truth(kit.ModelTruth):
    """The reference, cut into methods of which a known mistake does one differently."""

    model: type[TwoLayerMLP]

    def loss_by(self, model: TwoLayerMLP, problem: kit.Problem) -> float:
        return model.loss_only(problem.X, problem.y, problem.reg)

    def gradients_by(self, model: TwoLayerMLP, problem: kit.Problem) -> Params:
        return model.gradients(problem.X, problem.y, problem.reg)

    def scores_at(self, problem: kit.Problem) -> Array:
        return self.made(problem).scores(problem.X)

    def begin(self, training: Training) -> TwoLayerMLP:
        net = self.made(training.problem)
        # a mistaken net may remember the size
        list(net.batches(len(training.problem.X), int(training.recipe["batch_size"])))
        return net

    def step(self, model: TwoLayerMLP, batch: kit.Problem, rate: float) -> None:
        self.move(model, model.gradients(batch.X, batch.y, model.training_reg(batch.reg)), rate)

    def move(self, model: TwoLayerMLP, gradients: Params, rate: float) -> None:
        model.update(gradients, rate)

    def batch_sizes(self, training: Training) -> list[int]:
        net, N, size = self.made(training.problem), len(training.problem.X), int(training.recipe["batch_size"])
        epochs = net.epochs(int(training.recipe["num_epochs"]))
        return [len(rows) for _ in range(epochs) for rows in net.batches(N, size)]

    def smooth_rows(self, problem: kit.Problem) -> Array:
        """Return for each row (N,) whether no pre-activation lies near ReLU's kink."""
        net = self.made(problem)
        if net.activation != "relu":
            return super().smooth_rows(problem)
        return np.asarray(np.abs(net.preactivation(problem.X)).min(axis=1) > 1e-3)

    def measured(self, training: Training, after: Params) -> tuple[float, float]:
        net = self.made(training.problem.at(after))
        return net.measured_in_epoch(training.problem.params, *kit.copied(training))

    def made(self, problem: kit.Problem) -> TwoLayerMLP:
        net: TwoLayerMLP = self.make(problem)
        return net

    def net(self, activation: str) -> TwoLayerMLP:
        """Return a net whose parameters are not used."""
        return self.model(1, 1, 1, activation=activation)

    # ── from the student's own values ────────────────────────────────────────────────────────────────

    def loss_from(self, problem: kit.Problem, scores: Array) -> float:
        """Return the loss at the problem's labels and parameters for these scores (N, C)."""
        net = self.made(problem)
        return net.data_loss(scores, problem.y) + net.penalty(problem.reg, len(problem.y))

    def probabilities_of(self, scores: Array) -> Array:
        """Return the softmax (N, C) of these scores."""
        return np.asarray(np.exp(self.net("sigmoid").log_probabilities(scores)))

    def hidden_like(self, sigmoid_hidden: Array, activation: str) -> Array:
        """Return the hidden layer of this activation at the pre-activations of a sigmoid's hidden layer (N, H)."""
        a = np.log(sigmoid_hidden) - np.log1p(-sigmoid_hidden)
        return self.net(activation).hidden(a)

    def slope_at(self, hidden: Array, activation: str) -> Array:
        """Return the activation's derivative where the hidden layer is this (N, H), as far as that tells it."""
        net = self.net(activation)
        if activation == "relu" and net.relu(np.array([-1.0]))[0] > 0:
            return np.asarray(1 - np.exp(-hidden))  # softplus
        return net.slope(hidden, hidden)

    def gradients_from(
        self, problem: Problem, probabilities: Array, hidden: Array | None = None, slope: Array | None = None
    ) -> Params:
        """Return the gradients that go back from these probabilities (N, C) through this hidden layer (N, H) and its
        derivative (N, H). If None, the layer is the right one, and the derivative is taken at the layer."""
        net = self.made(problem)
        X = net.inputs(problem.X)
        a = net.preactivation(X)
        h = net.hidden(a) if hidden is None else hidden
        g2 = probabilities.copy()
        g2[np.arange(len(problem.y)), problem.y] -= 1
        g2 /= len(problem.y)
        g1 = net.hidden_gradient(g2, a, h) if slope is None else (g2 @ problem.params["W2"].T) * slope
        penalty = net.penalty_gradients(problem.reg, len(problem.y))
        return {name: g + penalty[name] for name, g in net.parameter_gradients(X, a, h, g1, g2).items()}

    # ── for the line of a lost check ─────────────────────────────────────────────────────────────────

    def workings(self, problem: Problem) -> Params:
        """Return the intermediate values of right solutions for scores, loss and gradients, by name."""
        with np.errstate(all="ignore"):
            return self.once("workings", problem, lambda: workings_of(self.made(problem), problem))

    def workings_of_training(self, training: Training) -> Params:
        """Return the same for each iteration of a training whose rows are all the same, and train's own values."""
        with np.errstate(all="ignore"):
            return self.once("workings", training, lambda: workings_of_training(self.made(training.problem), training))
