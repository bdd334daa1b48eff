"""What students get wrong: the reference with one method done differently, and the sentence they read.

Order matters where two mistakes look alike on a problem: the commoner one comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.checks.mistakes import Mistake

from .mlp import Array, Params, TwoLayerMLP

Net = TwoLayerMLP
"""Every change is a class that overrides methods of the reference and may stand in front of other changes."""


@dataclass(frozen=True)
class Known(Mistake):
    change: type = TwoLayerMLP


KNOWN: list[Known] = []


def known(topic: str, sentence: str, *line: str, carries: bool = True) -> Callable[[type], type]:
    """Registers the class below it as a mistake; its id is the class's name in snake case."""

    def register(change: type) -> type:
        name = "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(change.__name__))
        KNOWN.append(Known(name.replace("w_1", "w1").replace("w_2", "w2"), topic, sentence, line, carries, change))
        return change

    return register


LOSS = (r"\bloss\s*(=|\+=|/=)", r"return .*loss")
SCORES = (r"\bscores\s*=", r"\.dot\(.*W2|@\s*W2")
HIDDEN = (r"\b(h|hidden|h1|a1|z1)\w*\s*=.*(exp|maximum|sigmoid|relu|np\.)",)


def grad_line(name: str) -> tuple[str, ...]:
    return (rf"\[['\"]{name}['\"]\]\s*[-+*/]?=(?!=)", rf"\b(d|grad_?|g_?){name}\s*[-+*/]?=", rf"['\"]{name}['\"]\s*:")


UPDATE = (r"params\[.*\]\s*(-=|\+=|=)", r"learning_rate\s*\*|\*\s*learning_rate")
DECAY = (r"(learning_rate|lr|rate|alpha|eta)\s*[-*/+]?=.*decay", r"^\s*for .*epoch")
BATCH = (r"(X_batch|idx|batch\w*)\s*=", r"permutation|choice|randint")
PREDICT = (r"arg(max|min|sort)", r"def predict")


# ── loss ─────────────────────────────────────────────────────────────────────────────────────────────


@known("loss", "The data loss is summed over the batch; divide it by N.", *LOSS)
class LossSummed(Net):
    def data_loss(self, scores: Array, y: Array) -> float:
        return super().data_loss(scores, y) * len(y)


@known("loss", "The data loss is divided by N twice; divide once.", *LOSS)
class LossDividedTwice(Net):
    def data_loss(self, scores: Array, y: Array) -> float:
        return super().data_loss(scores, y) / len(y)


@known(
    "loss",
    "The regularisation in the loss lacks its ½: it is 0.5 * reg * (sum of W1² and W2²).",
    r"\breg\b.*(W1|W2|sum)",
    *LOSS,
)
class PenaltyWithoutHalf(Net):
    def penalty(self, reg: float) -> float:
        return 2 * super().penalty(reg)


@known("loss", "The loss has no regularisation term; add 0.5 * reg * (sum of W1² and W2²).", *LOSS)
class PenaltyMissing(Net):
    def penalty(self, reg: float) -> float:
        return 0.0


@known("loss", "The regularisation in the loss ignores reg; multiply the sum of squares by 0.5 * reg.", *LOSS)
class PenaltyIgnoresReg(Net):
    def penalty(self, reg: float) -> float:
        return super().penalty(1.0)


@known("loss", "The regularisation in the loss leaves W2 out; sum the squares of W1 and of W2.", *LOSS)
class PenaltyWithoutW2(Net):
    def penalty(self, reg: float) -> float:
        return 0.5 * reg * float((self.params["W1"] ** 2).sum())


@known("loss", "The regularisation in the loss leaves W1 out; sum the squares of W1 and of W2.", *LOSS)
class PenaltyWithoutW1(Net):
    def penalty(self, reg: float) -> float:
        return 0.5 * reg * float((self.params["W2"] ** 2).sum())


@known("loss", "The regularisation is subtracted from the loss; add it.", *LOSS)
class PenaltySubtracted(Net):
    def penalty(self, reg: float) -> float:
        return -super().penalty(reg)


@known("loss", "The biases are regularised in the loss; only W1 and W2 are.", *LOSS)
class PenaltyOnBiases(Net):
    def penalty(self, reg: float) -> float:
        return super().penalty(reg) + 0.5 * reg * float((self.params["b1"] ** 2).sum() + (self.params["b2"] ** 2).sum())


@known("loss", "The regularisation uses the norms of W1 and W2; the sum of squares is the norm squared.", *LOSS)
class PenaltyNotSquared(Net):
    def penalty(self, reg: float) -> float:
        return 0.5 * reg * float(np.linalg.norm(self.params["W1"]) + np.linalg.norm(self.params["W2"]))


@known("loss", "The regularisation is divided by N; only the data loss is.", *LOSS)
class PenaltyDividedByN(Net):
    def loss_only(self, X: Array, y: Array, reg: float) -> float:
        return self.data_loss(self.scores(X), y) + self.penalty(reg) / len(y)


@known("loss", "The regularisation uses absolute values; sum the squares of W1 and W2.", *LOSS)
class PenaltyAbsolute(Net):
    def penalty(self, reg: float) -> float:
        return 0.5 * reg * float(np.abs(self.params["W1"]).sum() + np.abs(self.params["W2"]).sum())


@known("loss", "The loss is the logarithm to base 2; cross-entropy takes the natural one, np.log.", r"log2", *LOSS)
class LogBaseTwo(Net):
    def data_loss(self, scores: Array, y: Array) -> float:
        return super().data_loss(scores, y) / float(np.log(2))


@known("loss", "The loss is the logarithm to base 10; cross-entropy takes the natural one, np.log.", r"log10", *LOSS)
class LogBaseTen(Net):
    def data_loss(self, scores: Array, y: Array) -> float:
        return super().data_loss(scores, y) / float(np.log(10))


@known("loss", "The data loss has the wrong sign; it is minus the mean log-probability.", *LOSS)
class LossNegated(Net):
    def data_loss(self, scores: Array, y: Array) -> float:
        return -super().data_loss(scores, y)


@known("loss", "The loss takes the probability itself; cross-entropy takes its logarithm.", *LOSS)
class LossWithoutLog(Net):
    def data_loss(self, scores: Array, y: Array) -> float:
        return float(-np.exp(self.log_probabilities(scores))[np.arange(len(y)), y].mean())


