"""The calls that are followed to find the line of a lost check. Their problems are fixed: no points hang on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from grader import nets
from grader.kit import Answer, Student
from grader.kit.lines import FollowedCall, Target
from grader.nets import Training

from .batches import Batches
from .problems import PARAMETERS, RELU, SIGMOID, Problem

ROLES = (*PARAMETERS, "scores", "batch_size", "learning_rate", "num_epochs")
SIZES = ("N", "D", "H", "C")
"""What the handout calls by these names."""
LOSS, LABELS = {"[0]": "loss"}, {"": "labels"}
TRAINED = {f"self.params['{name}']": f"trained {name}" for name in PARAMETERS}
HISTORY_NAMES = ("loss_history", "grad_magnitude_history", "train_acc_history", "val_acc_history")
HISTORIES = {f"['{name}']": f"all {name}" for name in HISTORY_NAMES}


def _gradient(name: str) -> dict[str, str]:
    return {f"[1]['{name}']": f"gradient of {name}"}


@cache
def _problem(activation: str, reg: float = 0.7, rows: int = 9) -> Problem:
    """No two sizes are alike, and all classes are there."""
    random, spec, sizes = np.random.default_rng(11), SIGMOID if activation == "sigmoid" else RELU, (5, 6, 4)
    drawn = {name: random.normal(size=shape) for name, shape in spec.shapes(*sizes).items()}
    y = random.permutation(np.arange(rows) % 4)
    problem: Problem = spec.make(sizes, drawn, random.normal(0.3, 1.0, size=(rows, 5)), y, reg)
    return problem


def _with_other_batch(problem: Problem) -> Problem:
    """Return the problem with as many other examples, whose labels are other ones."""
    return replace(problem, X=1 - problem.X, y=(problem.y + 1) % 4)


@cache
def _saturated() -> Problem:
    problem = _problem("sigmoid")
    return problem.at({"W2": 1000 * problem.params["W2"]})


@cache
def _saturated_units() -> Problem:
    problem = _problem("sigmoid")
    return problem.at({"W1": 1000 * problem.params["W1"]})


@cache
def _labelled() -> Problem:
    """Several labels are predicted, and each parameter decides some of them."""
    problem = _problem("sigmoid")
    return problem.at({name: 3 * problem.params[name] for name in ("W1", "W2")})


@cache
def _training(activation: str, **recipe: Any) -> Training:
    """Rows that are all the same, so that sampling does not matter."""
    problem = _problem(activation, 0.3)
    other = np.random.default_rng(12)
    rows = replace(problem, X=np.tile(problem.X[:1], (14, 1)), y=np.full(14, 3))
    return Training(rows, other.normal(0.3, 1.0, size=(15, 5)), other.permutation(np.arange(15) % 4), recipe)


@cache
def _sampling() -> Training:
    """Rows that are all different."""
    problem = _problem("sigmoid", 0.3, 12)
    other = np.random.default_rng(13)
    recipe = dict(num_epochs=2, batch_size=4, learning_rate=0.3, learning_rate_decay=0.8)
    return Training(problem, other.normal(0.3, 1.0, size=(15, 5)), other.permutation(np.arange(15) % 4), recipe)


@cache
def _loss(problem: Problem, labels: bool = True, before: Problem | None = None) -> FollowedCall:
    """Follow loss; with `before`, after a call with the batch of that problem."""

    def make(student: Student) -> Answer:
        if not labels:
            return _follow(student, problem, "loss", problem.X)
        earlier = [] if before is None else [(before.X, before.y, before.reg)]
        return _follow(student, problem, "loss", problem.X, problem.y, reg=problem.reg, before=earlier)

    return FollowedCall(make, lambda truth: truth.workings(problem), ROLES, SIZES)


def _train(training: Training) -> FollowedCall:
    def make(student: Student) -> Answer:
        problem = training.problem
        data = problem.X, problem.y, training.X_val, training.y_val
        return _follow(student, problem, "train", *data, reg=problem.reg, **training.recipe)

    problem, N, size = training.problem, len(training.problem.X), int(training.recipe["batch_size"])
    sizes = (size, N) if size > N else (size,)
    epochs = int(training.recipe["num_epochs"])
    batches = Batches("loss", problem.X, problem.y, training.X_val, sizes, epochs, problem.reg)
    roles = (*ROLES, *HISTORY_NAMES)
    return FollowedCall(make, lambda truth: truth.workings_of_training(training), roles, SIZES, batches.fault)


def _predict(problem: Problem) -> FollowedCall:
    return FollowedCall(
        lambda student: _follow(student, problem, "predict", problem.X),
        lambda truth: truth.workings(problem),
        (*PARAMETERS, "scores", "X"),
    )


@cache
def _construction() -> FollowedCall:
    problem = _problem("sigmoid")

    def make(student: Student) -> Answer:
        return student.new(*problem.sizes, **problem.options).trace("__init__", *problem.sizes, **problem.options)

    def right(_truth: Any) -> Mapping[str, Any]:
        D, H, C = problem.sizes
        return problem.params | {"D": D, "H": H, "C": C, "sizes": problem.sizes}

    return FollowedCall(make, right, PARAMETERS, random=True)


def _follow(
    student: Student,
    problem: nets.Problem,
    method: str,
    *args: Any,
    before: Sequence[Sequence[Any]] = (),
    **options: Any,
) -> Answer:
    net, put, _ = student.new_with("params", problem.params, *problem.sizes, **problem.options)
    if put.failure is not None:
        return put
    for earlier in before:
        net.call(method, *earlier)
    return net.trace(method, *args, **options)


@cache
def _targets() -> Mapping[str, Sequence[Target]]:
    """By check, the likeliest first."""
    sigmoid, relu = _loss(_problem("sigmoid")), _loss(_problem("relu"))
    saturated = _loss(_saturated()), _loss(_saturated_units())
    once = dict(num_epochs=1, batch_size=14, learning_rate=0.5, learning_rate_decay=0.9)
    long = dict(num_epochs=3, batch_size=100, learning_rate=0.2, learning_rate_decay=0.6)
    several = dict(num_epochs=3, batch_size=7, learning_rate=0.3, learning_rate_decay=0.8)
    step, decay, batches = (_train(_training("sigmoid", **recipe)) for recipe in (once, long, several))
    relu_batches = _train(_training("relu", **several))
    sigmoid_again, relu_again = (_loss(p, before=_with_other_batch(p)) for p in map(_problem, ("sigmoid", "relu")))
    made = Target(_construction(), {f"self.params['{name}']": name for name in PARAMETERS})
    put = replace(made, replaced=True)
    found = {
        "q2.1.published": [Target(sigmoid, LOSS)],
        "q2.1.scores": [made, Target(_loss(_problem("sigmoid"), labels=False), {"": "scores"})],
        "q2.1.loss": [Target(sigmoid, LOSS), Target(sigmoid_again, LOSS)],
        "q2.1.stable": [Target(sigmoid, LOSS), *(Target(call, LOSS | _gradient("b2")) for call in saturated)],
        **{f"q2.2.{n}": [Target(call, _gradient(n)) for call in (sigmoid, sigmoid_again)] for n in PARAMETERS},
        "q2.3.step": [Target(step, TRAINED)],
        "q2.3.decay": [Target(decay, TRAINED), Target(batches, TRAINED)],
        "q2.3.batches": [Target(batches, TRAINED), Target(_train(_sampling()), {})],
        "q2.3.histories": [Target(batches, HISTORIES), Target(decay, HISTORIES)],
        "q2.3.predict": [Target(_predict(_labelled()), LABELS), Target(batches, TRAINED)],
        "q2.4.forward.published": [Target(relu, LOSS)],
        "q2.4.forward.loss": [Target(relu, LOSS), Target(relu_again, LOSS)],
        **{f"q2.4.backward.{n}": [Target(call, _gradient(n)) for call in (relu, relu_again)] for n in PARAMETERS},
        "q2.4.training.epochs": [Target(relu_batches, TRAINED), Target(_predict(_problem("relu")), LABELS)],
        "q2.5.sigmoid.accuracy": [Target(batches, TRAINED)],
        "q2.5.relu.accuracy": [Target(relu_batches, TRAINED)],
    }
    return {check: [put, *of] for check, of in found.items()}


def targets(check: str) -> Sequence[Target]:
    """Where to look for the line that this lost check is about, the likeliest first."""
    return _targets().get(check, ())
