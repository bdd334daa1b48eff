"""Known mistakes, each in the function of the reference that it changes."""

import numpy as np

from grader import kit

from .reference import by_scores, cross_entropy, log_probabilities

LOSS, GRADIENT, BOTH = ["q2.loss"], ["q2.gradient"], ["q2.loss", "q2.gradient"]


@kit.mistake("The loss is a sum over the inputs: divide it by N.", of="cross_entropy", fails=LOSS)
def loss_not_averaged(logs, y):
    return cross_entropy(logs, y) * len(y)


@kit.mistake("The loss has the wrong sign: it is minus the log of the probability.", of="cross_entropy", fails=LOSS)
def loss_sign(logs, y):
    return -cross_entropy(logs, y)


@kit.mistake("The logarithm is missing: the loss is -log(p), not -p or 1 - p.", of="cross_entropy", fails=LOSS)
def log_missing(logs, y):
    return -np.exp(logs)[np.arange(len(y)), y].mean()


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


@kit.mistake("The softmax goes over an input's classes, not over the inputs.", of="log_probabilities", fails=BOTH)
def softmax_over_inputs(scores):
    return log_probabilities(scores.T).T


def with_reg(in_loss, in_gradient):
    """Return softmax_loss_vectorized with other terms of the regularisation."""

    def softmax_loss_vectorized(W, X, y, reg):
        logs = log_probabilities(X.dot(W))
        return cross_entropy(logs, y) + in_loss(W, reg), X.T.dot(by_scores(logs, y)) + in_gradient(W, reg)

    return softmax_loss_vectorized


def right(W, reg):
    return reg * np.sum(W * W)


def right_gradient(W, reg):
    return 2 * reg * W


for name, sentence, fails, in_loss, in_gradient in (
    ("reg_not_in_loss", "The loss lacks the regularisation: add reg * sum(W**2).", LOSS,
     lambda W, reg: 0.0, right_gradient),
    ("reg_halved_in_loss", "The loss has half the regularisation of which the gradient has all.", LOSS,
     lambda W, reg: reg * np.sum(W * W) / 2, right_gradient),
    ("reg_not_squared", "The regularisation is the sum of W's squares, without a root.", LOSS,
     lambda W, reg: reg * np.linalg.norm(W), right_gradient),
    ("reg_not_in_gradient", "The gradient lacks the regularisation's: add 2 * reg * W.", GRADIENT,
     right, lambda W, reg: 0.0),
    ("reg_gradient_halved", "The regularisation's gradient is 2 * reg * W, and this is half of it.", GRADIENT,
     right, lambda W, reg: reg * W),
    ("reg_gradient_subtracted", "The regularisation's gradient is added, and this subtracts it.", GRADIENT,
     right, lambda W, reg: -2 * reg * W),
    ("reg_forgotten", "The regularisation is missing from the loss and from the gradient.", BOTH,
     lambda W, reg: 0.0, lambda W, reg: 0.0),
):  # fmt: skip
    kit.mistake(sentence, of="softmax_loss_vectorized", fails=fails, id=name)(with_reg(in_loss, in_gradient))