@known("loss", "The loss sums over all classes; take only the log-probability of the right class.", *LOSS)
class LossOverAllClasses(Net):
    def data_loss(self, scores: Array, y: Array) -> float:
        return float(-self.log_probabilities(scores).sum(axis=1).mean())


@known("loss", "The loss averages over classes too; average over the N examples only.", *LOSS)
class LossAveragedOverClasses(Net):
    def data_loss(self, scores: Array, y: Array) -> float:
        return super().data_loss(scores, y) / len(scores[0])


@known(
    "loss", "The softmax is normalised along the wrong axis; each row (axis=1) adds up to one.", r"axis\s*=\s*0", *LOSS
)
class SoftmaxAlongBatch(Net):
    def log_probabilities(self, scores: Array) -> Array:
        return super().log_probabilities(scores.T).T


@known("loss", "The labels are off by one in the loss; class 0 is column 0.", *LOSS)
class LabelsOffByOne(Net):
    def data_loss(self, scores: Array, y: Array) -> float:
        return super().data_loss(scores, y - 1)


@known("loss", "The regularisation in the loss squares reg: it is 0.5 * reg * (sum of W1² and W2²).", *LOSS)
class PenaltyRegSquared(Net):
    def penalty(self, reg: float) -> float:
        return reg * super().penalty(reg)


@known("loss", "The regularisation in the loss has its ½ twice: it is 0.5 * reg * (sum of W1² and W2²).", *LOSS)
class PenaltyHalfTwice(Net):
    def penalty(self, reg: float) -> float:
        return 0.5 * super().penalty(reg)


@known("loss", "The regularisation in the loss takes the mean of the squares: take their sum.", *LOSS)
class PenaltyMean(Net):
    def penalty(self, reg: float) -> float:
        return 0.5 * reg * float((self.params["W1"] ** 2).mean() + (self.params["W2"] ** 2).mean())


@known("loss", "The regularisation in the loss counts W1 twice and W2 never: sum the squares of W1 and of W2.", *LOSS)
class PenaltyW1Twice(Net):
    def penalty(self, reg: float) -> float:
        return reg * float((self.params["W1"] ** 2).sum())


@known("loss", "The regularisation is added once for every example: add it once, to the mean over the examples.", *LOSS)
class PenaltyPerExample(Net):
    def loss_only(self, X: Array, y: Array, reg: float) -> float:
        return self.data_loss(self.scores(X), y) + len(y) * self.penalty(reg)


@known("loss", "The loss is the first example's alone: average over the batch.", *LOSS)
class LossOfFirst(Net):
    def data_loss(self, scores: Array, y: Array) -> float:
        return super().data_loss(scores[:1], y[:1])


@known(
    "loss",
    "The loss adds log(1 - p) of the wrong classes: with a softmax it is the log-probability of the right class alone.",
    *LOSS,
)
class LossBinary(Net):
    def data_loss(self, scores: Array, y: Array) -> float:
        wrong = np.ones(scores.shape, bool)
        wrong[np.arange(len(y)), y] = False
        others = np.log1p(-np.exp(self.log_probabilities(scores))[wrong]).sum()
        return super().data_loss(scores, y) - float(others) / len(y)


# ── forward ──────────────────────────────────────────────────────────────────────────────────────────


@known("forward", "b1 is missing from the forward pass; the hidden layer starts from X W1 + b1.", r"W1", *SCORES)
class B1Missing(Net):
    def preactivation(self, X: Array) -> Array:
        return X @ self.params["W1"]


@known("forward", "b2 is missing from the scores; they are h W2 + b2.", *SCORES)
class B2Missing(Net):
    def output(self, h: Array) -> Array:
        return h @ self.params["W2"]


@known(
    "forward", "b1 is added after the activation: add it to X W1 before the activation is applied.", r"\+\s*b1", *HIDDEN
)
class B1AfterActivation(Net):
    def preactivation(self, X: Array) -> Array:
        return X @ self.params["W1"]

    def activate(self, a: Array) -> Array:
        return super().activate(a) + self.params["b1"]


@known("forward", "The sigmoid is applied twice to the hidden layer: h is σ(a).", r"exp.*exp", *HIDDEN)
class SigmoidTwice(Net):
    def activate(self, a: Array) -> Array:
        return super().activate(a) if self.activation == "relu" else super().activate(super().activate(a))


@known("forward", "X is divided by 255 inside loss: leave the data as they come.", r"255", *SCORES)
class InputDivided(Net):
    def preactivation(self, X: Array) -> Array:
        return super().preactivation(X / 255)

    def data_gradients(self, X: Array, y: Array) -> Params:
        grads = super().data_gradients(X, y)
        return grads | {"W1": grads["W1"] / 255}


@known("forward", "ReLU is capped here; max(0, a) has no upper bound.", r"clip|minimum", *HIDDEN)
class CappedRelu(Net):
    def relu(self, a: Array) -> Array:
        return np.asarray(np.clip(a, 0, 1))


@known("forward", "ReLU gives 1 or 0 here: it is max(0, a), not a > 0.", r">\s*0", *HIDDEN)
class MaskForRelu(Net):
    def relu(self, a: Array) -> Array:
        return (a > 0).astype(float)


@known("forward", "The bias b1 is subtracted; add it.", r"-\s*b1", *HIDDEN)
class B1Subtracted(Net):
    def preactivation(self, X: Array) -> Array:
        return X @ self.params["W1"] - self.params["b1"]


@known("forward", "The hidden layer has no activation; apply it to X W1 + b1.", *SCORES, carries=False)
class ActivationMissing(Net):
    def activate(self, a: Array) -> Array:
        return a

    def slope(self, a: Array, h: Array) -> Array:
        return np.ones_like(a)


@known(
    "forward",
    "The net is a sigmoid net whatever activation it was built with; look at self.activation.",
    r"activation",
    *HIDDEN,
    carries=False,
)
class AlwaysSigmoid(Net):
    def activate(self, a: Array) -> Array:
        with np.errstate(over="ignore"):
            return np.asarray(1 / (1 + np.exp(-a)))

    def slope(self, a: Array, h: Array) -> Array:
        return np.asarray(h * (1 - h))


@known(
    "forward",
    "The net is a ReLU net whatever activation it was built with; look at self.activation.",
    r"activation",
    *HIDDEN,
    carries=False,
)
class AlwaysRelu(Net):
    def activate(self, a: Array) -> Array:
        return np.maximum(0, a)

    def slope(self, a: Array, h: Array) -> Array:
        return (a > 0).astype(float)


