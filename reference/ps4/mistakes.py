"""What students get wrong: the reference with one method done differently, and the sentence they read.

Order matters where two mistakes look alike in every claim of a section: the commoner one comes first. A sentence
must be true of everybody whose numbers fit it, however they came to them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from grader.kit.lines import Line
from grader.kit.mistake import Change, mistake, mistakes_of

from .reference import Array, Params, TwoLayerMLP

Net = TwoLayerMLP
"""Every change is a class that overrides methods of the reference and may stand in front of other changes."""


def register(
    topic: str,
    id: str,
    sentence: str,
    change: type,
    *line: Line,
    carries: bool = True,
    alike: tuple[str, ...] = (),
) -> None:
    mistake(sentence, topic=topic, id=id, line=line, carries=carries, alike=alike)(change)


def known(topic: str, sentence: str, *line: Line, carries: bool = True) -> Callable[[Change], Change]:
    """Register the class below as a mistake in this topic."""
    return mistake(sentence, topic=topic, line=line, carries=carries)


# ── where to look for what is left out ───────────────────────────────────────────────────────────────

BEFORE_PENALTY = Line(("data loss",))
NEGATED_LOSS = Line(("minus data loss",), first=True)


def of_one_weight(name: str) -> tuple[Line, ...]:
    return tuple(
        Line((value,)) for value in (f"penalty of {name}", f"sum of squares of {name}", f"loss with penalty of {name}")
    )


WITHOUT_B1 = Line(("X W1",))
WITHOUT_B2 = Line(("h W2",))
WITHOUT_SLOPE = Line(("back", "back summed"))
WITHOUT_LABELS = Line(("p", "p / N"))
SUMMED = Line(("g2 summed",))
DECAY = Line(reads="decay")


# ── loss ─────────────────────────────────────────────────────────────────────────────────────────────


def scaled_loss(by: Callable[[Array, int], float]) -> type:
    """The data loss, multiplied: y and the number of classes → factor."""

    class ScaledLoss(Net):
        def data_loss(self, scores: Array, y: Array) -> float:
            return super().data_loss(scores, y) * by(y, scores.shape[1])

    return ScaledLoss


def _scaled_loss(id: str, sentence: str, by: Callable[[Array, int], float], *line: Line) -> None:
    register("loss", id, sentence, scaled_loss(by), *line)


_scaled_loss(
    "loss_summed",
    "The data loss is summed over the batch; divide it by N.",
    lambda y, _: len(y),
)
_scaled_loss(
    "loss_divided_twice",
    "The data loss is divided by N twice; divide once.",
    lambda y, _: 1 / len(y),
)
_scaled_loss(
    "loss_averaged_over_classes",
    "The data loss is averaged over the classes too; average over the N examples only.",
    lambda _, C: 1 / C,
)
_scaled_loss(
    "loss_negated",
    "The data loss has the wrong sign; it is minus the mean log-probability of the right class.",
    lambda *_: -1,
    NEGATED_LOSS,
)
_scaled_loss(
    "loss_divided_by_five",
    "The data loss is divided by 5, as many examples as the toy problem has; divide it by N, the rows of X.",
    lambda y, _: len(y) / 5,
)
TO_BASE = "The loss takes the logarithm to base {}; cross-entropy takes the natural one, np.log."
_scaled_loss("log_base_two", TO_BASE.format(2), lambda *_: 1 / float(np.log(2)))
_scaled_loss("log_base_ten", TO_BASE.format(10), lambda *_: 1 / float(np.log(10)))


def penalised_loss(penalty: Callable[[Params, float, int], float]) -> type:
    """The regularisation in the loss, from the parameters, reg and N."""

    class PenalisedLoss(Net):
        def penalty(self, reg: float, N: int) -> float:
            return penalty(self.params, reg, N)

    return PenalisedLoss


def squares(params: Params, *names: str) -> float:
    return float(sum((params[n] ** 2).sum() for n in names or ("W1", "W2")))


def _penalty(
    id: str,
    sentence: str,
    penalty: Callable[[Params, float, int], float],
    *line: Line,
) -> None:
    register("loss", id, sentence, penalised_loss(penalty), *line)


RIGHT_PENALTY = "0.5 * reg * (sum of W1² and W2²)"
_penalty(
    "penalty_without_half",
    f"The regularisation in the loss lacks its ½: it is {RIGHT_PENALTY}.",
    lambda p, reg, _: reg * squares(p),
    Line(("penalty without half",)),
)
_penalty(
    "penalty_missing",
    f"The loss has no regularisation term; add {RIGHT_PENALTY}.",
    lambda *_: 0.0,
    BEFORE_PENALTY,
)
_penalty(
    "penalty_ignores_reg",
    f"The regularisation in the loss leaves reg out; it is {RIGHT_PENALTY}.",
    lambda p, reg, _: 0.5 * squares(p),
    Line(("penalty without reg",)),
)
_penalty(
    "penalty_without_w2",
    "The regularisation in the loss leaves W2 out; sum the squares of W1 and of W2.",
    lambda p, reg, _: 0.5 * reg * squares(p, "W1"),
    *of_one_weight("W1"),
)
_penalty(
    "penalty_without_w1",
    "The regularisation in the loss leaves W1 out; sum the squares of W1 and of W2.",
    lambda p, reg, _: 0.5 * reg * squares(p, "W2"),
    *of_one_weight("W2"),
)
_penalty(
    "penalty_of_w1_twice",
    "The regularisation in the loss counts W1 twice and W2 never; sum the squares of W1 and of W2.",
    lambda p, reg, _: reg * squares(p, "W1"),
)
_penalty(
    "penalty_subtracted",
    "The regularisation is subtracted from the loss; add it.",
    lambda p, reg, _: -0.5 * reg * squares(p),
)
_penalty(
    "penalty_on_biases",
    "The biases are regularised in the loss; only W1 and W2 are.",
    lambda p, reg, _: 0.5 * reg * squares(p, *p),
)
_penalty(
    "penalty_divided_by_n",
    "The regularisation in the loss is divided by N; only the data loss is.",
    lambda p, reg, N: 0.5 * reg * squares(p) / N,
)
_penalty(
    "penalty_times_n",
    "The regularisation is counted once for every example; add it once, outside the sum over the examples.",
    lambda p, reg, N: 0.5 * reg * squares(p) * N,
)
_penalty(
    "penalty_halved_twice",
    f"The regularisation in the loss is halved twice: it is {RIGHT_PENALTY}.",
    lambda p, reg, _: 0.25 * reg * squares(p),
)
_penalty(
    "penalty_reg_squared",
    f"reg enters the loss squared: the regularisation is {RIGHT_PENALTY}.",
    lambda p, reg, _: 0.5 * reg**2 * squares(p),
)
_penalty(
    "penalty_of_means",
    "The regularisation in the loss takes the mean of the squares; take their sum.",
    lambda p, reg, _: 0.5 * reg * float((p["W1"] ** 2).mean() + (p["W2"] ** 2).mean()),
)
_penalty(
    "penalty_not_squared",
    "The regularisation uses the norms of W1 and W2; the sum of squares is the norm squared.",
    lambda p, reg, _: 0.5 * reg * float(np.linalg.norm(p["W1"]) + np.linalg.norm(p["W2"])),
)
_penalty(
    "penalty_absolute",
    "The regularisation uses absolute values; sum the squares of W1 and W2.",
    lambda p, reg, _: 0.5 * reg * float(np.abs(p["W1"]).sum() + np.abs(p["W2"]).sum()),
)


@known("loss", "The loss takes the probability itself; cross-entropy takes its logarithm.")
class LossWithoutLog(Net):
    def data_loss(self, scores: Array, y: Array) -> float:
        return float(-np.exp(self.log_probabilities(scores))[np.arange(len(y)), y].mean())


@known(
    "loss",
    "The loss lacks the logarithm of the sum: an example's loss is log(sum(exp(scores))) - score of the right class.",
)
class LossWithoutLogSum(Net):
    def data_loss(self, scores: Array, y: Array) -> float:
        return float(-(scores - scores.max(axis=1, keepdims=True))[np.arange(len(y)), y].mean())


@known("loss", "The loss takes the scores themselves: put them through the softmax, then take minus the log.")
class LossOfRawScores(Net):
    def data_loss(self, scores: Array, y: Array) -> float:
        return float(-scores[np.arange(len(y)), y].mean())


@known("loss", "The loss sums over all classes; take only the log-probability of the right class.")
class LossOverAllClasses(Net):
    def data_loss(self, scores: Array, y: Array) -> float:
        return float(-self.log_probabilities(scores).sum(axis=1).mean())


@known(
    "loss",
    "The loss also adds log(1 - p) of the wrong classes; softmax cross-entropy is -log p of the right class alone.",
)
class LossBinary(Net):
    def data_loss(self, scores: Array, y: Array) -> float:
        wrong = np.log1p(-np.exp(self.log_probabilities(scores)))
        wrong[np.arange(len(y)), y] = 0
        return super().data_loss(scores, y) - float(wrong.sum(axis=1).mean())


def loss_of_columns(divided_by: Callable[[Array], float]) -> type:
    class LossOfColumns(Net):
        def data_loss(self, scores: Array, y: Array) -> float:
            return float(-self.log_probabilities(scores)[:, y].sum()) / divided_by(y)

    return LossOfColumns


for _id, _divided_by in (("loss_of_columns", lambda y: len(y)), ("loss_of_columns_averaged", lambda y: len(y) ** 2)):
    register(
        "loss",
        _id,
        "The loss takes whole columns, [:, y]; take one entry of each row, [np.arange(N), y].",
        loss_of_columns(_divided_by),
    )


def loss_of_last(averaged: bool) -> type:
    class LossOfLast(Net):
        def data_loss(self, scores: Array, y: Array) -> float:
            return float(-self.log_probabilities(scores)[-1, y[-1]]) / (len(y) if averaged else 1)

    return LossOfLast


for _id, _averaged in (("loss_of_last_example", False), ("loss_of_last_example_averaged", True)):
    register(
        "loss",
        _id,
        "The loss is that of the last example alone; add up all of them, then divide by N.",
        loss_of_last(_averaged),
    )


def log_of_at_least(epsilon: float) -> type:
    class LogOfAtLeast(Net):
        def data_loss(self, scores: Array, y: Array) -> float:
            p = np.exp(self.log_probabilities(scores))[np.arange(len(y)), y]
            return float(-np.log(p + epsilon).mean())

    return LogOfAtLeast


for _digits in range(5, 17):
    register(
        "loss",
        f"log_of_at_least_1e_{_digits}",
        f"A small number (1e-{_digits}) is added to the probability, which caps the loss of a confident mistake: "
        "compute scores - log(sum(exp(scores))) instead.",
        log_of_at_least(10.0**-_digits),
    )


def softmax(maximum: int | None, total: int | None) -> type:
    """Shifted by the largest score along one axis, normalised along another; None is over everything."""

    class Softmax(Net):
        def log_probabilities(self, scores: Array) -> Array:
            shifted = scores - scores.max(axis=maximum, keepdims=True)
            return np.asarray(shifted - np.logaddexp.reduce(shifted, axis=total, keepdims=True))

    return Softmax


def _softmax(id: str, sentence: str, maximum: int | None, total: int | None) -> None:
    register("loss", id, sentence, softmax(maximum, total))


ALONG_BATCH = "The softmax is normalised over the batch; each row (axis=1) adds up to one."
OVER_EVERYTHING = "The softmax is normalised over the whole matrix; each row (axis=1) adds up to one."
SHIFTED = "The softmax subtracts the largest score of each column; subtract that of each row (axis=1)."
_softmax("softmax_along_batch", ALONG_BATCH, 0, 0)
_softmax("softmax_summed_along_batch", ALONG_BATCH, 1, 0)
_softmax("softmax_over_everything", OVER_EVERYTHING, None, None)
_softmax("softmax_summed_over_everything", OVER_EVERYTHING, 1, None)
_softmax("softmax_shifted_by_columns", SHIFTED, 0, 1)


@known(
    "loss",
    "The labels are off by one in the loss; class 0 is column 0.",
)
class LossLabelsOffByOne(Net):
    def data_loss(self, scores: Array, y: Array) -> float:
        return super().data_loss(scores, y - 1)


# ── forward ──────────────────────────────────────────────────────────────────────────────────────────


@known("forward", "b1 is missing from the forward pass; the hidden layer starts from X W1 + b1.", WITHOUT_B1)
class B1Missing(Net):
    def preactivation(self, X: Array) -> Array:
        return X @ self.params["W1"]


@known("forward", "b2 is missing from the scores; they are h W2 + b2.", WITHOUT_B2)
class B2Missing(Net):
    def output(self, h: Array) -> Array:
        return h @ self.params["W2"]


@known("forward", "Both biases are missing from the forward pass: it is X W1 + b1, then h W2 + b2.", WITHOUT_B1)
class BiasesMissing(Net):
    def preactivation(self, X: Array) -> Array:
        return X @ self.params["W1"]

    def output(self, h: Array) -> Array:
        return h @ self.params["W2"]


@known("forward", "The bias b1 is subtracted; add it.")
class B1Subtracted(Net):
    def preactivation(self, X: Array) -> Array:
        return X @ self.params["W1"] - self.params["b1"]


@known("forward", "b1 is added after the activation; add it to X W1 first.")
class B1AfterActivation(Net):
    def preactivation(self, X: Array) -> Array:
        return X @ self.params["W1"]

    def hidden(self, a: Array) -> Array:
        return super().hidden(a) + self.params["b1"]


@known("forward", "The inputs are divided by 255; use X as it is passed in.")
class InputsScaled(Net):
    def inputs(self, X: Array) -> Array:
        return super().inputs(X) / 255


@known("forward", "The mean is subtracted from the inputs; use X as it is passed in.")
class InputsCentred(Net):
    def inputs(self, X: Array) -> Array:
        X = super().inputs(X)
        return np.asarray(X - X.mean(axis=0))


def activated(only: str, f: Callable[[Array], Array], slope: Callable[[Array, Array], Array] | None) -> type:
    """Nets built with this activation have f instead, with its slope (a, f(a)) unless that stays as it was."""

    class Activated(Net):
        def activate(self, a: Array) -> Array:
            return f(a) if self.activation == only else super().activate(a)

        def slope(self, a: Array, h: Array) -> Array:
            return slope(a, h) if slope and self.activation == only else super().slope(a, h)

    return Activated


def sigmoid(a: Array) -> Array:
    with np.errstate(over="ignore"):  # 1 / (1 + inf) is the right 0
        return np.asarray(1 / (1 + np.exp(-a)))


def of_sigmoid(_a: Array, h: Array) -> Array:
    return np.asarray(h * (1 - h))


def of_tanh(_a: Array, h: Array) -> Array:
    return np.asarray(1 - h * h)


def of_relu(a: Array, _h: Array) -> Array:
    return (a > 0).astype(float)


def identity(a: Array) -> Array:
    return a


def of_identity(a: Array, _h: Array) -> Array:
    return np.ones_like(a)


def hard(a: Array) -> Array:
    return np.asarray(np.maximum(0, a))


NOT_APPLIED = "A {} net has no activation in its forward pass; apply it to X W1 + b1."
IS_ANOTHER = "A net built with activation='{}' computes {}; look at self.activation."
register(  # without the derivative of the sigmoid, too, another mistake is made: "slope_missing"
    "forward",
    "sigmoid_not_applied",
    NOT_APPLIED.format("sigmoid"),
    activated("sigmoid", identity, None),
)
# each with the derivative of what is computed, and with that of what was asked for
for _id, _slope_of in (("relu_not_applied", of_identity), ("relu_only_differentiated", None)):
    register(
        "forward",
        _id,
        NOT_APPLIED.format("ReLU"),
        activated("relu", identity, _slope_of),
        carries=False,
        alike=() if _id == "relu_not_applied" else ("relu_not_applied",),  # forward, they are the same
    )
for _id, _slope_of in (("sigmoid_is_relu", of_relu), ("sigmoid_is_relu_but_for_its_slope", None)):
    register(
        "forward",
        _id,
        IS_ANOTHER.format("sigmoid", "ReLU's max(0, a)"),
        activated("sigmoid", hard, _slope_of),
        carries=False,
        alike=() if _id == "sigmoid_is_relu" else ("sigmoid_is_relu",),
    )
register(
    "forward",
    "sigmoid_is_tanh",
    IS_ANOTHER.format("sigmoid", "tanh"),
    activated("sigmoid", np.tanh, of_tanh),
)
register(
    "forward",
    "relu_is_sigmoid",
    IS_ANOTHER.format("relu", "the sigmoid"),
    activated("relu", sigmoid, of_sigmoid),
    carries=False,
)
register("forward", "relu_is_tanh", IS_ANOTHER.format("relu", "tanh"), activated("relu", np.tanh, of_tanh))
register(
    "forward",
    "sigmoid_sign",
    "The sigmoid has the wrong sign in its exponent; it is 1 / (1 + exp(-a)).",
    activated("sigmoid", lambda a: sigmoid(-a), None),
)
register(
    "forward",
    "sigmoid_applied_twice",
    "The sigmoid is applied twice to the hidden layer; apply it once.",
    activated("sigmoid", lambda a: sigmoid(sigmoid(a)), None),
)


@known("forward", "The activation is applied to the scores too; the scores are h W2 + b2 as they are.")
class ScoresActivated(Net):
    def output(self, h: Array) -> Array:
        return self.activate(super().output(h))


@known(
    "forward",
    "The scores are probabilities; without y, loss returns the scores before the softmax.",
)
class ScoresAreProbabilities(Net):
    def loss(self, X: Array, y: Array | None = None, reg: float = 0.0) -> Any:
        return np.exp(self.log_probabilities(self.scores(X))) if y is None else super().loss(X, y, reg)


def rectified(f: Callable[[Array], Array], slope: Callable[[Array], Array]) -> type:
    """Another function under the name of ReLU, with its own derivative."""

    class Rectified(Net):
        def relu(self, a: Array) -> Array:
            return np.asarray(f(a))

        def relu_slope(self, a: Array, h: Array) -> Array:
            return np.asarray(slope(a), float)

    return Rectified


def leaky(leak: float) -> type:
    return rectified(lambda a: np.where(a > 0, a, leak * a), lambda a: np.where(a > 0, 1.0, leak))


for _leak in (0.01, 0.1, 0.2):
    register(
        "forward",
        f"leaky_relu_{str(_leak)[2:]}",
        "ReLU is leaky here; max(0, a) is zero for negative a.",
        leaky(_leak),
    )
register(
    "forward",
    "relu_is_absolute",
    "ReLU takes the absolute value here; it is max(0, a), which is zero for negative a.",
    rectified(np.abs, np.sign),
)
register(
    "forward",
    "relu_keeps_the_negative",
    "ReLU keeps the negative part here; it is max(0, a), not min(0, a).",
    rectified(lambda a: np.minimum(0, a), lambda a: a < 0),
)
register(
    "forward",
    "relu_is_a_step",
    "ReLU answers 0 or 1 here; max(0, a) lets a positive a through unchanged.",
    rectified(lambda a: (a > 0).astype(float), lambda a: a > 0),
)
register(
    "forward",
    "relu_capped",
    "ReLU is cut off at 1 here; max(0, a) has no upper bound.",
    rectified(lambda a: np.clip(a, 0, 1), lambda a: (a > 0) & (a < 1)),
)


class Softplus(Net):
    """ln(1 + e^a) under the name of ReLU, as older handouts published it. A reading, or a mistake: by policy."""

    def relu(self, a: Array) -> Array:
        return np.asarray(np.logaddexp(0, a))

    def relu_slope(self, a: Array, h: Array) -> Array:
        return sigmoid(a)


class HardRelu(Net):
    """max(0, a), where a course asks for softplus."""

    def relu(self, a: Array) -> Array:
        return np.maximum(0, a)

    def relu_slope(self, a: Array, h: Array) -> Array:
        return of_relu(a, h)


# ── backward ─────────────────────────────────────────────────────────────────────────────────────────

ALL = ("W1", "b1", "W2", "b2")
GROUPS = {
    "gradients": ALL,
    "layer_one": ("W1", "b1"),
    "layer_two": ("W2", "b2"),
    "weights": ("W1", "W2"),
    "biases": ("b1", "b2"),
    **{f"d{name}".lower(): (name,) for name in ALL},
}
"""What a slip in the backward pass may concern."""


def data_term(*names: str) -> str:
    return "The data term of the gradient of " + names[0] if len(names) == 1 else "The data terms of " + listed(*names)


def listed(*names: str) -> str:
    return "all gradients" if names == ALL else "the gradients of " + " and ".join(names)


def scaled(names: tuple[str, ...], by: Callable[[Array, Params], float]) -> type:
    """The data gradients of these parameters, multiplied: y and the parameters → factor."""

    class Scaled(Net):
        def data_gradients(self, X: Array, y: Array) -> Params:
            grads = super().data_gradients(X, y)
            return {n: g * by(y, self.params) if n in names else g for n, g in grads.items()}

    return Scaled


NEGATED = {
    "gradients": ": the gradient of the scores is the probabilities minus the one-hot labels.",
    "layer_one": ": the gradient of h is multiplied by the derivative, h * (1 - h) or ReLU's mask.",
}
for _group, _names in GROUPS.items():
    _is, _them = ("is", "it") if len(_names) == 1 else ("are", "them")
    register(
        "backward",
        f"{_group}_summed",
        f"{data_term(*_names)} {_is} summed over the batch; divide {_them} by N.",
        scaled(_names, lambda y, _: len(y)),
        *((SUMMED,) if _names == ALL else ()),
    )
    register(
        "backward",
        f"{_group}_divided_twice",
        f"{data_term(*_names)} {_is} divided by N twice; divide once"
        + (" (np.mean divides too)." if _names[0][0] == "b" else "."),
        scaled(_names, lambda y, _: 1 / len(y)),
    )
    register(
        "backward",
        f"{_group}_negated",
        f"{data_term(*_names)} {'has' if len(_names) == 1 else 'have'} the wrong sign" + NEGATED.get(_group, "."),
        scaled(_names, lambda *_: -1),
    )


register(
    "backward",
    "gradients_divided_by_classes",
    "The gradients are divided by the number of classes; divide by the number of examples N.",
    scaled(ALL, lambda y, p: len(y) / p["W2"].shape[1]),
)
register(
    "backward",
    "gradients_averaged_over_classes",
    "The gradients are averaged over the classes too; divide the gradient of the scores by N alone.",
    scaled(ALL, lambda y, p: 1 / p["W2"].shape[1]),
)


def penalised(*names: str, by: Callable[[Array, float, int], Any]) -> type:
    """The penalty's gradients of the named parameters: parameter, reg and N → gradient."""

    class Penalised(Net):
        def penalty_gradients(self, reg: float, N: int) -> Params:
            grads = super().penalty_gradients(reg, N)
            return {n: by(self.params[n], reg, N) if n in names else g for n, g in grads.items()}

    return Penalised


