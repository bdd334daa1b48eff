"""The truth about a problem: what the reference answers, or what it answers with known mistakes in it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from grader.checks.lines import MISAPPLIED, OTHER, PARTIAL
from grader.checks.mistakes import Assumptions, Reading
from grader.kit.mistake import KnownMistake

from .mistakes import KNOWN, HardRelu, Softplus
from .problems import LEAST_GRADIENT, LEAST_LOSS, Problem, Training, sketch
from .reference import Array, Params, TwoLayerMLP

threadpool_limits(1, user_api="blas")
"""For good: the truth is so small that a second thread waits, busily, for longer than both compute."""

DEFINITION, PUBLISHED = "definition", "published"
MOST_ENDS = 2000
"""Sequences of batches that are followed; more take longer than they tell."""

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


def _data(training: Training) -> tuple[Array, Array, Array, Array]:
    """Copies, since a mistaken training may change them."""
    problem = training.problem
    return problem.X.copy(), problem.y.copy(), training.X_val.copy(), training.y_val.copy()


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


_NEAR_PUBLISHED: dict[tuple[type[TwoLayerMLP], int], tuple[Problem, Array]] = {}
"""Losses near the handout's problems, which are the same for every submission: by net and problem."""


class Truth:
    """Answers are remembered by problem: many claims ask for the same."""

    def __init__(self, net: type[TwoLayerMLP]) -> None:
        self._net = net
        self._known: dict[tuple[str, int], tuple[Any, Any]] = {}

    def scores(self, problem: Problem) -> Array:
        """(N, C)"""
        scores: Array = self._once("scores", problem, lambda: self._made(problem).loss(problem.X))
        return scores

    def loss(self, problem: Problem) -> float:
        loss: float = self._once(
            "loss", problem, lambda: self._made(problem).loss_only(problem.X, problem.y, problem.reg)
        )
        return loss

    def gradients(self, problem: Problem) -> Params:
        """By parameter name, each of its parameter's shape."""
        gradients: Params = self._once(
            "gradients", problem, lambda: self._made(problem).gradients(problem.X, problem.y, problem.reg)
        )
        return gradients

    def gradients_once(self, problem: Problem) -> Params:
        """Return the gradients at a problem that is asked about only once, and forget it."""
        return self._made(problem).gradients(problem.X, problem.y, problem.reg)

    def sketched_gradients(self, problem: Problem) -> Params:
        """Return `sketch` of each gradient."""

        def compute() -> Params:
            return {name: sketch(value) for name, value in self.gradients(problem).items()}

        sketches: Params = self._once("sketched_gradients", problem, compute)
        return sketches

    # ── from the student's own values ────────────────────────────────────────────────────────────────

    def loss_of(self, problem: Problem, scores: Array) -> float:
        """Return the loss at the problem's labels and parameters for these scores (N, C)."""
        net = self._made(problem)
        return net.data_loss(scores, problem.y) + net.penalty(problem.reg, len(problem.y))

    def probabilities_of(self, scores: Array) -> Array:
        """Return the softmax (N, C) of these scores."""
        return np.asarray(np.exp(self._net(1, 1, 1).log_probabilities(scores)))

    def hidden(self, problem: Problem) -> Array:
        """Return the hidden layer (N, H)."""
        net = self._made(problem)
        return net.hidden(net.preactivation(net.inputs(problem.X)))

    def hidden_like(self, sigmoid_hidden: Array, activation: str) -> Array:
        """Return the hidden layer of this activation at the pre-activations of a sigmoid's hidden layer (N, H)."""
        a = np.log(sigmoid_hidden) - np.log1p(-sigmoid_hidden)
        return self._net(1, 1, 1, activation=activation).hidden(a)

    def slope_at(self, hidden: Array, activation: str) -> Array:
        """Return the activation's derivative where the hidden layer is this (N, H), as far as that tells it."""
        net = self._net(1, 1, 1, activation=activation)
        if activation == "relu" and net.relu(np.array([-1.0]))[0] > 0:
            return np.asarray(1 - np.exp(-hidden))  # softplus
        return net.slope(hidden, hidden)

    def gradients_from(
        self, problem: Problem, probabilities: Array, hidden: Array | None, slope: Array | None
    ) -> Params:
        """Return the gradients that go back from these probabilities (N, C) through this hidden layer (N, H) and its
        derivative (N, H). If None, the layer is the right one, and the derivative is taken at the layer."""
        net = self._made(problem)
        X = net.inputs(problem.X)
        a = net.preactivation(X)
        h = net.hidden(a) if hidden is None else hidden
        g2 = probabilities.copy()
        g2[np.arange(len(problem.y)), problem.y] -= 1
        g2 /= len(problem.y)
        g1 = net.hidden_gradient(g2, a, h) if slope is None else (g2 @ problem.params["W2"].T) * slope
        penalty = net.penalty_gradients(problem.reg, len(problem.y))
        return {name: g + penalty[name] for name, g in net.parameter_gradients(X, a, h, g1, g2).items()}

    def moved_by(self, training: Training, gradients: Params) -> Params:
        """Return the parameters after a training in which every step has these gradients."""
        problem, recipe = training.problem, training.recipe
        steps = max(len(problem.X) // int(recipe["batch_size"]), 1)
        rate, net = float(recipe["learning_rate"]), self._made(problem)
        for _ in range(int(recipe["num_epochs"])):
            for _ in range(steps):
                net.update(gradients, rate)
            rate *= float(recipe["learning_rate_decay"])
        return net.params

    def losses(self, problem: Problem, stacks: Mapping[str, Array]) -> Array:
        """(K,) the loss at each of K sets of parameters near a published problem."""

        def compute() -> Array:
            net = self._made(problem)
            losses = []
            for values in zip(*stacks.values(), strict=True):
                net.params = dict(zip(stacks, values, strict=True))
                losses.append(net.loss_only(problem.X, problem.y, problem.reg))
            return np.array(losses)

        key = (self._net, id(problem))
        if key not in _NEAR_PUBLISHED:
            _NEAR_PUBLISHED[key] = problem, compute()  # holding the problem keeps its id from being reused
        return _NEAR_PUBLISHED[key][1]

    def trained(self, training: Training) -> tuple[Params, dict[str, list[float]]]:
        """Parameters after training, and the histories. Deterministic: the batches come from a seed of ours."""

        def compute() -> tuple[Params, dict[str, list[float]]]:
            problem = training.problem
            net = self._made(problem)
            net.random = np.random.default_rng(0)
            histories = net.train(*_data(training), reg=problem.reg, **training.recipe)
            return net.params, histories  # in this order: a mistaken training may put another dict there

        answer: tuple[Params, dict[str, list[float]]] = self._once("trained", training, compute)
        return answer

    def trained_again(self, training: Training) -> Params:
        """Parameters after the same training, on the arrays as a first one has left them."""

        def compute() -> Params:
            data = _data(training)
            for _ in range(2):
                net = self._made(training.problem)
                net.random = np.random.default_rng(0)
                net.train(*data, reg=training.problem.reg, **training.recipe)
            return net.params

        params: Params = self._once("trained_again", training, compute)
        return params

    def ends(self, training: Training) -> list[Params] | None:
        """Parameters after every sequence of batches that training can meet, whether it draws with replacement or
        without. None where those are too many to follow."""
        problem = training.problem
        N = len(problem.X)

        def compute() -> list[Params] | None:
            net = self._made(problem)
            epochs = net.epochs(int(training.recipe["num_epochs"]))
            sizes = [len(rows) for _ in range(epochs) for rows in net.batches(N, int(training.recipe["batch_size"]))]
            draws = [list(itertools.combinations_with_replacement(range(N), size)) for size in sizes]
            if math.prod(map(len, draws)) > MOST_ENDS:
                return None
            return [self._follow(training, sequence) for sequence in itertools.product(*draws)]

        ends: list[Params] | None = self._once("ends", training, compute)
        return ends

    def in_order(self, training: Training) -> Params:
        """Parameters after one epoch whose batches follow the order of the data."""
        N, size = len(training.problem.X), int(training.recipe["batch_size"])
        rows = np.arange(N).reshape(N // size, size)
        params: Params = self._once("in_order", training, lambda: self._follow(training, rows))
        return params

    def measured(self, training: Training, after: Params) -> tuple[float, float]:
        """What the accuracy histories hold for one epoch that ended at these parameters."""
        net = self._with(after, training.problem.activation)
        return net.measured_in_epoch(training.problem.params, *_data(training))

    def _follow(self, training: Training, batches: Iterable[Sequence[int] | Array]) -> Params:
        """Parameters after steps on just these rows."""
        problem = training.problem
        net = self._made(problem)
        list(net.batches(len(problem.X), int(training.recipe["batch_size"])))  # a mistaken net may remember the size
        for rows in map(list, batches):
            grads = net.gradients(problem.X[rows], problem.y[rows], net.training_reg(problem.reg))
            net.update(grads, float(training.recipe["learning_rate"]))
        return net.params

    def labels(self, params: Params, activation: str, X: Array) -> Array:
        """(N,) what predict must answer at these parameters."""
        return self._with(params, activation).predict(X)

    def accuracy(self, params: Params, activation: str, X: Array, y: Array) -> float:
        """Of the forward pass at these parameters, whatever predict makes of it."""
        return float(np.mean(self.best(params, activation, X) == y))

    def loss_at(self, params: Params, problem: Problem) -> float:
        """The data's loss at other parameters than the problem's."""
        return self._with(params, problem.activation).loss_only(problem.X, problem.y, 0.0)

    def best(self, params: Params, activation: str, X: Array) -> Array:
        """(N,) the class with the largest score."""
        return np.asarray(self._with(params, activation).scores(X).argmax(axis=1))

    # ── on the way ───────────────────────────────────────────────────────────────────────────────────

    def workings(self, problem: Problem) -> Params:
        """Return the intermediate values of right solutions for scores, loss and gradients, by name. "summed" is before
        division by N; each layer of a stack belongs to one example."""

        def computed() -> Params:
            right = _workings(self._made(problem), problem)
            return right | _misapplied(right)

        with np.errstate(all="ignore"):
            workings: Params = self._once("workings", problem, computed)
        return workings

    def workings_of_training(self, training: Training) -> Params:
        """Return the same for each iteration of a training whose rows are all the same, and train's own values."""
        with np.errstate(all="ignore"):
            workings: Params = self._once("workings", training, lambda: self._workings_of_training(training))
        return workings

    def _workings_of_training(self, training: Training) -> Params:
        problem, recipe = training.problem, training.recipe
        N, B, epochs = len(problem.X), int(recipe["batch_size"]), int(recipe["num_epochs"])
        steps, rate = max(N // B, 1), float(recipe["learning_rate"])
        batch = replace(problem, X=problem.X[:B], y=problem.y[:B])
        net = self._made(problem)
        rates: list[float] = [rate]
        losses: list[float] = []
        norms: list[float] = []
        shares: list[list[float]] = []
        found: dict[str, Any] = {"X": problem.X, "y": problem.y, "X_val": training.X_val, "y_val": training.y_val}
        found |= {f"count {n}": np.array(n) for n in (N, B, epochs, steps, steps * epochs, N // B)}
        found |= {"num_epochs": epochs, "batch_size": B, "batch_size at most N": min(B, N), "learning_rate": rate}
        found |= {f"row {n}": np.array(n) for n in range(0, N + 1, B)}
        for number in range(epochs * steps):
            now = replace(batch, params=dict(net.params))
            workings: dict[str, Any] = dict(_workings(net, now))
            if number == 0:
                workings = _misapplied(workings) | workings
            grads = net.gradients(now.X, now.y, now.reg)
            losses.append(net.loss_only(now.X, now.y, now.reg))
            norms.append(float(np.linalg.norm(grads["W1"])))
            for name, grad in grads.items():
                workings |= {f"step of {name}": rate * grad, f"minus step of {name}": -rate * grad}
                workings |= {f"updated {name}": net.params[name] - rate * grad}
            workings |= {"loss_history": np.array(losses), "grad_magnitude_history": np.array(norms)}
            workings |= {"norm": norms[-1], "norm squared": norms[-1] ** 2, "squares": grads["W1"] ** 2}
            net.update(grads, rate)
            found |= {f"{number}:{name}": value for name, value in workings.items()}
            if (number + 1) % steps == 0:
                shares.append([])
                for name, X, y in (("train", problem.X, problem.y), ("val", training.X_val, training.y_val)):
                    there = Problem(problem.activation, dict(net.params), X, y, 0.0)
                    forward: dict[str, Any] = dict(_workings(net, there))
                    right = net.predict(X) == y
                    forward |= {"right": right, "share": np.mean(right), "sum": np.sum(right)}
                    shares[-1].append(float(np.mean(right)))
                    forward[f"{name}_acc_history"] = np.array([share[-1] for share in shares])
                    found |= {f"{number}:{name}:{n}": value for n, value in forward.items()}
                rate *= float(recipe["learning_rate_decay"])
                found[f"{number}:learning_rate"] = np.array(rate)
                rates.append(rate)
                found[f"{number}:decay"] = np.array(rate / float(recipe["learning_rate"]))
        found |= {f"trained {name}": value for name, value in net.params.items()}
        found |= {"rates": rates[:-1], "rates after": rates[1:], "all rates": rates}
        found |= {"all loss_history": losses, "all grad_magnitude_history": norms}
        for number, name in enumerate(("train", "val")):
            found[f"all {name}_acc_history"] = [share[number] for share in shares]
        return {name: np.asarray(value) for name, value in found.items()}

    # ── may a problem be used? ───────────────────────────────────────────────────────────────────────

    def well_posed(self, problem: Problem) -> bool:
        """Loss and gradients are large enough to compare, and no pre-activation lies on ReLU's kink, so that a
        right float32 solution stays far inside its tolerance."""
        if self.loss(problem) < LEAST_LOSS:
            return False
        if any(np.linalg.norm(g) < LEAST_GRADIENT for g in self.gradients(problem).values()):
            return False
        return problem.activation != "relu" or self.off_the_kink(problem, problem.params)

    def off_the_kink(self, problem: Problem, params: Params) -> bool:
        return bool(self.rows_off_the_kink(problem, params).all())

    def rows_off_the_kink(self, problem: Problem, params: Params) -> Array:
        """Return for each row (N,) whether all its pre-activations are far enough from zero."""
        a = self._with(params, problem.activation).preactivation(problem.X)
        return np.asarray(np.abs(a).min(axis=1) > 1e-3)

    def well_posed_training(self, training: Training) -> bool:
        """No step of a training whose rows are all the same comes near the kink."""
        problem = training.problem
        return problem.activation != "relu" or all(self.off_the_kink(problem, p) for p in self._steps(training))

    def after_epochs(self, training: Training) -> list[Params]:
        """Parameters after each epoch of a training whose rows are all the same."""
        epochs = int(training.recipe["num_epochs"])
        steps = list(self._steps(training))
        each = (len(steps) - 1) // epochs
        return steps[each::each]

    def decided_by_rounding(self, training: Training) -> Array:
        """Return (num_epochs,) whether rounding decides what predict answers to a training's rows, all the same, after
        each epoch: other answers to rows that are 1e-12 away. A right predict's labels do not change; a softmax along
        the batch makes all classes of such rows equal, and the largest score of them all is in every row."""

        def changes(net: TwoLayerMLP) -> bool:
            labels = net.predict(X.copy())  # copies, since a mistaken predict may change them
            return not all(np.allclose(net.predict(rows.copy()), labels) for rows in nearby)

        X, activation = training.problem.X, training.problem.activation
        nearby = X * (1 + 1e-12 * np.random.default_rng(0).normal(size=(5, *X.shape)))

        def compute() -> Array:
            return np.array([changes(self._with(params, activation)) for params in self.after_epochs(training)])

        decided: Array = self._once("decided_by_rounding", training, compute)
        return decided

    def _steps(self, training: Training) -> Iterator[Params]:
        """Parameters before the first step, then after each."""
        problem, rate = training.problem, float(training.recipe["learning_rate"])
        net = self._made(problem)
        steps = max(len(problem.X) // int(training.recipe["batch_size"]), 1)
        yield dict(net.params)
        for _ in range(int(training.recipe["num_epochs"])):
            for _ in range(steps):
                net.update(net.gradients(problem.X, problem.y, problem.reg), rate)
                yield dict(net.params)
            rate *= float(training.recipe["learning_rate_decay"])

    def clear_rows(self, params: Params, activation: str, X: Array) -> Array:
        """(N,) True where the best score leads by enough that rounding cannot change the label."""
        return self.is_clear(self.scores_at(params, activation, X))

    def is_clear(self, scores: Array) -> Array:
        best = np.sort(scores, axis=-1)
        return np.asarray(best[..., -1] - best[..., -2] > 1e-3)

    def scores_at(self, params: Params, activation: str, X: Array) -> Array:
        return self._with(params, activation).scores(X)

    def _made(self, problem: Problem) -> TwoLayerMLP:
        return self._with(problem.params, problem.activation)

    def _with(self, params: Params, activation: str) -> TwoLayerMLP:
        net = self._net(1, 1, 1, activation=activation)
        net.params = {name: np.array(value) for name, value in params.items()}
        return net

    def _once(self, what: str, about: Any, compute: Callable[[], Any]) -> Any:
        key = (what, id(about))
        if key not in self._known:
            self._known[key] = (about, compute())  # holding the problem keeps its id from being reused
        return self._known[key][1]


def _workings(net: TwoLayerMLP, problem: Problem) -> Params:
    """Return values by name. Those with one number for each example are columns, so that each number is recognised."""
    X, y, reg, N = net.inputs(problem.X), problem.y, problem.reg, len(problem.X)
    W1, b1, W2, b2 = (net.params[name] for name in ("W1", "b1", "W2", "b2"))
    a = net.preactivation(X)
    h = net.hidden(a)
    scores = net.output(h)
    log_p = net.log_probabilities(scores)
    p, one_hot, rows = np.exp(log_p), np.eye(len(b2))[y], np.arange(N)
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    found: dict[str, Any] = {
        "X": X, "y": y, "W1": W1, "b1": b1, "W2": W2, "b2": b2, "reg": reg, "N": N, "D": len(W1), "H": len(b1),
        "C": len(b2), "rows": rows, "X W1": X @ W1, "a": a, "-a": -a, "|a|": np.abs(a), "h": h, "h W2": h @ W2,
        "scores": scores, "largest": scores.max(axis=1), "shifted scores": shifted,
        "exp of shifted scores": np.exp(shifted), "exp of scores": np.exp(scores), "sum": np.exp(shifted).sum(axis=1),
        "sum of scores": np.exp(scores).sum(axis=1), "log sum": log_sum, "log sum of scores": log_sum +
        scores.max(axis=1), "log p": log_p, "p": p, "label": one_hot, "labels": scores.argmax(axis=1),
        "p / N": p / N, "label / N": one_hot / N,
    }  # fmt: skip
    if net.activation == "sigmoid":
        found |= {"exp(-a)": np.exp(-a), "1 + exp(-a)": 1 + np.exp(-a)}
        other_h, other_slope = np.maximum(a, 0), a > 0
    else:
        found["a > 0"] = a > 0
        other_h, other_slope = 1 / (1 + np.exp(-a)), h * (1 - h)
        found |= {"exp(-|a|)": np.exp(-np.abs(a)), "exp(a)": np.exp(a), "1 + exp(a)": 1 + np.exp(a)}
    found |= {OTHER + "h": other_h, OTHER + "slope": other_slope}
    for name, of in (("scores", scores), ("shifted", shifted), ("p", p), ("log p", log_p), ("exp", np.exp(shifted))):
        found |= {f"right {name}": of[rows, y], f"all right {name}": one_hot * of}
    each = -log_p[rows, y]
    found |= {"losses": each, "data loss summed": each.sum(), "minus data loss summed": -each.sum()}
    found |= {"data loss": each.mean(), "minus data loss": -each.mean(), f"{PARTIAL}losses": np.cumsum(each)}
    found |= {f"{PARTIAL}data loss": np.cumsum(each) / N}
    squares = {f"squares of {n}": w**2 for n, w in (("W1", W1), ("W2", W2))}
    found |= squares | {f"sum of {n}": s.sum() for n, s in squares.items()}
    total = sum(s.sum() for s in squares.values())
    found |= {"penalty": reg / 2 * total, "penalty without half": reg * total, "penalty without reg": total / 2}
    found |= {"both sums": total, "half reg": reg / 2, "loss": each.mean() + reg / 2 * total}
    found |= {"loss with one penalty": each.mean() + reg / 2 * squares["squares of W1"].sum()}
    for end, by in (("", N), (" summed", 1)):
        g2 = (p - one_hot) / by
        slope = net.slope(a, h)
        back = g2 @ W2.T
        g1 = back * slope
        found[f"{OTHER}g1{end}"] = back * other_slope
        found |= {f"g2{end}": g2, f"back{end}": back, f"g1{end}": g1, "slope": slope}
        for name, data in net.parameter_gradients(X, a, h, g1, g2).items():
            found[f"data {name}{end}"] = data
        for name, left, right in (("W1", X, g1), ("W2", h, g2)):
            each_one = left[:, :, None] * right[:, None, :]
            found |= {f"each {name}{end}": each_one, f"{PARTIAL}{name}{end}": np.cumsum(each_one, axis=0)}
        found |= {f"{PARTIAL}b1{end}": np.cumsum(g1, axis=0), f"{PARTIAL}b2{end}": np.cumsum(g2, axis=0)}
    found |= {f"reg {n}": reg * w for n, w in (("W1", W1), ("W2", W2))}
    found |= {f"gradient of {n}": g for n, g in net.gradients(problem.X, y, reg).items()}
    arrays = {name: np.asarray(value) for name, value in found.items()}
    return {name: a[:, None] if a.shape == (N,) and a.dtype == float else a for name, a in arrays.items()}


_ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {
    "sigmoid": lambda v: 1 / (1 + np.exp(-v)),
    "ReLU": lambda v: np.maximum(v, 0),
    "slope": lambda v: v * (1 - v),
}
_OF_SCORES: Mapping[str, Callable[[Array], Array]] = {
    "exp": np.exp,
    "exp of shifted": lambda v: np.exp(v - v.max(axis=-1, keepdims=True)),
    "exp less the largest": lambda v: np.exp(v - v.max()),
    "sum": lambda v: v.sum(axis=-1, keepdims=True),
    "share": lambda v: v / v.sum(axis=-1, keepdims=True),
}


def _misapplied(right: Params) -> Params:
    """Return what the handout's functions yield for every right value that has the size of a hidden layer or of scores,
    of which only one is meant."""
    N, H, C = (int(right[name]) for name in "NHC")
    found: Params = {}
    for functions, width in ((_ACTIVATIONS, H), (_OF_SCORES, C)):
        for name, value in right.items():
            if value.shape in ((N, width), (width,)) and value.dtype == float:
                found |= {f"{MISAPPLIED}{of}: {name}": f(value) for of, f in functions.items()}
    return {name: value for name, value in found.items() if np.isfinite(value).all() and np.ptp(value) > 0}