@known("forward", "The activation is tanh; this net was built with another one.", r"tanh", carries=False)
class AlwaysTanh(Net):
    def activate(self, a: Array) -> Array:
        return np.asarray(np.tanh(a))

    def slope(self, a: Array, h: Array) -> Array:
        return 1 - h * h


@known("forward", "The sigmoid has the wrong sign in its exponent; it is 1 / (1 + exp(-a)).", r"exp", *HIDDEN)
class SigmoidSign(Net):
    def activate(self, a: Array) -> Array:
        return super().activate(a if self.activation == "relu" else -a)


@known("forward", "The activation is applied to the scores too; the scores are h W2 + b2 as they are.", *SCORES)
class ScoresActivated(Net):
    def output(self, h: Array) -> Array:
        return self.activate(super().output(h))


@known("forward", "The scores are probabilities; without y, loss returns the scores before the softmax.", r"return")
class ScoresAreProbabilities(Net):
    def loss(self, X: Array, y: Array | None = None, reg: float = 0.0) -> Any:
        return np.exp(self.log_probabilities(self.scores(X))) if y is None else super().loss(X, y, reg)


@known("forward", "ReLU is leaky here; max(0, a) is zero for negative a.", r"where|maximum|leaky", *HIDDEN)
class LeakyRelu(Net):
    def relu(self, a: Array) -> Array:
        return np.where(a > 0, a, 0.01 * a)

    def relu_slope(self, a: Array, h: Array) -> Array:
        return np.where(a > 0, 1.0, 0.01)


@known("forward", "ReLU takes the absolute value here; it is max(0, a).", r"abs", *HIDDEN)
class AbsoluteRelu(Net):
    def relu(self, a: Array) -> Array:
        return np.abs(a)

    def relu_slope(self, a: Array, h: Array) -> Array:
        return np.asarray(np.sign(a))


@known("forward", "ReLU keeps the negative part here; it is max(0, a), not min(0, a).", r"minimum|<\s*0", *HIDDEN)
class NegativeRelu(Net):
    def relu(self, a: Array) -> Array:
        return np.asarray(np.minimum(0, a))

    def relu_slope(self, a: Array, h: Array) -> Array:
        return (a < 0).astype(float)


class Softplus(Net):
    """ln(1 + e^a) under the name of ReLU, as older handouts published it. A reading, or a mistake: by policy."""

    def relu(self, a: Array) -> Array:
        return np.asarray(np.logaddexp(0, a))

    def relu_slope(self, a: Array, h: Array) -> Array:
        with np.errstate(over="ignore"):
            return np.asarray(1 / (1 + np.exp(-a)))


class HardRelu(Net):
    """max(0, a), where a course asks for softplus."""

    def relu(self, a: Array) -> Array:
        return np.maximum(0, a)

    def relu_slope(self, a: Array, h: Array) -> Array:
        return (a > 0).astype(float)


# ── backward ─────────────────────────────────────────────────────────────────────────────────────────


def scaled(*names: str, by: Callable[[Array, Params], float]) -> type:
    """The data gradients of these parameters, multiplied."""

    class Scaled(Net):
        def data_gradients(self, X: Array, y: Array) -> Params:
            grads = super().data_gradients(X, y)
            return {n: g * by(y, self.params) if n in names else g for n, g in grads.items()}

    return Scaled


def register(topic: str, id: str, sentence: str, change: type, *line: str, carries: bool = True) -> None:
    KNOWN.append(Known(id, topic, sentence, line, carries, change))


ALL = ("W1", "b1", "W2", "b2")

register(
    "backward",
    "gradients_summed",
    "The gradients are summed over the batch; divide the gradient of the scores by N.",
    scaled(*ALL, by=lambda y, _: len(y)),
    *grad_line("W2"),
)
register(
    "backward",
    "gradients_divided_twice",
    "The gradients are divided by N twice; divide once.",
    scaled(*ALL, by=lambda y, _: 1 / len(y)),
    r"/\s*(N|num_\w+|X\.shape\[0\]|len\()",
)
register(
    "backward",
    "gradients_negated",
    "The data gradients have the wrong sign: the gradient of the scores is probabilities minus one-hot labels.",
    scaled(*ALL, by=lambda *_: -1),
    *grad_line("W2"),
)
for _name in ALL:
    register(
        "backward",
        f"d{_name}_summed".lower(),
        f"The data term of the gradient of {_name} is summed over the batch; divide it by N.",
        scaled(_name, by=lambda y, _: len(y)),
        *grad_line(_name),
    )
    register(
        "backward",
        f"d{_name}_divided_twice".lower(),
        f"The data term of the gradient of {_name} is divided by N twice; divide once.",
        scaled(_name, by=lambda y, _: 1 / len(y)),
        *grad_line(_name),
    )
    register(
        "backward",
        f"d{_name}_negated".lower(),
        f"The data term of the gradient of {_name} has the wrong sign.",
        scaled(_name, by=lambda *_: -1),
        *grad_line(_name),
    )
register(
    "backward",
    "gradients_of_layer_one_summed",
    "The gradients of W1 and b1 are summed over the batch; divide them by N.",
    scaled("W1", "b1", by=lambda y, _: len(y)),
    *grad_line("W1"),
)
register(
    "backward",
    "gradients_divided_by_classes",
    "The gradients are divided by the number of classes; divide by the number of examples N.",
    scaled(*ALL, by=lambda y, p: len(y) / p["W2"].shape[1]),
    *grad_line("W2"),
)


def penalised(sentence: str, id: str, *line: str, **factors: float) -> None:
    """penalty gradients of the named parameters become factor * reg * parameter."""

    class Penalised(Net):
        def penalty_gradients(self, reg: float) -> Params:
            grads = super().penalty_gradients(reg)
            return {n: factors[n] * reg * self.params[n] if n in factors else g for n, g in grads.items()}

    register("backward", id, sentence, Penalised, *line)