RIGHT_REG = "the derivative of 0.5 * reg * W² is reg * W."
for _id, _what, _by in (
    ("missing", "{it} lack{s} the regularisation: add {add}.", lambda w, reg, N: 0 * w),
    ("doubled", f"The regularisation in {{it}} is twice too large: {RIGHT_REG}", lambda w, reg, N: 2 * reg * w),
    ("halved", f"The regularisation in {{it}} lacks half of its size: {RIGHT_REG}", lambda w, reg, N: reg * w / 2),
    ("negated", "The regularisation has the wrong sign in {it}: add {add}.", lambda w, reg, N: -reg * w),
    ("ignores_reg", "The regularisation in {it} leaves reg out: add reg * W, not W.", lambda w, reg, N: w),
    (
        "divided_by_n",
        "The regularisation in {it} is divided by N; only the data term is.",
        lambda w, reg, N: reg * w / N,
    ),
    ("times_n", "The regularisation in {it} is multiplied by N; add reg * W once.", lambda w, reg, N: reg * w * N),
    ("sign", f"The regularisation in {{it}} uses the sign of W: {RIGHT_REG}", lambda w, reg, N: reg * np.sign(w)),
    ("squares", f"The regularisation in {{it}} uses the squares of W: {RIGHT_REG}", lambda w, reg, N: reg * w**2),
):
    for _names in (("W1", "W2"), ("W1",), ("W2",)):
        _it = "the gradient" + ("s" if len(_names) > 1 else "") + " of " + " and ".join(_names)
        _add = " and ".join(f"reg * {name}" for name in _names)
        _sentence = _what.format(it=_it, s="" if len(_names) > 1 else "s", add=_add)
        register(
            "backward",
            "_".join(["reg_gradient", _id, *(_names if len(_names) == 1 else ())]).lower(),
            _sentence[0].upper() + _sentence[1:],
            penalised(*_names, by=_by),
        )
