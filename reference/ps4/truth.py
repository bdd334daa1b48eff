"""The truth about a problem: what the reference answers, or what it answers with known mistakes in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from grader import nets
from grader.kit.diagnosis import Assumptions, Interpretation
from grader.kit.lines import misapplied
from grader.kit.mistake import KnownMistake
from grader.nets import Training
from grader.nets.model_truth import once, sketch

from .mistakes import KNOWN, HardRelu, Softplus
from .problems import Problem
from .reference import Array, Params, TwoLayerMLP

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


def interpretations(config: Mapping[str, Any]) -> Sequence[Interpretation]:
    """What activation="relu" may mean. The forward check settles it; the rest must follow."""
    numbers = config["published"]
    definition = Interpretation(
        DEFINITION,
        f"ReLU is max(0, a) here, whose toy loss is {numbers['relu_definition']}; older handouts print "
        f"{numbers['relu_published']}, which is softplus's",
    )
    published = Interpretation(
        PUBLISHED,
        f"ReLU is softplus, ln(1 + e^a), here, whose toy loss is {numbers['relu_published']}; max(0, a) has "
        f"{numbers['relu_definition']}. Either is accepted, if used throughout",
    )
    by_policy = {"either": [definition, published], DEFINITION: [definition], PUBLISHED: [published]}
    return by_policy[config["relu_reference"]]


def truths(config: Mapping[str, Any]) -> Callable[[str, Assumptions], Truth]:
    changes = {m.id: m.change for m in mistakes(config)}

    def truth(interpretation: str, assumed: Assumptions) -> Truth:
        mistaken = [changes[m] for m in sorted(assumed)]
        return Truth(_net_class(tuple(mistaken), interpretation))

    return truth


@cache
def _net_class(mistaken: tuple[type, ...], interpretation: str) -> type[TwoLayerMLP]:
    """The reference with these changes in front of it; a change that another one builds on is in it already."""
    changes = [*mistaken, *([Softplus] if interpretation == PUBLISHED else [])]
    changes = [c for c in changes if not any(c is not other and issubclass(other, c) for other in changes)]
    return type("Net", (*dict.fromkeys(changes), TwoLayerMLP), {})


class Truth(nets.ModelTruth):
    """The reference, cut into methods of which a known mistake does one differently."""

    model: type[TwoLayerMLP]

    def loss_by(self, model: TwoLayerMLP, problem: nets.Problem) -> float:
        return model.loss_only(problem.X, problem.y, problem.reg)

    def gradients_by(self, model: TwoLayerMLP, problem: nets.Problem) -> Params:
        return model.gradients(problem.X, problem.y, problem.reg)

    def scores_at(self, problem: nets.Problem) -> Array:
        return self.made(problem).scores(problem.X)

    def begin(self, training: Training) -> TwoLayerMLP:
        net = self.made(training.problem)
        # a mistaken net may remember the size
        list(net.batches(len(training.problem.X), int(training.recipe["batch_size"])))
        return net

    def step(self, model: TwoLayerMLP, batch: nets.Problem, rate: float) -> None:
        self.move(model, model.gradients(batch.X, batch.y, model.training_reg(batch.reg)), rate)

    def move(self, model: TwoLayerMLP, gradients: Params, rate: float) -> None:
        model.update(gradients, rate)

    def batch_sizes(self, training: Training) -> list[int]:
        net, N, size = self.made(training.problem), len(training.problem.X), int(training.recipe["batch_size"])
        epochs = net.epochs(int(training.recipe["num_epochs"]))
        return [len(rows) for _ in range(epochs) for rows in net.batches(N, size)]

    def smooth_rows(self, problem: nets.Problem) -> Array:
        """Return for each row (N,) whether no pre-activation lies near ReLU's kink."""
        net = self.made(problem)
        if net.activation != "relu":
            return super().smooth_rows(problem)
        return np.asarray(np.abs(net.preactivation(problem.X)).min(axis=1) > 1e-3)

    def well_posed_training(self, training: Training) -> bool:
        """Return whether no step of a ReLU comes near its kink. A sigmoid has none, so its steps need not be made."""
        problem = training.problem
        return not (isinstance(problem, Problem) and problem.activation == "relu") or super().well_posed_training(
            training
        )

    def measured(self, training: Training, after: Params) -> tuple[float, float]:
        net = self.made(training.problem.at(after))
        return net.measured_in_epoch(training.problem.params, *nets.copied(training))

    @once
    def sketched_gradients(self, problem: nets.Problem) -> Params:
        """Return the gradients by parameter name, each replaced by its `sketch`."""
        gradients: Params = self.gradients(problem)
        return {name: sketch(value) for name, value in gradients.items()}

    def made(self, problem: nets.Problem) -> TwoLayerMLP:
        net: TwoLayerMLP = self.make(problem)
        return net

    def net(self, activation: str) -> TwoLayerMLP:
        """Return a net whose parameters are not used."""
        return self.model(1, 1, 1, activation=activation)

    # ── from the student's own values ────────────────────────────────────────────────────────────────

    def loss_from(self, problem: nets.Problem, scores: Array) -> float:
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

    @once
    def workings(self, problem: Problem) -> Params:
        """Return the intermediate values of right solutions for scores, loss and gradients, by name."""
        with np.errstate(all="ignore"):
            return _workings_of(self.made(problem), problem)

    @once
    def workings_of_training(self, training: Training) -> Params:
        """Return the same for each iteration of a training whose rows are all the same, and train's own values."""
        with np.errstate(all="ignore"):
            return _workings_of_training(self.made(training.problem), training)