penalised(
    "The gradients of W1 and W2 lack the regularisation: add reg * W1 and reg * W2.",
    "reg_gradient_missing",
    *grad_line("W1"),
    W1=0,
    W2=0,
)
penalised(
    "The gradient of W1 lacks the regularisation: add reg * W1.", "reg_gradient_missing_w1", *grad_line("W1"), W1=0
)
penalised(
    "The gradient of W2 lacks the regularisation: add reg * W2.", "reg_gradient_missing_w2", *grad_line("W2"), W2=0
)
penalised(
    "The regularisation is twice too large in the gradients: the derivative of 0.5 * reg * W² is reg * W.",
    "reg_gradient_doubled",
    *grad_line("W1"),
    W1=2,
    W2=2,
)
penalised(
    "The regularisation is twice too large in the gradient of W1: it is reg * W1.",
    "reg_gradient_doubled_w1",
    *grad_line("W1"),
    W1=2,
)
penalised(
    "The regularisation is twice too large in the gradient of W2: it is reg * W2.",
    "reg_gradient_doubled_w2",
    *grad_line("W2"),
    W2=2,
)
penalised(
    "The regularisation is half too small in the gradients: the derivative of 0.5 * reg * W² is reg * W.",
    "reg_gradient_halved",
    *grad_line("W1"),
    W1=0.5,
    W2=0.5,
)
penalised(
    "The regularisation has the wrong sign in the gradients: add reg * W.",
    "reg_gradient_negated",
    *grad_line("W1"),
    W1=-1,
    W2=-1,
)
penalised(
    "The biases are regularised in the gradients; only W1 and W2 are.",
    "reg_gradient_on_biases",
    *grad_line("b1"),
    b1=1,
    b2=1,
)
penalised(
    "The bias b1 is regularised in its gradient; only W1 and W2 are.", "reg_gradient_on_b1", *grad_line("b1"), b1=1
)
penalised(
    "The bias b2 is regularised in its gradient; only W1 and W2 are.", "reg_gradient_on_b2", *grad_line("b2"), b2=1
)


@known("backward", "The regularisation in the gradients ignores reg: add reg * W, not W.", *grad_line("W1"))
class RegGradientIgnoresReg(Net):
    def penalty_gradients(self, reg: float) -> Params:
        return super().penalty_gradients(1.0)


@known("backward", "The regularisation in the gradients is divided by N; only the data term is.", *grad_line("W1"))
class RegGradientDividedByN(Net):
    def gradients(self, X: Array, y: Array, reg: float) -> Params:
        penalty = self.penalty_gradients(reg / len(y))
        return {name: g + penalty[name] for name, g in self.data_gradients(X, y).items()}


@known(
    "backward",
    "The regularisation in the gradients uses the sign of W: the derivative of 0.5 * reg * W² is reg * W.",
    *grad_line("W1"),
)
class RegGradientSign(Net):
    def penalty_gradients(self, reg: float) -> Params:
        return {n: reg * np.sign(self.params[n]) if n[0] == "W" else 0 * self.params[n] for n in self.params}


@known(
    "backward",
    "The softmax gradient forgets to subtract 1 at the right class.",
    r"-=\s*1|probs|softmax",
    *grad_line("W2"),
)
class OneHotForgotten(Net):
    def score_gradient(self, scores: Array, y: Array) -> Array:
        return np.exp(self.log_probabilities(scores)) / len(y)


@known(
    "backward",
    "The sigmoid's derivative is taken at a instead of h: with h = σ(a) it is h * (1 - h), not a * (1 - a).",
    r"\*\s*\(\s*1\.?0?\s*-",
    *grad_line("W1"),
)
class SlopeAtPreactivation(Net):
    def slope(self, a: Array, h: Array) -> Array:
        return self.relu_slope(a, h) if self.activation == "relu" else a * (1 - a)


@known(
    "backward",
    "The sigmoid is applied twice in its derivative: h is σ(a) already, so it is h * (1 - h).",
    r"sigmoid\(",
    *grad_line("W1"),
)
class SlopeOfSigmoidTwice(Net):
    def slope(self, a: Array, h: Array) -> Array:
        s = 1 / (1 + np.exp(-h))
        return self.relu_slope(a, h) if self.activation == "relu" else s * (1 - s)


@known("backward", "The sigmoid's derivative is missing its (1 - h): it is h * (1 - h).", *grad_line("W1"))
class SlopeWithoutComplement(Net):
    def slope(self, a: Array, h: Array) -> Array:
        return self.relu_slope(a, h) if self.activation == "relu" else h


@known("backward", "The sigmoid's derivative is missing its h: it is h * (1 - h).", *grad_line("W1"))
class SlopeWithoutH(Net):
    def slope(self, a: Array, h: Array) -> Array:
        return self.relu_slope(a, h) if self.activation == "relu" else 1 - h


@known("backward", "The sigmoid's derivative has a plus: it is h * (1 - h).", *grad_line("W1"))
class SlopeWithPlus(Net):
    def slope(self, a: Array, h: Array) -> Array:
        return self.relu_slope(a, h) if self.activation == "relu" else h * (1 + h)


@known("backward", "The derivative of tanh is used: the sigmoid's is h * (1 - h).", *grad_line("W1"))
class SlopeOfTanh(Net):
    def slope(self, a: Array, h: Array) -> Array:
        return self.relu_slope(a, h) if self.activation == "relu" else 1 - h * h


@known("backward", "The activation's derivative is missing from the backward pass.", *grad_line("W1"))
class SlopeMissing(Net):
    def slope(self, a: Array, h: Array) -> Array:
        return np.ones_like(a)


@known(
    "backward", "The sigmoid's derivative is missing from the backward pass: multiply by h * (1 - h).", *grad_line("W1")
)
class SigmoidSlopeMissing(Net):
    def slope(self, a: Array, h: Array) -> Array:
        return self.relu_slope(a, h) if self.activation == "relu" else np.ones_like(a)


@known(
    "backward",
    "ReLU's gradient goes through everywhere: set it to zero where a <= 0.",
    r"relu|maximum",
    *grad_line("W1"),
)
class ReluSlopeMissing(Net):
    def relu_slope(self, a: Array, h: Array) -> Array:
        return np.ones_like(a)


@known("backward", "ReLU's mask is upside down: the gradient goes through where a > 0.", r"<=?\s*0", *grad_line("W1"))
class ReluMaskUpsideDown(Net):
    def relu_slope(self, a: Array, h: Array) -> Array:
        return (a < 0).astype(float)