for _id, _it, _names in (
    ("biases", "The biases are regularised in the gradients", ("b1", "b2")),
    ("b1", "The bias b1 is regularised in its gradient", ("b1",)),
    ("b2", "The bias b2 is regularised in its gradient", ("b2",)),
):
    register(
        "backward",
        f"reg_gradient_on_{_id}",
        f"{_it}; only W1 and W2 are.",
        penalised(*_names, by=lambda w, reg, N: reg * w),
    )


@known("backward", "The softmax gradient forgets to subtract 1 at the right class.", WITHOUT_LABELS)
class OneHotForgotten(Net):
    def score_gradient(self, scores: Array, y: Array) -> Array:
        return np.exp(self.log_probabilities(scores)) / len(y)


@known("backward", "The softmax gradient adds 1 at the right class; subtract it.")
class OneHotAdded(Net):
    def score_gradient(self, scores: Array, y: Array) -> Array:
        return super().score_gradient(scores, y) + 2 * np.eye(scores.shape[1])[y] / len(y)


@known(
    "backward",
    "The softmax gradient subtracts 1 from whole columns, [:, y]; subtract it once in each row, at [np.arange(N), y].",
)
class OneHotInColumns(Net):
    def score_gradient(self, scores: Array, y: Array) -> Array:
        g = np.exp(self.log_probabilities(scores))
        g[:, y] -= 1
        return g / len(y)