# ── what right solutions compute on the way ──────────────────────────────────────────────────────────


def _workings_of(net: TwoLayerMLP, problem: nets.Problem) -> Params:
    """Return the values for scores, loss and gradients. "summed" is before division by N; each layer of a stack belongs
    to one example."""
    right = _workings(net, problem)
    return right | _misapplied(right)


def _workings_of_training(net: TwoLayerMLP, training: Training) -> Params:
    """Return the values of each iteration of a training whose rows are all the same, and train's own."""
    problem, recipe = training.problem, training.recipe
    N, B, epochs = len(problem.X), int(recipe["batch_size"]), int(recipe["num_epochs"])
    steps, rate = max(N // B, 1), float(recipe["learning_rate"])
    batch = replace(problem, X=problem.X[:B], y=problem.y[:B])
    rates: list[float] = [rate]
    losses: list[float] = []
    norms: list[float] = []
    shares: list[list[float]] = []
    found: dict[str, Any] = {"X": problem.X, "y": problem.y, "X_val": training.X_val, "y_val": training.y_val}
    found |= {f"count {n}": np.array(n) for n in (N, B, epochs, steps, steps * epochs, N // B)}
    found |= {"num_epochs": epochs, "batch_size": B, "batch_size at most N": min(B, N), "learning_rate": rate}
    found |= {f"row {n}": np.array(n) for n in range(0, N + 1, B)}
    found |= {"learning_rate_decay": float(recipe["learning_rate_decay"])}
    for number in range(epochs * steps):
        now = batch.at(net.params)
        workings: dict[str, Any] = dict(_workings(net, now))
        if number == 0:
            workings = _misapplied(workings) | workings
        grads = net.gradients(now.X, now.y, now.reg)
        losses.append(net.loss_only(now.X, now.y, now.reg))
        norms.append(float(np.linalg.norm(grads["W1"])))
        decay = float(recipe["learning_rate_decay"])
        for name, grad in grads.items():
            before = net.params[name]
            for what, function in _OF_RATE.items():
                workings |= {f"{what} {name}": function(rate, grad, before)}
                by_decay = misapplied(f"{what} {name} {number}", "learning_rate", "learning_rate_decay")
                found |= {by_decay: function(decay, grad, before)}
        workings |= {"loss_history": np.array(losses), "grad_magnitude_history": np.array(norms)}
        workings |= {"norm": norms[-1], "norm squared": norms[-1] ** 2, "squares": grads["W1"] ** 2}
        net.update(grads, rate)
        found |= {f"{number}:{name}": value for name, value in workings.items()}
        if (number + 1) % steps == 0:
            shares.append([])
            for name, X, y in (("train", problem.X, problem.y), ("val", training.X_val, training.y_val)):
                there = replace(problem.at(net.params), X=X, y=y, reg=0.0)
                forward: dict[str, Any] = dict(_workings(net, there))
                right = net.predict(X) == y
                forward |= {"right": right, "share": np.mean(right), "sum": np.sum(right)}
                shares[-1].append(float(np.mean(right)))
                forward[f"{name}_acc_history"] = np.array([share[-1] for share in shares])
                found |= {f"{number}:{name}:{n}": value for n, value in forward.items()}
            rate *= decay
            found[f"{number}:learning_rate"] = np.array(rate)
            rates.append(rate)
            found[f"{number}:decay"] = np.array(rate / float(recipe["learning_rate"]))
    found |= {f"trained {name}": value for name, value in net.params.items()}
    found |= {"rates": rates[:-1], "rates after": rates[1:], "all rates": rates}
    found |= {"all loss_history": losses, "all grad_magnitude_history": norms}
    for number, name in enumerate(("train", "val")):
        found[f"all {name}_acc_history"] = [share[number] for share in shares]
    return {name: np.asarray(value) for name, value in found.items()}


_OF_RATE: dict[str, Callable[[float, Array, Array], Array]] = {
    "step of": lambda rate, gradient, _: rate * gradient,
    "minus step of": lambda rate, gradient, _: -rate * gradient,
    "updated": lambda rate, gradient, parameter: parameter - rate * gradient,
}


def _workings(net: TwoLayerMLP, problem: nets.Problem) -> Params:
    """Return values by name. Those with one number for each example are columns, so that each number is recognised."""
    N = len(problem.X)
    found = _of_forward_pass(net, problem)
    found |= _of_loss(net, problem, found)
    for end, by in (("", N), (" summed", 1)):
        found |= {f"{name}{end}": value for name, value in _of_backward_pass(net, problem, found, by).items()}
    ones = np.ones((N, 1))
    found |= {f"{name} and ones": np.hstack([found[name], ones]) for name in ("X", "h")}
    found |= {f"W{layer} and b{layer}": np.vstack([found[f"W{layer}"], found[f"b{layer}"]]) for layer in "12"}
    found |= {f"reg {name}": problem.reg * found[name] for name in ("W1", "W2")}
    found |= {f"gradient of {name}": g for name, g in net.gradients(problem.X, problem.y, problem.reg).items()}
    arrays = {name: np.asarray(value) for name, value in found.items()}
    return {name: a[:, None] if a.shape == (N,) and a.dtype == float else a for name, a in arrays.items()}


def _of_forward_pass(net: TwoLayerMLP, problem: nets.Problem) -> dict[str, Any]:
    """Return the sizes, the hidden layer, the scores and the softmax."""
    X, y, N = net.inputs(problem.X), problem.y, len(problem.X)
    W1, b1, W2, b2 = (net.params[name] for name in ("W1", "b1", "W2", "b2"))
    a = net.preactivation(X)
    h = net.hidden(a)
    scores = net.output(h)
    log_p = net.log_probabilities(scores)
    p, one_hot = np.exp(log_p), np.eye(len(b2))[y]
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    return _of_activation(net, a) | {
        "X": X, "y": y, "W1": W1, "b1": b1, "W2": W2, "b2": b2, "reg": problem.reg, "N": N, "D": len(W1),
        "H": len(b1), "C": len(b2), "rows": np.arange(N), "X W1": X @ W1, "a": a, "-a": -a, "|a|": np.abs(a), "h": h,
        "h W2": h @ W2, "scores": scores, "largest": scores.max(axis=1), "shifted scores": shifted,
        "exp of shifted scores": np.exp(shifted), "exp of scores": np.exp(scores), "sum": np.exp(shifted).sum(axis=1),
        "sum of scores": np.exp(scores).sum(axis=1), "log sum": log_sum,
        "log sum of scores": log_sum + scores.max(axis=1), "log p": log_p, "p": p, "label": one_hot,
        "labels": scores.argmax(axis=1), "p / N": p / N, "label / N": one_hot / N,
    }  # fmt: skip


def _of_activation(net: TwoLayerMLP, a: Array) -> dict[str, Any]:
    """Return values from which the net's activation is computed."""
    found = {"exp(-|a|)": np.exp(-np.abs(a)), "exp(a)": np.exp(a), "1 + exp(a)": 1 + np.exp(a)}
    if net.activation == "sigmoid":
        return found | {"exp(-a)": np.exp(-a), "1 + exp(-a)": 1 + np.exp(-a)}
    return found | {"a > 0": a > 0}


def _of_loss(net: TwoLayerMLP, problem: nets.Problem, forward: Mapping[str, Any]) -> dict[str, Any]:
    """Return each example's loss, and the sums and the penalty that the loss is made of."""
    reg, rows = problem.reg, (np.arange(len(problem.X)), problem.y)
    each = -forward["log p"][rows]
    found: dict[str, Any] = {}
    for name in ("scores", "shifted scores", "p", "log p", "exp of shifted scores"):
        found |= {f"right {name}": forward[name][rows], f"all right {name}": forward["label"] * forward[name]}
    found |= {"losses": each, "data loss summed": each.sum(), "minus data loss summed": -each.sum()}
    found |= {"data loss": each.mean(), "minus data loss": -each.mean()}
    squares = {name: net.params[name] ** 2 for name in ("W1", "W2")}
    sums = {name: square.sum() for name, square in squares.items()}
    found |= {f"squares of {name}": square for name, square in squares.items()}
    found |= {f"sum of squares of {name}": value for name, value in sums.items()}
    found |= {f"penalty of {name}": reg / 2 * value for name, value in sums.items()}
    total = sum(sums.values())
    found |= {"penalty": reg / 2 * total, "penalty without half": reg * total, "penalty without reg": total / 2}
    found |= {"both sums": total, "half reg": reg / 2, "loss": each.mean() + reg / 2 * total}
    return found | {f"loss with penalty of {name}": each.mean() + reg / 2 * value for name, value in sums.items()}


def _of_backward_pass(net: TwoLayerMLP, problem: nets.Problem, found: Mapping[str, Any], by: int) -> dict[str, Any]:
    """Return the gradients of the data loss, divided by `by`, with the sums that they are made of."""
    X, a, h = found["X"], found["a"], found["h"]
    g2 = (found["p"] - found["label"]) / by
    slope = net.slope(a, h)
    back = g2 @ net.params["W2"].T
    g1 = back * slope
    values = {"g2": g2, "back": back, "g1": g1, "slope": slope}
    values |= {f"data {name}": data for name, data in net.parameter_gradients(X, a, h, g1, g2).items()}
    for name, left, right in (("W1", X, g1), ("W2", h, g2)):
        values[f"each {name}"] = left[:, :, None] * right[:, None, :]
    for layer in "12":
        values[f"data W{layer} and b{layer}"] = np.vstack([values[f"data W{layer}"], values[f"data b{layer}"]])
    return values


_Application = Callable[[Array, Params], Array]


def _gradients(wanted: str, below: str, weights: str) -> dict[tuple[str, str], _Application]:
    """Return how a layer's gradients are computed from the gradient of what it yields."""
    functions: dict[str, _Application] = {
        "data gradient": lambda v, right: right[below].T @ v,
        "gradient": lambda v, right: right[below].T @ v + right["reg"] * right[weights],
        "sum": lambda v, _: v.sum(axis=0),
    }
    return {(name, w): f for name, f in functions.items() for w in (wanted, f"{wanted} summed")}


_OF_HIDDEN_SIZE: dict[tuple[str, str], _Application] = {
    ("sigmoid", "a"): lambda v, _: 1 / (1 + np.exp(-v)),
    ("ReLU", "a"): lambda v, _: np.maximum(v, 0),
    ("slope", "h"): lambda v, _: v * (1 - v),
    ("product", "h"): lambda v, right: v @ right["W2"],
    ("output", "h"): lambda v, right: v @ right["W2"] + right["b2"],
    ("with ones", "h"): lambda v, _: np.append(v, np.ones((*v.shape[:-1], 1)), axis=-1),
}
"""What the handout's functions are called, and the name of what each is meant to be given."""
_OF_SCORES_SIZE: dict[tuple[str, str], _Application] = {
    ("exp", "scores"): lambda v, _: np.exp(v),
    ("exp of shifted", "scores"): lambda v, _: np.exp(v - v.max(axis=-1, keepdims=True)),
    ("exp less the largest", "scores"): lambda v, _: np.exp(v - v.max()),
    ("sum", "exp of shifted scores"): lambda v, _: v.sum(axis=-1, keepdims=True),
    ("share", "exp of shifted scores"): lambda v, _: v / v.sum(axis=-1, keepdims=True),
}


_THROUGH_ACTIVATION: dict[tuple[str, str], _Application] = {
    ("times slope", "back"): lambda v, right: v * right["slope"],
    ("times slope", "back summed"): lambda v, right: v * right["slope"],
    ("times back", "slope"): lambda v, right: v * right["back"],
    ("times back summed", "slope"): lambda v, right: v * right["back summed"],
}
_THROUGH_LABELS: dict[tuple[str, str], _Application] = {
    ("less label", "p"): lambda v, right: v - right["label"],
    ("less label, by N", "p"): lambda v, right: (v - right["label"]) / right["N"],
    ("less label / N", "p / N"): lambda v, right: v - right["label"] / right["N"],
}
_OF_LOG_P: dict[tuple[str, str], _Application] = {
    ("right", "log p"): lambda v, right: v[np.arange(len(v)), right["y"]],
    ("all right", "log p"): lambda v, right: v * right["label"],
    ("minus sum", "log p"): lambda v, right: -(v * right["label"]).sum(),
    ("data loss", "log p"): lambda v, right: -(v * right["label"]).sum() / right["N"],
}
_OF_SUMS: dict[tuple[str, str], _Application] = {
    ("shifted less log", "sum"): lambda v, right: right["shifted scores"] - np.log(v),
    ("shifted less", "log sum"): lambda v, right: right["shifted scores"] - v,
    ("scores less log", "sum of scores"): lambda v, right: right["scores"] - np.log(v),
    ("scores less", "log sum of scores"): lambda v, right: right["scores"] - v,
    ("exp of shifted over", "sum"): lambda v, right: right["exp of shifted scores"] / v,
    ("exp over", "sum of scores"): lambda v, right: right["exp of scores"] / v,
}
_OF_PENALTY: dict[tuple[str, str], _Application] = {
    ("loss", "penalty"): lambda v, right: right["data loss"] + v,
    ("loss of half", "both sums"): lambda v, right: right["data loss"] + right["reg"] / 2 * v,
}
_OF_EXAMPLES: dict[tuple[str, str], _Application] = {
    ("by N", "data loss summed"): lambda v, right: v / right["N"],
    ("minus by N", "minus data loss summed"): lambda v, right: -v / right["N"],
}


def _misapplied(right: Params) -> Params:
    """Return what the handout's functions yield for every right value that has the size of a hidden layer or of scores,
    of which only one is meant."""
    N, H, C = (int(right[name]) for name in "NHC")
    found: Params = {}
    of_hidden = _OF_HIDDEN_SIZE, _gradients("g1", "X", "W1") | _THROUGH_ACTIVATION, H
    of_scores = _OF_SCORES_SIZE, _gradients("g2", "h", "W2") | _THROUGH_LABELS, C
    for of_any, of_batch, width in (of_hidden, of_scores):
        for name, value in right.items():
            if value.shape in ((N, width), (width,)) and value.dtype == float:
                functions = of_any | of_batch if value.ndim == 2 else of_any
                for (function, wanted), f in functions.items():
                    found[misapplied(function, wanted, name)] = f(value, right)
    sums, squares = ("sum", "log sum"), ("both sums", "sum of squares of W1", "sum of squares of W2")
    for functions, names in (
        (_OF_EXAMPLES, ("losses", "right log p")),
        (_OF_LOG_P, [name for name, value in right.items() if value.shape == (N, C) and value.dtype == float]),
        (_OF_SUMS, [name + end for name in sums for end in ("", " of scores")]),
        (_OF_PENALTY, squares),
    ):
        for (function, wanted), f in functions.items():
            found |= {misapplied(function, wanted, name): f(right[name], right) for name in names if name != wanted}
    return {name: value for name, value in found.items() if np.isfinite(value).all() and np.any(value)}