@known(
    "backward",
    "ReLU's mask is taken from the gradient itself: it must come from the pre-activation a (or from h).",
    r"[<>]=?\s*0",
    *grad_line("W1"),
)
class ReluMaskOnGradient(Net):
    def hidden_gradient(self, g2: Array, a: Array, h: Array) -> Array:
        if self.activation != "relu":
            return super().hidden_gradient(g2, a, h)
        back = g2 @ self.params["W2"].T
        return back * (back > 0)


@known("backward", "ReLU's derivative is h itself here; it is 1 where a > 0 and 0 elsewhere.", *grad_line("W1"))
class ReluSlopeIsH(Net):
    def relu_slope(self, a: Array, h: Array) -> Array:
        return h


@known(
    "backward",
    "A ReLU net's gradient uses the sigmoid's derivative h * (1 - h); ReLU's is 1 where a > 0.",
    r"1\.?0?\s*-",
    *grad_line("W1"),
)
class ReluSlopeOfSigmoid(Net):
    def relu_slope(self, a: Array, h: Array) -> Array:
        return np.asarray(h * (1 - h))


@known(
    "backward",
    "The activation is softplus but its gradient is ReLU's mask; softplus's derivative is σ(a).",
    r"[<>]=?\s*0",
    *grad_line("W1"),
)
class SoftplusWithMask(Softplus):
    def relu_slope(self, a: Array, h: Array) -> Array:
        return (a > 0).astype(float)


@known(
    "backward",
    "The activation is max(0, a) but its gradient is softplus's σ(a); ReLU's is 1 where a > 0.",
    *grad_line("W1"),
)
class ReluWithSoftplusSlope(Net):
    def relu_slope(self, a: Array, h: Array) -> Array:
        with np.errstate(over="ignore"):
            return np.asarray(1 / (1 + np.exp(-a)))


@known("backward", "Softplus's derivative is taken at h: it is σ(a), not σ(softplus(a)).", *grad_line("W1"))
class SoftplusSlopeAtH(Softplus):
    def relu_slope(self, a: Array, h: Array) -> Array:
        return np.asarray(1 / (1 + np.exp(-h)))


@known(
    "backward",
    "The gradient of W2 uses the pre-activation; it is hᵀ times the gradient of the scores.",
    *grad_line("W2"),
)
class W2FromPreactivation(Net):
    def data_gradients(self, X: Array, y: Array) -> Params:
        a = self.preactivation(X)
        g2 = self.score_gradient(self.scores(X), y)
        return super().data_gradients(X, y) | {"W2": a.T @ g2}


@known(
    "backward",
    "The gradient of b1 lacks the activation's derivative; it is the column sum of the hidden gradient.",
    *grad_line("b1"),
)
class B1WithoutSlope(Net):
    def data_gradients(self, X: Array, y: Array) -> Params:
        g2 = self.score_gradient(self.scores(X), y)
        return super().data_gradients(X, y) | {"b1": (g2 @ self.params["W2"].T).sum(axis=0)}


@known("backward", "The gradients do not change with the parameters or the data: they are constants.", carries=False)
class GradientsZero(Net):
    def gradients(self, X: Array, y: Array, reg: float) -> Params:
        return {n: np.zeros_like(p) for n, p in self.params.items()}


def zero(name: str) -> type:
    class Zero(Net):
        def gradients(self, X: Array, y: Array, reg: float) -> Params:
            return super().gradients(X, y, reg) | {name: np.zeros_like(self.params[name])}

    return Zero


for _name in ALL:
    register(
        "backward",
        f"d{_name}_zero".lower(),
        f"The gradient of {_name} is zero: it has not been computed.",
        zero(_name),
        *grad_line(_name),
        carries=_name[0] == "b",
    )


@known(
    "backward",
    "The labels are off by one in the gradient of the scores; class 0 is column 0.",
    r"-=\s*1",
    *grad_line("W2"),
)
class GradientLabelsOffByOne(Net):
    def score_gradient(self, scores: Array, y: Array) -> Array:
        return super().score_gradient(scores, y - 1)


@known("backward", "The gradient of the scores adds the one-hot labels: subtract them.", r"\+=\s*1", *grad_line("W2"))
class OneHotAdded(Net):
    def score_gradient(self, scores: Array, y: Array) -> Array:
        g = np.exp(self.log_probabilities(scores))
        g[np.arange(len(y)), y] += 1
        return g / len(y)


@known(
    "backward", "The hidden gradient starts from the probabilities: start from the gradient of the scores.", r"W2\.T"
)
class HiddenFromProbabilities(Net):
    def data_gradients(self, X: Array, y: Array) -> Params:
        a = self.preactivation(X)
        h = self.activate(a)
        probabilities = np.exp(self.log_probabilities(self.output(h))) / len(y)
        g1 = self.hidden_gradient(probabilities, a, h)
        return super().data_gradients(X, y) | {"W1": X.T @ g1, "b1": g1.sum(axis=0)}


@known(
    "backward",
    "The regularisation in the gradients is reg * W²: the derivative of 0.5 * reg * W² is reg * W.",
    *grad_line("W1"),
)
class RegGradientSquares(Net):
    def penalty_gradients(self, reg: float) -> Params:
        return {n: reg * self.params[n] ** 2 if n[0] == "W" else 0 * self.params[n] for n in self.params}


@known(
    "backward",
    "A sigmoid net's gradient uses ReLU's mask; the sigmoid's derivative is h * (1 - h).",
    r">\s*0",
    *grad_line("W1"),
)
class SigmoidSlopeOfRelu(Net):
    def slope(self, a: Array, h: Array) -> Array:
        return (a > 0).astype(float)


@known(
    "backward", "ReLU's mask leaves b1 out: the gradient goes through where X W1 + b1 > 0.", r">\s*0", *grad_line("W1")
)
class ReluMaskWithoutB1(Net):
    def relu_slope(self, a: Array, h: Array) -> Array:
        return (a - self.params["b1"] > 0).astype(float)


@known("backward", "ReLU's mask compares with 1: the gradient goes through where a > 0.", r">\s*1", *grad_line("W1"))
class ReluMaskAboveOne(Net):
    def relu_slope(self, a: Array, h: Array) -> Array:
        return (a > 1).astype(float)


@known("backward", "Softplus's derivative is σ(a), not σ(a)(1 - σ(a)).", *grad_line("W1"))
class SoftplusSlopeOfSigmoid(Softplus):
    def relu_slope(self, a: Array, h: Array) -> Array:
        s = super().relu_slope(a, h)
        return np.asarray(s * (1 - s))