@known("backward", "The labels are off by one in the gradient of the scores; class 0 is column 0.")
class GradientLabelsOffByOne(Net):
    def score_gradient(self, scores: Array, y: Array) -> Array:
        return super().score_gradient(scores, y - 1)


@known(
    "backward",
    "The backward pass starts from -1/p, the gradient of the probabilities: through the softmax it becomes the "
    "probabilities minus the one-hot labels.",
)
class GradientOfProbabilities(Net):
    def score_gradient(self, scores: Array, y: Array) -> Array:
        rows = np.arange(len(y)), y
        g = np.zeros_like(scores)
        g[rows] = -1 / np.exp(self.log_probabilities(scores))[rows] / len(y)
        return g


def sloped(only: str, slope: Callable[[Array, Array], Array]) -> type:
    """Nets built with this activation go back through another derivative (a, h); the forward pass stays right."""

    class Sloped(Net):
        def slope(self, a: Array, h: Array) -> Array:
            return np.asarray(slope(a, h), float) if self.activation == only else super().slope(a, h)

    return Sloped


def _slope(id: str, sentence: str, only: str, slope: Callable[[Array, Array], Array]) -> None:
    register("backward", id, sentence, sloped(only, slope))


RIGHT_SLOPE = "it is h * (1 - h)"
_slope(
    "slope_at_preactivation",
    f"The sigmoid's derivative is taken at a instead of h: with h = σ(a) {RIGHT_SLOPE}, not a * (1 - a).",
    "sigmoid",
    lambda a, h: a * (1 - a),
)
_slope(
    "slope_of_sigmoid_twice",
    f"The sigmoid is applied twice in its derivative: h is σ(a) already, so {RIGHT_SLOPE}.",
    "sigmoid",
    lambda a, h: sigmoid(h) * (1 - sigmoid(h)),
)
_slope(
    "slope_without_complement",
    f"The sigmoid's derivative lacks its (1 - h): {RIGHT_SLOPE}.",
    "sigmoid",
    lambda a, h: h,
)
_slope("slope_without_h", f"The sigmoid's derivative lacks its h: {RIGHT_SLOPE}.", "sigmoid", lambda a, h: 1 - h)
_slope(
    "slope_with_plus",
    f"The sigmoid's derivative has a plus: {RIGHT_SLOPE}.",
    "sigmoid",
    lambda a, h: h * (1 + h),
)
_slope(
    "slope_of_tanh",
    "The derivative of tanh is used: the sigmoid's is h * (1 - h).",
    "sigmoid",
    lambda a, h: 1 - h * h,
)
_slope(
    "slope_of_relu",
    "A sigmoid net goes back through ReLU's mask, a > 0: the sigmoid's derivative is h * (1 - h).",
    "sigmoid",
    of_relu,
)
_slope(
    "relu_slope_missing",
    "ReLU's gradient goes through everywhere: set it to zero where a <= 0.",
    "relu",
    lambda a, h: np.ones_like(a),
)
_slope(
    "relu_mask_upside_down",
    "ReLU's mask is upside down: the gradient goes through where a > 0.",
    "relu",
    lambda a, h: a < 0,
)
_slope(
    "relu_slope_is_h",
    "ReLU's derivative is h itself here; it is 1 where a > 0 and 0 elsewhere.",
    "relu",
    lambda a, h: h,
)
_slope(
    "relu_slope_of_sigmoid",
    "A ReLU net's gradient uses the sigmoid's derivative h * (1 - h); ReLU's is 1 where a > 0.",
    "relu",
    of_sigmoid,
)
_slope(
    "relu_with_softplus_slope",
    "The activation is max(0, a) but its gradient is softplus's σ(a); ReLU's is 1 where a > 0.",
    "relu",
    lambda a, h: sigmoid(a),
)


@known(
    "backward",
    "The activation's derivative is missing from the backward pass: the gradient of h is multiplied by it.",
    WITHOUT_SLOPE,
)
class SlopeMissing(Net):
    def slope(self, a: Array, h: Array) -> Array:
        return np.ones_like(a)


@known(
    "backward",
    "ReLU's mask is taken from the gradient itself: it must come from the pre-activation a (or from h).",
)
class ReluMaskOnGradient(Net):
    def hidden_gradient(self, g2: Array, a: Array, h: Array) -> Array:
        if self.activation != "relu":
            return super().hidden_gradient(g2, a, h)
        back = g2 @ self.params["W2"].T
        return np.asarray(back * (back > 0))


def softplus_with(slope: Callable[[Array, Array], Array]) -> type:
    class SoftplusWith(Softplus):
        def relu_slope(self, a: Array, h: Array) -> Array:
            return np.asarray(slope(a, h))

    return SoftplusWith


def _softplus(id: str, sentence: str, slope: Callable[[Array, Array], Array]) -> None:
    register("backward", id, sentence, softplus_with(slope))


