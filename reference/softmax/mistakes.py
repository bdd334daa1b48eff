"""Known mistakes, and another meaning of reg, each in the function of the reference that it changes."""

import numpy as np

from grader import kit

from .reference import by_scores, cross_entropy, log_probabilities, penalty, penalty_gradient

LOSS, GRADIENT = ["q2.loss"], ["q2.gradient"]


@kit.interpretation("the regularisation is 1/2 * reg * sum(W**2), in loss and gradient alike", of="strength")
def half(reg):
    return reg / 2


@kit.mistake("The loss is a sum over the inputs: divide it by N.", of="cross_entropy", fails=LOSS)
def loss_not_averaged(logs, y):
    return cross_entropy(logs, y) * len(y)


@kit.mistake("The loss has the wrong sign: it is minus the log of the probability.", of="cross_entropy", fails=LOSS)
def loss_sign(logs, y):
    return -cross_entropy(logs, y)


@kit.mistake("The gradient is a sum over the inputs: divide it by N.", of="by_scores", fails=GRADIENT)
def gradient_not_averaged(logs, y):
    return by_scores(logs, y) * len(y)


@kit.mistake("The gradient is divided by N twice.", of="by_scores", fails=GRADIENT)
def gradient_averaged_twice(logs, y):
    return by_scores(logs, y) / len(y)


@kit.mistake("The gradient has the wrong sign: it must point where the loss grows.", of="by_scores", fails=GRADIENT)
def gradient_sign(logs, y):
    return -by_scores(logs, y)


@kit.mistake("Subtract 1 from the probability of each input's own class.", of="by_scores", fails=GRADIENT)
def label_not_subtracted(logs, y):
    return np.exp(logs) / len(y)


@kit.mistake(
    "The softmax goes over an input's classes, not over the inputs.", of="log_probabilities", fails=LOSS + GRADIENT
)
def softmax_over_inputs(scores):
    return log_probabilities(scores.T).T


for id, sentence, of, change in (
    ("reg_not_in_loss", "The loss lacks reg * sum(W**2).", "penalty", lambda W, reg: 0.0),
    ("reg_halved_in_loss", "The loss has half the regularisation of which the gradient has all.", "penalty",
     lambda W, reg: penalty(W, reg) / 2),
    ("reg_root", "The regularisation is the sum of W's squares, without a root.", "penalty",
     lambda W, reg: reg * np.linalg.norm(W)),
    ("reg_not_in_gradient", "The gradient lacks 2 * reg * W.", "penalty_gradient", lambda W, reg: 0.0),
    ("reg_gradient_halved", "The regularisation's gradient is 2 * reg * W; this is half of it.", "penalty_gradient",
     lambda W, reg: penalty_gradient(W, reg) / 2),
    ("reg_subtracted", "The regularisation's gradient is added, and this subtracts it.", "penalty_gradient",
     lambda W, reg: -penalty_gradient(W, reg)),
):  # fmt: skip
    kit.mistake(sentence, of=of, id=id, fails=["q1.loss"] if of == "penalty" else ["q1.gradient"])(change)