@known(
    "backward", "Softplus's derivative has the wrong sign in its exponent: it is 1 / (1 + exp(-a)).", *grad_line("W1")
)
class SoftplusSlopeSign(Softplus):
    def relu_slope(self, a: Array, h: Array) -> Array:
        return super().relu_slope(-a, h)


register(
    "backward",
    "activation_slope_negated",
    "The activation's derivative has the wrong sign: the sigmoid's is h * (1 - h).",
    scaled("W1", "b1", by=lambda *_: -1),
    r"h\w*\s*-\s*1",
    *grad_line("W1"),
)
register(
    "backward",
    "hidden_gradients_divided_twice",
    "The gradients of W1 and b1 are divided by N twice; divide once.",
    scaled("W1", "b1", by=lambda y, _: 1 / len(y)),
    *grad_line("W1"),
)
register(
    "backward",
    "bias_gradients_are_means",
    "The bias gradients are means over the batch: the gradient of the scores is divided by N already, so sum it.",
    scaled("b1", "b2", by=lambda y, _: 1 / len(y)),
    *grad_line("b1"),
)
register(
    "backward",
    "gradients_averaged_over_classes",
    "The gradients are divided by the number of classes too; divide by the number of examples N alone.",
    scaled(*ALL, by=lambda _, p: 1 / p["W2"].shape[1]),
    *grad_line("W2"),
)
register(
    "backward",
    "bias_gradients_zero",
    "The gradients of the biases are zero: sum the gradients of each layer over the batch.",
    scaled("b1", "b2", by=lambda *_: 0),
    *grad_line("b1"),
)


# ── training ─────────────────────────────────────────────────────────────────────────────────────────


@known("training", "The update goes uphill: subtract learning_rate * gradient.", *UPDATE)
class UpdateUphill(Net):
    def update(self, grads: Params, learning_rate: float) -> None:
        super().update(grads, -learning_rate)


@known("training", "The update leaves the learning rate out: subtract learning_rate * gradient.", *UPDATE)
class UpdateWithoutRate(Net):
    def update(self, grads: Params, learning_rate: float) -> None:
        super().update(grads, 1.0)


@known(
    "training", "The learning rate never decays: multiply it by learning_rate_decay after each epoch.", *DECAY, *UPDATE
)
class NoDecay(Net):
    def decayed(self, learning_rate: float, decay: float) -> float:
        return learning_rate


@known("training", "The learning rate decays after every batch: once after each epoch is right.", *DECAY)
class DecayPerBatch(Net):
    def after_batch(self, learning_rate: float, decay: float) -> float:
        return learning_rate * decay

    def decayed(self, learning_rate: float, decay: float) -> float:
        return learning_rate


@known("training", "The learning rate decays before the first epoch already: decay it after each epoch.", *DECAY)
class DecayTooEarly(Net):
    def first_learning_rate(self, learning_rate: float, decay: float) -> float:
        return learning_rate * decay


@known("training", "The learning rate is divided by the decay: multiply it.", *DECAY)
class DecayDivides(Net):
    def decayed(self, learning_rate: float, decay: float) -> float:
        return learning_rate / decay


@known("training", "The learning rate loses the same amount each epoch: multiply it by learning_rate_decay.", *DECAY)
class DecayLinear(Net):
    def first_learning_rate(self, learning_rate: float, decay: float) -> float:
        self.drop = learning_rate * (1 - decay)
        return learning_rate

    def decayed(self, learning_rate: float, decay: float) -> float:
        return learning_rate - self.drop


@known("training", "The decay is fixed at 0.95: multiply by learning_rate_decay.", r"0?\.95", *DECAY)
class DecayFixed(Net):
    def decayed(self, learning_rate: float, decay: float) -> float:
        return learning_rate * 0.95


@known(
    "training",
    "The decay compounds: multiply the current rate by learning_rate_decay, not by its power.",
    r"\*\*",
    *DECAY,
)
class DecayCompounds(Net):
    def first_learning_rate(self, learning_rate: float, decay: float) -> float:
        self.epoch = 0
        return learning_rate

    def decayed(self, learning_rate: float, decay: float) -> float:
        self.epoch += 1
        return learning_rate * float(decay**self.epoch)


@known("training", "The learning rate does not decay after the first epoch: decay it after every epoch.", *DECAY)
class DecayLate(DecayCompounds):
    def decayed(self, learning_rate: float, decay: float) -> float:
        self.epoch += 1
        return learning_rate * decay if self.epoch > 1 else learning_rate


@known("training", "The update adds the regularisation once more: the gradient holds it already.", *UPDATE)
class DecaysWeightsTwice(Net):
    def training_reg(self, reg: float) -> float:
        self.extra = reg
        return reg

    def update(self, grads: Params, learning_rate: float) -> None:
        extra = {n: g + getattr(self, "extra", 0.0) * self.params[n] for n, g in grads.items()}
        super().update(extra, learning_rate)


@known("training", "The update regularises the biases: only W1 and W2 are.", *UPDATE)
class DecaysBiases(DecaysWeightsTwice):
    def update(self, grads: Params, learning_rate: float) -> None:
        reg = getattr(self, "extra", 0.0)
        Net.update(self, grads, learning_rate)
        for name in ("b1", "b2"):
            self.params[name] = self.params[name] - learning_rate * reg * self.params[name]


@known("training", "Training always runs ten epochs: run num_epochs.", r"range\(", r"num_epochs")
class TenEpochs(Net):
    def epochs(self, num_epochs: int) -> int:
        return 10


@known("training", "Training never updates the first layer: update all four parameters.", *UPDATE)
class FirstLayerNotUpdated(Net):
    def update(self, grads: Params, learning_rate: float) -> None:
        super().update({n: 0 * g if n in ("W1", "b1") else g for n, g in grads.items()}, learning_rate)


@known("training", "Training never updates the second layer: update all four parameters.", *UPDATE)
class SecondLayerNotUpdated(Net):
    def update(self, grads: Params, learning_rate: float) -> None:
        super().update({n: 0 * g if n in ("W2", "b2") else g for n, g in grads.items()}, learning_rate)