_softplus(
    "softplus_with_mask",
    "The activation is softplus but its gradient is ReLU's mask; softplus's derivative is σ(a).",
    of_relu,
)
_softplus(
    "softplus_slope_at_h",
    "Softplus's derivative is taken at h: it is σ(a), not σ(softplus(a)).",
    lambda a, h: sigmoid(h),
)
_softplus(
    "softplus_slope_of_sigmoid",
    "Softplus's derivative is the sigmoid itself, σ(a), not the sigmoid's derivative.",
    lambda a, h: sigmoid(a) * (1 - sigmoid(a)),
)
_softplus(
    "softplus_slope_sign",
    "Softplus's derivative has the wrong sign in its exponent: it is σ(a) = 1 / (1 + exp(-a)).",
    lambda a, h: sigmoid(-a),
)


def gradient(name: str, of: Callable[[TwoLayerMLP, Array, Array, Array, Array, Array], Array]) -> type:
    """The data gradient of one parameter, computed from (net, X, a, h, g1, g2)."""

    class Gradient(Net):
        def parameter_gradients(self, X: Array, a: Array, h: Array, g1: Array, g2: Array) -> Params:
            return super().parameter_gradients(X, a, h, g1, g2) | {name: of(self, X, a, h, g1, g2)}

    return Gradient


register(
    "backward",
    "dw2_from_preactivation",
    "The gradient of W2 uses the pre-activation; it is hᵀ times the gradient of the scores.",
    gradient("W2", lambda net, X, a, h, g1, g2: a.T @ g2),
)
register(
    "backward",
    "dw1_without_slope",
    "The gradient of W1 lacks the activation's derivative; it is Xᵀ times the hidden gradient.",
    gradient("W1", lambda net, X, a, h, g1, g2: X.T @ (g2 @ net.params["W2"].T)),
)
register(
    "backward",
    "db1_without_slope",
    "The gradient of b1 lacks the activation's derivative; it is the column sum of the hidden gradient.",
    gradient("b1", lambda net, X, a, h, g1, g2: (g2 @ net.params["W2"].T).sum(axis=0)),
)


def last_example(names: tuple[str, ...]) -> type:
    class LastExample(Net):
        def parameter_gradients(self, X: Array, a: Array, h: Array, g1: Array, g2: Array) -> Params:
            last = super().parameter_gradients(X[-1:], a[-1:], h[-1:], g1[-1:], g2[-1:])
            return super().parameter_gradients(X, a, h, g1, g2) | {n: last[n] for n in names}

    return LastExample


def fits(grad: Array, parameter: Array) -> bool:
    return np.shape(grad) in ((), parameter.shape)


class Misshapen(Net):
    """Where a gradient does not fit its parameter, training cannot go on."""

    def update(self, grads: Params, learning_rate: float) -> None:
        fitting = {n: g if fits(g, self.params[n]) else np.full_like(self.params[n], np.nan) for n, g in grads.items()}
        super().update(fitting, learning_rate)


def altered(name: str, how: Callable[[Array], Array]) -> type:
    """One parameter's whole gradient, altered at the end."""

    class Altered(Misshapen):
        def gradients(self, X: Array, y: Array, reg: float) -> Params:
            grads = super().gradients(X, y, reg)
            return grads | {name: np.asarray(how(grads[name]))}

    return Altered


class BiasGradientsSwapped(Misshapen):
    def gradients(self, X: Array, y: Array, reg: float) -> Params:
        grads = super().gradients(X, y, reg)
        return grads | {"b1": grads["b2"], "b2": grads["b1"]}


class GradientsZero(Net):
    def gradients(self, X: Array, y: Array, reg: float) -> Params:
        return {n: np.zeros_like(p) for n, p in self.params.items()}


class GradientOfScoresZero(Net):
    def score_gradient(self, scores: Array, y: Array) -> Array:
        return np.zeros_like(scores)


def summed_over(name: str, axis: int | None) -> type:
    """A bias's gradient, summed over the classes or units, or over everything."""

    class SummedOver(Misshapen):
        def gradients(self, X: Array, y: Array, reg: float) -> Params:
            inside = self.inputs(X)
            a = self.preactivation(inside)
            h = self.hidden(a)
            g2 = self.score_gradient(self.output(h), y)
            g = self.hidden_gradient(g2, a, h) if name == "b1" else g2
            return super().gradients(X, y, reg) | {name: np.asarray(g.sum(axis=axis))}

    return SummedOver


for _group, _names in GROUPS.items():
    if len(_names) == 1 or _names == ALL:
        register(
            "backward",
            f"{_group}_of_last_example",
            f"{data_term(*_names)} {'is' if len(_names) == 1 else 'are'} of the last example alone; "
            "sum over all rows of the batch.",
            last_example(_names),
        )
register(
    "backward",
    "bias_gradients_swapped",
    "The gradients of b1 and b2 are swapped: each has the shape of its parameter.",
    BiasGradientsSwapped,
)
for _name, _shape in (("W1", "(D, H)"), ("W2", "(H, C)")):
    register(
        "backward",
        f"d{_name}_transposed".lower(),
        f"The gradient of {_name} is transposed: it has the shape of {_name}, {_shape}.",
        altered(_name, np.transpose),
    )
for _name, _shape in (("b1", "(H,)"), ("b2", "(C,)")):
    for _axis, _over in ((None, "everything"), (1, "the wrong axis")):
        register(
            "backward",
            f"d{_name}_summed_over_{'everything' if _axis is None else 'columns'}",
            f"The gradient of {_name} is summed over {_over}: sum over the examples, axis=0, which gives {_shape}.",
            summed_over(_name, _axis),
        )
for _name in ALL:
    register(
        "backward",
        f"d{_name}_zero".lower(),
        f"The gradient of {_name} is zero: it has not been computed.",
        altered(_name, np.zeros_like),
        carries=_name[0] == "b",
    )
register(
    "backward",
    "gradients_zero",
    "All gradients are zero, whatever the data and the parameters are: compute them.",
    GradientsZero,
    carries=False,
    alike=("nothing_updated",),  # in training, where zero gradients change nothing
)
register(
    "backward",
    "gradient_of_scores_zero",
    "The gradient of the scores is zero everywhere: it is (softmax - one-hot labels) / N, which integers cut to zero.",
    GradientOfScoresZero,
    carries=False,
    alike=("gradients_zero", "nothing_updated"),  # without regularisation
)


# ── training ─────────────────────────────────────────────────────────────────────────────────────────


def updated(by: Callable[[float], float]) -> type:
    """The update takes another step size."""

    class Updated(Net):
        def update(self, grads: Params, learning_rate: float) -> None:
            super().update(grads, by(learning_rate))

    return Updated


register(
    "training",
    "update_uphill",
    "The update goes uphill: subtract learning_rate * gradient.",
    updated(lambda lr: -lr),
)
register(
    "training",
    "update_without_rate",
    "The update leaves the learning rate out: subtract learning_rate * gradient.",
    updated(lambda _: 1.0),
)
register(
    "training",
    "updates_twice",
    "Every step is taken twice: subtract learning_rate * gradient once.",
    updated(lambda lr: 2 * lr),
)


def decayed(rate: Callable[[float, float, int], float]) -> type:
    """After an epoch: learning rate, decay, epoch (from 0) → the next learning rate."""

    class Decayed(Net):
        def decayed(self, learning_rate: float, decay: float, epoch: int) -> float:
            return rate(learning_rate, decay, epoch)

    return Decayed


def _decay(id: str, sentence: str, rate: Callable[[float, float, int], float]) -> None:
    register("training", id, sentence, decayed(rate), DECAY)