@known("training", "Training takes its batches from X_val: they come from X and y.", *BATCH)
class TrainsOnValidation(Net):
    def train(self, X: Array, y: Array, X_val: Array, y_val: Array, **recipe: Any) -> dict[str, list[float]]:  # type: ignore[override]
        return super().train(X_val, y_val, X_val, y_val, **recipe)


@known("training", "The learning rate is set to the decay: multiply it by the decay.", *DECAY)
class DecayReplaces(Net):
    def decayed(self, learning_rate: float, decay: float) -> float:
        return decay


@known("training", "The decay is subtracted from the learning rate: multiply by it.", *DECAY)
class DecaySubtracts(Net):
    def decayed(self, learning_rate: float, decay: float) -> float:
        return learning_rate - decay


@known("training", "The learning rate decays as 1 - decay: multiply it by learning_rate_decay.", *DECAY)
class DecayComplement(Net):
    def decayed(self, learning_rate: float, decay: float) -> float:
        return learning_rate * (1 - decay)


def only(*names: str) -> type:
    class Only(Net):
        def update(self, grads: Params, learning_rate: float) -> None:
            super().update({n: g if n in names else np.zeros_like(g) for n, g in grads.items()}, learning_rate)

    return Only


register(
    "training",
    "biases_not_updated",
    "Training never updates the biases: update all four parameters.",
    only("W1", "W2"),
    *UPDATE,
)
register(
    "training",
    "weights_not_updated",
    "Training never updates W1 and W2: update all four parameters.",
    only("b1", "b2"),
    *UPDATE,
)
for _name in ALL:
    register(
        "training",
        f"{_name}_not_updated".lower(),
        f"Training never updates {_name}: update all four parameters.",
        only(*(n for n in ALL if n != _name)),
        *UPDATE,
    )


@known("training", "Training leaves reg out: pass it on to loss.", r"\.loss\(")
class TrainsWithoutReg(Net):
    def training_reg(self, reg: float) -> float:
        return 0.0

    def loss_only(self, X: Array, y: Array, reg: float) -> float:
        return super().loss_only(X, y, reg)


@known(
    "training", "Training changes nothing: the updated parameters must end up in self.params.", *UPDATE, carries=False
)
class NothingUpdated(Net):
    def update(self, grads: Params, learning_rate: float) -> None:
        pass


@known("training", "Training runs one epoch too many.", r"num_epochs")
class OneEpochMore(Net):
    def epochs(self, num_epochs: int) -> int:
        return num_epochs + 1


@known("training", "Training runs one epoch too few.", r"num_epochs")
class OneEpochLess(Net):
    def epochs(self, num_epochs: int) -> int:
        return num_epochs - 1


@known("training", "Training runs a single epoch whatever num_epochs says.", r"num_epochs|epoch")
class SingleEpoch(Net):
    def epochs(self, num_epochs: int) -> int:
        return 1


@known("training", "Only one batch of each epoch is used: go through max(N // batch_size, 1) of them.", *BATCH)
class OneBatchAnEpoch(Net):
    def batches(self, N: int, batch_size: int) -> Iterator[Array]:
        yield next(super().batches(N, batch_size))


@known("training", "batch_size is ignored and every step takes all the data.", *BATCH)
class WholeBatches(Net):
    def batches(self, N: int, batch_size: int) -> Iterator[Array]:
        for _ in super().batches(N, batch_size):
            yield np.arange(N)


@known("training", "batch_size is ignored: an epoch is one step over all the data.", *BATCH)
class OneWholeBatch(Net):
    def batches(self, N: int, batch_size: int) -> Iterator[Array]:
        yield np.arange(N)


@known("training", "An epoch takes single examples: take batch_size of them for each step.", *BATCH)
class BatchesOfOne(Net):
    def batches(self, N: int, batch_size: int) -> Iterator[Array]:
        yield from super().batches(N, 1)


@known("training", "An epoch takes batch_size steps: it takes N // batch_size.", *BATCH)
class BatchSizeSteps(Net):
    def batches(self, N: int, batch_size: int) -> Iterator[Array]:
        for _ in range(batch_size):
            yield np.random.permutation(N)[: max(N // batch_size, 1)]


@known("training", "Every batch is applied twice.", *UPDATE)
class UpdatesTwice(Net):
    def update(self, grads: Params, learning_rate: float) -> None:
        super().update(grads, 2 * learning_rate)


@known("training", "The learning rate is divided by the batch size once more: the gradient is a mean already.", *UPDATE)
class RateDividedByBatch(Net):
    def batches(self, N: int, batch_size: int) -> Iterator[Array]:
        self.batch_length = min(N, batch_size)
        yield from super().batches(N, batch_size)

    def update(self, grads: Params, learning_rate: float) -> None:
        super().update(grads, learning_rate / getattr(self, "batch_length", 1))


class WithMomentum(Net):
    def update(self, grads: Params, learning_rate: float) -> None:
        velocity = self.__dict__.setdefault("velocity", {n: np.zeros_like(p) for n, p in self.params.items()})
        for name in self.params:
            velocity[name] = 0.9 * velocity[name] - learning_rate * grads[name]
            self.params[name] = self.params[name] + velocity[name]


register("training", "momentum", "The update has momentum: plain SGD is asked for.", WithMomentum, *UPDATE)


# ── histories and predict ────────────────────────────────────────────────────────────────────────────


@known(
    "predict",
    "grad_magnitude_history holds the square: take the Frobenius norm of the gradient of W1, np.linalg.norm.",
    r"grad_magnitude_history",
)
class MagnitudeSquared(Net):
    def magnitude(self, grads: Params) -> float:
        return super().magnitude(grads) ** 2


@known(
    "predict", "grad_magnitude_history holds the norm of W2's gradient: W1's is asked for.", r"grad_magnitude_history"
)
class MagnitudeOfW2(Net):
    def magnitude(self, grads: Params) -> float:
        return float(np.linalg.norm(grads["W2"]))


@known(
    "predict",
    "grad_magnitude_history holds the largest entry: take the Frobenius norm of the gradient of W1.",
    r"grad_magnitude_history",
)
class MagnitudeLargest(Net):
    def magnitude(self, grads: Params) -> float:
        return float(np.abs(grads["W1"]).max())


@known(
    "predict",
    "grad_magnitude_history holds the sum of absolute values: take the Frobenius norm of W1's gradient.",
    r"grad_magnitude_history",
)
class MagnitudeAbsolute(Net):
    def magnitude(self, grads: Params) -> float:
        return float(np.abs(grads["W1"]).sum())


@known(
    "predict",
    "grad_magnitude_history holds the mean of absolute values: take the Frobenius norm of W1's gradient.",
    r"grad_magnitude_history",
)
class MagnitudeMean(Net):
    def magnitude(self, grads: Params) -> float:
        return float(np.abs(grads["W1"]).mean())


@known(
    "predict",
    "grad_magnitude_history holds the spectral norm: take the Frobenius norm, np.linalg.norm without ord.",
    r"grad_magnitude_history",
)
class MagnitudeSpectral(Net):
    def magnitude(self, grads: Params) -> float:
        return float(np.linalg.norm(grads["W1"], 2))


@known(
    "predict",
    "grad_magnitude_history holds the norm of all gradients together: W1's alone is asked for.",
    r"grad_magnitude_history",
)
class MagnitudeOfAll(Net):
    def magnitude(self, grads: Params) -> float:
        return float(np.sqrt(sum((g**2).sum() for g in grads.values())))


@known("predict", "loss_history holds the losses after the update: record the batch's loss before it.", r"loss_history")
class LossAfterUpdate(Net):
    def recorded_loss(self, loss: float, X: Array, y: Array, reg: float, histories: dict[str, list[float]]) -> float:
        return self.loss_only(X, y, reg)


@known("predict", "loss_history holds a running sum: record the loss of each batch alone.", r"loss_history")
class LossRunningSum(Net):
    def recorded_loss(self, loss: float, X: Array, y: Array, reg: float, histories: dict[str, list[float]]) -> float:
        return loss + sum(histories["loss_history"][-1:])


@known("predict", "loss_history is divided by N: record the loss as it is, a mean already.", r"loss_history")
class LossRecordedOverN(Net):
    def recorded_loss(self, loss: float, X: Array, y: Array, reg: float, histories: dict[str, list[float]]) -> float:
        return loss / len(y)


@known(
    "predict",
    "The accuracy histories hold numbers of right labels: divide by the number of examples.",
    r"acc\w*\s*=",
    r"acc_history",
)
class AccuracyCounts(Net):
    def accuracy(self, X: Array, y: Array) -> float:
        return super().accuracy(X, y) * len(y)


@known(
    "predict",
    "The accuracy histories hold the share of wrong labels: accuracy is the share of right ones.",
    r"acc\w*\s*=",
    r"acc_history",
)
class AccuracyErrors(Net):
    def accuracy(self, X: Array, y: Array) -> float:
        return 1 - super().accuracy(X, y)


@known("predict", "The accuracy histories are in percent: accuracy is a number from 0 to 1.", r"100", r"acc_history")
class AccuracyPercent(Net):
    def accuracy(self, X: Array, y: Array) -> float:
        return 100 * super().accuracy(X, y)


@known("predict", "train_acc_history and val_acc_history are swapped.", r"acc_history")
class AccuraciesSwapped(Net):
    def accuracies(self, X: Array, y: Array, X_val: Array, y_val: Array) -> tuple[float, float]:
        train, val = super().accuracies(X, y, X_val, y_val)
        return val, train


@known("predict", "val_acc_history holds the accuracy on the training data: measure it on X_val and y_val.", r"val_acc")
class ValidatesOnTrain(Net):
    def accuracies(self, X: Array, y: Array, X_val: Array, y_val: Array) -> tuple[float, float]:
        train, _ = super().accuracies(X, y, X_val, y_val)
        return train, train


@known("predict", "predict takes the largest absolute score: take the largest score.", r"abs", *PREDICT)
class PredictAbsolute(Net):
    def prediction_scores(self, X: Array) -> Array:
        return np.abs(self.scores(X))


@known("predict", "predict applies the activation to the scores: take argmax of the scores as they are.", *PREDICT)
class PredictActivates(Net):
    def prediction_scores(self, X: Array) -> Array:
        return self.activate(self.scores(X))


@known("predict", "predict takes the smallest score: take np.argmax.", *PREDICT)
class PredictArgmin(Net):
    def prediction_scores(self, X: Array) -> Array:
        return -self.scores(X)


@known("predict", "predict leaves b1 out: it must run the same forward pass as loss.", *PREDICT)
class PredictWithoutB1(Net):
    def prediction_scores(self, X: Array) -> Array:
        return self.output(self.activate(X @ self.params["W1"]))


@known("predict", "predict leaves b2 out: it must run the same forward pass as loss.", *PREDICT)
class PredictWithoutB2(Net):
    def prediction_scores(self, X: Array) -> Array:
        return self.activate(self.preactivation(X)) @ self.params["W2"]


@known("predict", "predict leaves both biases out: it must run the same forward pass as loss.", *PREDICT)
class PredictWithoutBiases(Net):
    def prediction_scores(self, X: Array) -> Array:
        return self.activate(X @ self.params["W1"]) @ self.params["W2"]


@known("predict", "predict has no activation: it must run the same forward pass as loss.", *PREDICT)
class PredictWithoutActivation(Net):
    def prediction_scores(self, X: Array) -> Array:
        return self.output(self.preactivation(X))


@known("predict", "predict is ReLU's whatever activation the net was built with: use the one of the net.", *PREDICT)
class PredictAlwaysRelu(Net):
    def prediction_scores(self, X: Array) -> Array:
        return self.output(np.maximum(0, self.preactivation(X)))


@known(
    "predict", "predict is the sigmoid's whatever activation the net was built with: use the one of the net.", *PREDICT
)
class PredictAlwaysSigmoid(Net):
    def prediction_scores(self, X: Array) -> Array:
        with np.errstate(over="ignore"):
            return self.output(1 / (1 + np.exp(-self.preactivation(X))))


@known("predict", "predict clips the scores at zero: take argmax of the scores as they are.", *PREDICT)
class PredictClips(Net):
    def prediction_scores(self, X: Array) -> Array:
        return np.maximum(0, self.scores(X))


@known("predict", "predict is off by one: class 0 is column 0.", *PREDICT)
class PredictOffByOne(Net):
    def predict(self, X: Array) -> Array:
        return super().predict(X) + 1


@known("predict", "predict takes the softmax along the wrong axis: each row (axis=1) is one example.", *PREDICT)
class PredictSoftmaxAlongBatch(Net):
    def prediction_scores(self, X: Array) -> Array:
        return super().log_probabilities(self.scores(X).T).T