_decay(
    "no_decay",
    "The learning rate never decays: multiply it by learning_rate_decay after each epoch.",
    lambda lr, decay, _: lr,
)
_decay("decay_divides", "The learning rate is divided by the decay: multiply it.", lambda lr, decay, _: lr / decay)
_decay(
    "decay_late",
    "The learning rate decays one epoch late: multiply it by learning_rate_decay after the first epoch too.",
    lambda lr, decay, epoch: lr * decay if epoch else lr,
)
_decay(
    "decay_compounds",
    "The learning rate decays faster with every epoch: multiply it by learning_rate_decay, to no power.",
    lambda lr, decay, epoch: lr * decay ** (epoch + 1),
)
_decay(
    "decay_fixed",
    "The learning rate decays by 0.95 whatever is asked for: use learning_rate_decay.",
    lambda lr, decay, _: 0.95 * lr,
)
_decay("decay_replaces", "The learning rate is set to the decay: multiply it by the decay.", lambda lr, decay, _: decay)
_decay("decay_subtracts", "The decay is subtracted from the learning rate: multiply by it.", lambda lr, d, _: lr - d)
_decay(
    "decay_complement",
    "The learning rate is multiplied by 1 - decay: multiply it by learning_rate_decay itself.",
    lambda lr, decay, _: lr * (1 - decay),
)


@known("training", "The learning rate falls by the same amount each epoch: multiply it by learning_rate_decay.", DECAY)
class DecayLinear(Net):
    drop = 0.0

    def first_learning_rate(self, learning_rate: float, decay: float) -> float:
        self.drop = learning_rate * (1 - decay)
        return super().first_learning_rate(learning_rate, decay)

    def decayed(self, learning_rate: float, decay: float, epoch: int) -> float:
        return learning_rate - self.drop


@known("training", "The learning rate decays after every batch: once after each epoch is right.", DECAY)
class DecayPerBatch(Net):
    def after_batch(self, learning_rate: float, decay: float) -> float:
        return learning_rate * decay

    def decayed(self, learning_rate: float, decay: float, epoch: int) -> float:
        return learning_rate


@known("training", "The learning rate decays after every batch and every epoch: once after each epoch is right.", DECAY)
class DecayPerBatchAndEpoch(Net):
    def after_batch(self, learning_rate: float, decay: float) -> float:
        return learning_rate * decay


@known("training", "Training starts at the rate 1, whatever learning_rate is: start at learning_rate.")
class RateStartsAtOne(Net):
    def first_learning_rate(self, learning_rate: float, decay: float) -> float:
        return super().first_learning_rate(1.0, decay)


@known("training", "The learning rate decays before the first epoch already: decay it after each epoch.", DECAY)
class DecayTooEarly(Net):
    def first_learning_rate(self, learning_rate: float, decay: float) -> float:
        return super().first_learning_rate(learning_rate * decay, decay)


@known(
    "training",
    "The learning rate decays only where the validation accuracy has not improved: decay it after every epoch.",
    DECAY,
)
class DecayUnlessImproved(Net):
    last = improvement = 0.0

    def accuracies(self, X: Array, y: Array, X_val: Array, y_val: Array) -> tuple[float, float]:
        train, val = super().accuracies(X, y, X_val, y_val)
        self.last, self.improvement = val, val - self.last
        return train, val

    def decayed(self, learning_rate: float, decay: float, epoch: int) -> float:
        improved = epoch > 0 and self.improvement > 0
        return learning_rate if improved else super().decayed(learning_rate, decay, epoch)


def updates_only(*names: str) -> type:
    class UpdatesOnly(Net):
        def update(self, grads: Params, learning_rate: float) -> None:
            super().update({n: g if n in names else np.zeros_like(g) for n, g in grads.items()}, learning_rate)

    return UpdatesOnly


for _group, _names in GROUPS.items():
    if _names != ALL:
        register(
            "training",
            f"{_group}_not_updated".removeprefix("d"),
            f"Training leaves {' and '.join(_names)} as {'it was' if len(_names) == 1 else 'they were'}: "
            "update all four parameters.",
            updates_only(*(n for n in ALL if n not in _names)),
            carries=all(n[0] == "b" for n in _names),  # a training that leaves weights alone is not yet one
        )


class KnowsReg(Net):
    """Remembers the regularisation that it trains with."""

    reg = 0.0

    def training_reg(self, reg: float) -> float:
        self.reg = super().training_reg(reg)
        return self.reg


def decays_weights(*names: str) -> type:
    class DecaysWeights(KnowsReg):
        def update(self, grads: Params, learning_rate: float) -> None:
            added = {
                n: g + self.reg * self.params[n] for n, g in grads.items() if n in names and fits(g, self.params[n])
            }
            super().update(grads | added, learning_rate)

    return DecaysWeights


register(
    "training",
    "weight_decay_twice",
    "The update regularises once more: the gradients of W1 and W2 contain reg * W already.",
    decays_weights("W1", "W2"),
)
register(
    "training",
    "weight_decay_everywhere",
    "The update adds reg times the parameters: the gradients contain reg * W already, and biases are not regularised.",
    decays_weights(*ALL),
)
register(
    "training",
    "weight_decay_on_biases",
    "The update regularises the biases: only W1 and W2 are, and their gradients contain it already.",
    decays_weights("b1", "b2"),
)


@known("training", "Training leaves reg out: pass it on, loss(X_batch, y_batch, reg=reg).")
class TrainsWithoutReg(Net):
    def training_reg(self, reg: float) -> float:
        return 0.0

    def batch_loss(self, X: Array, y: Array, reg: float) -> float:
        return super().batch_loss(X, y, 0.0)


@known("training", "Training goes on with the first batch's gradient: call loss anew in every iteration.")
class FirstGradientKept(Net):
    def update(self, grads: Params, learning_rate: float) -> None:
        super().update(self.__dict__.setdefault("first", grads), learning_rate)

    def magnitude(self, grads: Params) -> float:
        return super().magnitude(self.__dict__.get("first", grads))

    def batch_loss(self, X: Array, y: Array, reg: float) -> float:
        loss: float = self.__dict__.setdefault("first_loss", super().batch_loss(X, y, reg))
        return loss


@known("training", "Training takes its batches from X_val and y_val: train on X and y.")
class TrainsOnValidation(Net):
    def train(
        self, X: Array, y: Array, X_val: Array, y_val: Array, *more: Any, **recipe: Any
    ) -> dict[str, list[float]]:
        return super().train(X_val, y_val, X_val, y_val, *more, **recipe)


def lasting(epochs: Callable[[int], int]) -> type:
    class Lasting(Net):
        def epochs(self, num_epochs: int) -> int:
            return epochs(num_epochs)

    return Lasting


def _epochs(id: str, sentence: str, epochs: Callable[[int], int]) -> None:
    register("training", id, sentence, lasting(epochs))


_epochs("one_epoch_more", "Training runs one epoch too many: num_epochs are asked for.", lambda n: n + 1)
_epochs("one_epoch_less", "Training runs one epoch too few: num_epochs are asked for.", lambda n: n - 1)
_epochs(
    "single_epoch",
    "Nothing changes after the first epoch: run num_epochs epochs, keep what the last one leads to, and let the "
    "learning rate fall by learning_rate_decay alone.",
    lambda n: 1,
)
_epochs("ten_epochs", "Training runs ten epochs whatever num_epochs says.", lambda n: 10)


@known(
    "training",
    "Training changes nothing: the updated parameters must end up in self.params.",
    Line(tuple(f"updated {name}" for name in ALL), first=True),
    carries=False,
)
class NothingUpdated(Net):
    def update(self, grads: Params, learning_rate: float) -> None:
        pass


@known(
    "training",
    "An epoch has one step too few: it has max(N // batch_size, 1), which is one even where the batch is all the data.",
)
class OneBatchLess(Net):
    def batches(self, N: int, batch_size: int) -> Iterator[Array]:
        yield from list(super().batches(N, batch_size))[:-1]


@known(
    "training",
    "Nothing is trained where N is smaller than batch_size: take at least one step an epoch, max(N // batch_size, 1).",
)
class NoSmallBatches(Net):
    def batches(self, N: int, batch_size: int) -> Iterator[Array]:
        if batch_size <= N:
            yield from super().batches(N, batch_size)


@known(
    "training",
    "batch_size is ignored: an epoch of up to 100 examples is one step over all of them. Take batch_size rows for each "
    "step; 100 is only its default.",
)
class BatchSizeFixed(Net):
    def batches(self, N: int, batch_size: int) -> Iterator[Array]:
        yield from super().batches(N, 100)


@known("training", "Only one batch of each epoch is used: go through max(N // batch_size, 1) of them.")
class OneBatchAnEpoch(Net):
    def batches(self, N: int, batch_size: int) -> Iterator[Array]:
        yield from list(super().batches(N, batch_size))[:1]


@known("training", "Every step takes all the data: take batch_size rows for each.")
class WholeBatches(Net):
    def batches(self, N: int, batch_size: int) -> Iterator[Array]:
        for _ in super().batches(N, batch_size):
            yield np.arange(N)


@known(
    "training",
    "The batches of an epoch share their rows: each takes the next batch_size rows of the permutation.",
)
class SameBatchAllEpoch(Net):
    def batches(self, N: int, batch_size: int) -> Iterator[Array]:
        batches = list(super().batches(N, batch_size))
        yield from batches[:1] * len(batches)


@known(
    "training",
    "Batches overlap and grow: each begins at iteration * batch_size, not at the number of the iteration.",
)
class BatchesGrow(Net):
    def batches(self, N: int, batch_size: int) -> Iterator[Array]:
        order = self.random.permutation(N)
        for i in range(max(N // batch_size, 1)):
            yield order[i : (i + 1) * batch_size]


@known(
    "training",
    "The batches follow the order of the data: draw them at random, by a new permutation in each epoch.",
)
class NeverShuffled(Net):
    def batches(self, N: int, batch_size: int) -> Iterator[Array]:
        batches = super().batches(N, batch_size)
        yield from np.split(np.arange(N), np.cumsum([len(b) for b in batches]))[:-1]


@known("training", "Every step takes the same rows, in every epoch: draw other batch_size rows each time.")
class SameBatchAlways(Net):
    def batches(self, N: int, batch_size: int) -> Iterator[Array]:
        for _ in super().batches(N, batch_size):
            yield np.arange(min(N, batch_size))


@known("training", "An epoch takes single examples: take batch_size of them for each step.")
class BatchesOfOne(Net):
    def batches(self, N: int, batch_size: int) -> Iterator[Array]:
        yield from super().batches(N, 1)


@known("training", "An epoch takes batch_size steps: it takes max(N // batch_size, 1).")
class BatchSizeSteps(Net):
    def batches(self, N: int, batch_size: int) -> Iterator[Array]:
        for _ in range(batch_size):
            yield self.random.permutation(N)[: min(N, batch_size)]


def rate_divided(capped: bool) -> type:
    class RateDivided(Net):
        divisor = 1

        def batches(self, N: int, batch_size: int) -> Iterator[Array]:
            self.divisor = min(N, batch_size) if capped else batch_size
            yield from super().batches(N, batch_size)

        def update(self, grads: Params, learning_rate: float) -> None:
            super().update(grads, learning_rate / self.divisor)

    return RateDivided


for _id, _capped in (("rate_divided_by_batch_size", False), ("rate_divided_by_batch", True)):
    register(
        "training",
        _id,
        "The step is divided by the batch size once more: the gradient is a mean already.",
        rate_divided(_capped),
    )


def momentum(of_steps: bool) -> type:
    """What is remembered: steps already taken, or gradients alone."""

    class Momentum(Net):
        def update(self, grads: Params, learning_rate: float) -> None:
            memory = self.__dict__.setdefault("memory", {n: np.zeros_like(p) for n, p in self.params.items()})
            for name in self.params:
                memory[name] = 0.9 * memory[name] + (learning_rate if of_steps else 1.0) * grads[name]
                self.params[name] = self.params[name] - (1.0 if of_steps else learning_rate) * memory[name]

    return Momentum


for _id, _of_steps in (("momentum", True), ("momentum_of_gradients", False)):
    register("training", _id, "The update has momentum: plain SGD is asked for.", momentum(_of_steps))


def best_kept(at_least: bool) -> type:
    """The parameters of the best epoch come back in the end; of equals the first, or the last."""

    class BestKept(Net):
        def accuracies(self, X: Array, y: Array, X_val: Array, y_val: Array) -> tuple[float, float]:
            train, val = super().accuracies(X, y, X_val, y_val)
            best = self.__dict__.get("best", -1.0)
            if val > best or (at_least and val == best):
                self.best, self.kept = val, dict(self.params)
            return train, val

        def train(self, X: Array, y: Array, *data: Any, **recipe: Any) -> dict[str, list[float]]:
            histories = super().train(X, y, *data, **recipe)
            self.params = self.__dict__.get("kept", self.params)
            return histories

    return BestKept


for _id, _at_least in (("best_parameters_kept", False), ("last_best_parameters_kept", True)):
    register(
        "training",
        _id,
        "Training ends with the parameters of the epoch that validated best: end with those after the last update.",
        best_kept(_at_least),
        alike=("single_epoch",),  # where the first epoch validates best
    )


# ── histories ────────────────────────────────────────────────────────────────────────────────────────


def magnitude(of: Callable[[Params], Any]) -> type:
    class Magnitude(Net):
        def magnitude(self, grads: Params) -> float:
            return float(of(grads))

    return Magnitude


def _magnitude(id: str, what: str, of: Callable[[Params], Any]) -> None:
    sentence = f"grad_magnitude_history holds {what}: record np.linalg.norm(grads['W1']), the Frobenius norm."
    register("histories", id, sentence, magnitude(of))


_magnitude("magnitude_squared", "the sum of squares", lambda g: np.sum(g["W1"] ** 2))
_magnitude("magnitude_of_w2", "the norm of W2's gradient", lambda g: np.linalg.norm(g["W2"]))
_magnitude("magnitude_largest", "the largest entry", lambda g: np.abs(g["W1"]).max())
_magnitude("magnitude_absolute", "the sum of absolute values", lambda g: np.abs(g["W1"]).sum())
_magnitude("magnitude_mean", "the mean of absolute values", lambda g: np.abs(g["W1"]).mean())
_magnitude(
    "magnitude_spectral",
    "the spectral norm",
    lambda g: np.linalg.norm(g["W1"], 2) if np.isfinite(g["W1"]).all() else np.nan,
)
_magnitude(
    "magnitude_of_all", "the norm of all gradients together", lambda g: sum((v**2).sum() for v in g.values()) ** 0.5
)


@known(
    "histories",
    "grad_magnitude_history is multiplied by the learning rate: take the gradient itself.",
)
class MagnitudeOfStep(Net):
    rate = 1.0

    def update(self, grads: Params, learning_rate: float) -> None:
        self.rate = learning_rate
        super().update(grads, learning_rate)

    def magnitude(self, grads: Params) -> float:
        return self.rate * super().magnitude(grads)


@known("histories", "grad_magnitude_history holds the norm of W1: take that of W1's gradient.")
class MagnitudeOfWeights(Net):
    weights = 0.0

    def update(self, grads: Params, learning_rate: float) -> None:
        self.weights = float(np.linalg.norm(self.params["W1"]))
        super().update(grads, learning_rate)

    def magnitude(self, grads: Params) -> float:
        return self.weights


@known(
    "histories",
    "loss_history holds the loss after the update: record the one that the step started from.",
)
class LossAfterUpdate(Net):
    def recorded_loss(self, loss: float, X: Array, y: Array, reg: float, histories: dict[str, list[float]]) -> float:
        return self.batch_loss(X, y, reg)


@known("histories", "loss_history leaves the regularisation out: record the loss with reg.")
class LossRecordedWithoutReg(Net):
    def batch_loss(self, X: Array, y: Array, reg: float) -> float:
        return super().batch_loss(X, y, 0.0)


def retold(name: str, how: Callable[[list[float], int], list[float]]) -> type:
    """One history, told differently at the end; the second argument is the number of examples."""

    class Retold(Net):
        def train(self, X: Array, y: Array, *data: Any, **recipe: Any) -> dict[str, list[float]]:
            histories = super().train(X, y, *data, **recipe)
            return histories | {name: how(histories[name], len(X))}

    return Retold


register(
    "histories",
    "loss_history_divided",
    "loss_history divides the loss by N once more: record it as loss returns it.",
    retold("loss_history", lambda losses, N: [loss / N for loss in losses]),
)
register(
    "histories",
    "loss_history_added_up",
    "loss_history is a running sum: record the loss of each iteration by itself.",
    retold("loss_history", lambda losses, _: np.cumsum(losses).tolist()),
)


def measuring(how: Callable[[float, int], float]) -> type:
    """Accuracies under another name: share of right answers, number of examples → what is recorded."""

    class Measuring(Net):
        def accuracy(self, X: Array, y: Array) -> float:
            return how(super().accuracy(X, y), len(y))

    return Measuring


for _id, _sentence, _accuracy in (
    (
        "accuracies_in_percent",
        "The accuracies are in percent: an accuracy is a number from 0 to 1.",
        lambda a, _: 100 * a,
    ),
    ("accuracies_are_counts", "The accuracies are counts: divide by the number of examples.", lambda a, N: a * N),
    ("accuracies_are_errors", "The accuracies hold the share of wrong answers: count right ones.", lambda a, _: 1 - a),
):
    register("histories", _id, _sentence, measuring(_accuracy))


@known(
    "histories",
    "The accuracies compare a column with a row, every prediction with every label: predict must return shape (N,).",
)
class AccuraciesOfColumn(Net):
    def accuracy(self, X: Array, y: Array) -> float:
        return float((self.predict(X).reshape(-1, 1) == y).mean())


@known("histories", "train_acc_history and val_acc_history are swapped.")
class AccuraciesSwapped(Net):
    def accuracies(self, X: Array, y: Array, X_val: Array, y_val: Array) -> tuple[float, float]:
        train, val = super().accuracies(X, y, X_val, y_val)
        return val, train


@known("histories", "val_acc_history is measured on the training data: use X_val and y_val.")
class ValidatedOnTrainingData(Net):
    def accuracies(self, X: Array, y: Array, X_val: Array, y_val: Array) -> tuple[float, float]:
        train, _ = super().accuracies(X, y, X_val, y_val)
        return train, train


@known("histories", "train_acc_history is measured on the validation data: use X and y.")
class TrainingMeasuredOnValidationData(Net):
    def accuracies(self, X: Array, y: Array, X_val: Array, y_val: Array) -> tuple[float, float]:
        _, val = super().accuracies(X, y, X_val, y_val)
        return val, val


@known("histories", "The accuracies are measured before an epoch's updates: measure them after.")
class AccuraciesBeforeEpoch(Net):
    def measured_in_epoch(self, before: Params, X: Array, y: Array, X_val: Array, y_val: Array) -> tuple[float, float]:
        after, self.params = self.params, dict(before)
        measured = super().measured_in_epoch(before, X, y, X_val, y_val)
        self.params = after
        return measured


# ── predict ──────────────────────────────────────────────────────────────────────────────────────────


def predicting(scores: Callable[[TwoLayerMLP, Array], Array]) -> type:
    """predict is the argmax of other scores."""

    class Predicting(Net):
        def prediction_scores(self, X: Array) -> Array:
            return np.asarray(scores(self, X))

    return Predicting


def _divided_along_batch(scores: Array) -> Array:
    """exp(scores - each row's maximum), divided by its sum over the batch, as a logarithm."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.logaddexp.reduce(shifted, axis=0))


def _predict(id: str, sentence: str, scores: Callable[[TwoLayerMLP, Array], Array], *, alike: str = "") -> None:
    register("predict", id, sentence, predicting(scores), alike=(alike,) if alike else ())


AS_THEY_ARE = "take np.argmax of the scores as they are."
_predict("predict_argmin", "predict takes the smallest score: take np.argmax.", lambda net, X: -net.scores(X))
_predict(
    "predict_absolute",
    f"predict takes the score of largest absolute value: {AS_THEY_ARE}",
    lambda net, X: np.abs(net.scores(X)),
)
_predict(
    "predict_activates",
    f"predict puts the scores through the activation: {AS_THEY_ARE}",
    lambda net, X: net.activate(net.scores(X)),
)
_predict(
    "predict_clips",
    f"predict clips the scores at zero: {AS_THEY_ARE}",
    lambda net, X: np.maximum(0, net.scores(X)),
    alike="predict_activates",  # in a ReLU net
)
PREDICT_ALONG_BATCH = "predict takes the softmax along the wrong axis: each row (axis=1) is one example."
_predict(
    "predict_softmax_along_batch",
    PREDICT_ALONG_BATCH,
    lambda net, X: net.scores(X) - np.logaddexp.reduce(net.scores(X), axis=0),
)
_predict(
    "predict_softmax_summed_along_batch",
    PREDICT_ALONG_BATCH,
    lambda net, X: _divided_along_batch(net.scores(X)),
)
FORWARD_AGAIN = "it must run the same forward pass as loss."
_predict(
    "predict_without_b1",
    f"predict leaves b1 out: {FORWARD_AGAIN}",
    lambda net, X: net.output(net.activate(X @ net.params["W1"])),
)
_predict(
    "predict_without_b2",
    f"predict leaves b2 out: {FORWARD_AGAIN}",
    lambda net, X: net.activate(net.preactivation(X)) @ net.params["W2"],
)
_predict(
    "predict_without_biases",
    f"predict leaves both biases out: {FORWARD_AGAIN}",
    lambda net, X: net.activate(X @ net.params["W1"]) @ net.params["W2"],
)
_predict(
    "predict_without_activation",
    f"predict has no activation: {FORWARD_AGAIN}",
    lambda net, X: net.output(net.preactivation(X)),
)
_predict(
    "predict_always_relu",
    "predict is ReLU's whatever activation the net was built with: use the one of the net.",
    lambda net, X: net.output(np.maximum(0, net.preactivation(X))),
)
_predict(
    "predict_always_sigmoid",
    "predict is the sigmoid's whatever activation the net was built with: use the one of the net.",
    lambda net, X: net.output(sigmoid(net.preactivation(X))),
)


@known("predict", "predict subtracts the mean from X: use X as it is passed in.")
class PredictCentres(Net):
    def prediction_scores(self, X: Array) -> Array:
        return self.scores(X - X.mean(axis=0))


@known(
    "predict",
    "predict subtracts the mean from X in place, so that training goes on with other data: leave X as it is.",
)
class PredictCentresInPlace(PredictCentres):
    def accuracy(self, X: Array, y: Array) -> float:
        X -= X.mean(axis=0)
        return super().accuracy(X, y)


@known("predict", "predict answers the largest score itself: answer its place, np.argmax.")
class PredictMaximum(Net):
    def predict(self, X: Array) -> Array:
        return np.asarray(self.prediction_scores(X).max(axis=1))


@known("predict", "predict counts the classes from 1: class 0 is column 0.")
class PredictOffByOne(Net):
    def predict(self, X: Array) -> Array:
        return super().predict(X) + 1


@known("predict", "predict takes the argmax of the whole matrix: take one for each row, axis=1.")
class PredictOverEverything(Net):
    def predict(self, X: Array) -> Array:
        return np.asarray(self.prediction_scores(X).argmax())


KNOWN = mistakes_of(sys.modules[__name__])
