"""Known mistakes, each a method of the reference done otherwise, and the other accepted meaning of reg."""

import numpy as np

from grader import kit

from .reference import TwoLayerNet as Net


@kit.interpretation("the regularisation is 1/2 * reg * (sum of squares), in loss and gradients alike", of="strength")
def half(_net, reg):
    return reg / 2


def w2_from_preactivation(net, X, g):
    return Net.backward(net, X, g) | {"W2": net.preactivation(X).T @ g}


def of_biases(net, name, reg):
    return 2 * net.strength(reg) * net.params[name]


def without_biases(net, gradients, rate):
    Net.update(net, {name: g if name in ("W1", "W2") else 0 for name, g in gradients.items()}, rate)


def without_reg(net, *data, reg=0.0, **recipe):
    return Net.train(net, *data, reg=0.0, **recipe)


def one_iteration_less(net, *data, num_iters=100, **recipe):
    return Net.train(net, *data, num_iters=num_iters - 1, **recipe)


for topic, id, of, sentence, change in (
    ("forward", "relu_missing", "activate", "The hidden layer has no ReLU: h = max(0, X W1 + b1).", lambda net, a: a),
    ("forward", "b1_missing", "preactivation", "b1 is not added in the forward pass.",
     lambda net, X: X @ net.params["W1"]),
    ("forward", "b2_missing", "output", "b2 is not added in the forward pass.", lambda net, h: h @ net.params["W2"]),
    ("forward", "relu_on_scores", "scores", "The scores have no ReLU: they may be negative.",
     lambda net, X: np.maximum(Net.scores(net, X), 0)),
    ("loss", "softmax_over_inputs", "log_probabilities", "The softmax goes over an input's classes, not over inputs.",
     lambda net, scores: Net.log_probabilities(net, scores.T).T),
    ("loss", "loss_not_averaged", "data_loss", "The loss is a sum over the inputs: divide it by N.",
     lambda net, scores, y: Net.data_loss(net, scores, y) * len(y)),
    ("loss", "loss_sign", "data_loss", "The loss has the wrong sign: it is -log of the probability.",
     lambda net, scores, y: -Net.data_loss(net, scores, y)),
    ("loss", "reg_not_in_loss", "penalty", "The loss lacks the regularisation.", lambda net, reg: 0.0),
    ("loss", "reg_of_W1_only", "penalty", "W2 is not regularised in the loss.",
     lambda net, reg: net.strength(reg) * np.sum(net.params["W1"] ** 2)),
    ("loss", "reg_of_biases_in_loss", "penalty", "The biases are not regularised, and the loss does so.",
     lambda net, reg: net.strength(reg) * sum(np.sum(p**2) for p in net.params.values())),
    ("backward", "gradient_not_averaged", "by_scores", "The gradient is a sum over the inputs: divide it by N.",
     lambda net, logs, y: Net.by_scores(net, logs, y) * len(y)),
    ("backward", "gradient_averaged_twice", "by_scores", "The gradient is divided by N twice.",
     lambda net, logs, y: Net.by_scores(net, logs, y) / len(y)),
    ("backward", "gradient_sign", "by_scores", "The gradient of the scores has the wrong sign.",
     lambda net, logs, y: -Net.by_scores(net, logs, y)),
    ("backward", "label_not_subtracted", "by_scores", "Subtract 1 from the probability of each input's own class.",
     lambda net, logs, y: np.exp(logs) / len(y)),
    ("backward", "mask_missing", "slope", "The gradient must be zero where the ReLU is.", lambda net, a: 1.0),
    ("backward", "mask_inverted", "slope", "The gradient is zero where a < 0, not where a > 0.", lambda net, a: a < 0),
    ("backward", "W2_from_preactivation", "backward", "W2's gradient takes the hidden layer after the ReLU.",
     w2_from_preactivation),
    ("backward", "reg_not_in_gradients", "penalty_gradient", "The gradients lack the regularisation's, 2 * reg * W.",
     lambda net, name, reg: 0.0),
    ("backward", "reg_gradient_halved", "penalty_gradient", "The gradients have half the regularisation of the loss.",
     lambda net, name, reg: Net.penalty_gradient(net, name, reg) / 2),
    ("backward", "reg_gradient_doubled", "penalty_gradient", "The gradients have twice the regularisation of the loss.",
     lambda net, name, reg: Net.penalty_gradient(net, name, reg) * 2),
    ("backward", "reg_gradient_of_biases", "penalty_gradient", "The biases are not regularised.", of_biases),
    ("training", "ascent", "update", "Move the parameters against the gradient: subtract it.",
     lambda net, gradients, rate: Net.update(net, gradients, -rate)),
    ("training", "rate_missing", "update", "The update lacks the learning rate.",
     lambda net, gradients, rate: Net.update(net, gradients, 1.0)),
    ("training", "biases_not_updated", "update", "The biases must be updated too.", without_biases),
    ("training", "reg_not_passed_on", "train", "train must pass reg on to loss.", without_reg),
    ("training", "one_iteration_less", "train", "Training makes one iteration too few: num_iters are asked for.",
     one_iteration_less),
    ("training", "no_decay", "decayed", "The learning rate must decay each epoch.", lambda net, rate, decay: rate),
    ("histories", "accuracies_are_counts", "measure", "An accuracy is a share: divide the count by N.",
     lambda net, X, y: float(np.sum(net.predict(X) == y))),
    ("predict", "predict_without_relu", "predict", "predict lacks the ReLU.",
     lambda net, X: net.output(net.preactivation(X)).argmax(axis=1)),
    ("predict", "predict_maximum", "predict", "Return the class of the largest score, not the score: argmax.",
     lambda net, X: net.scores(X).max(axis=1)),
):  # fmt: skip
    kit.mistake(sentence, topic=topic, of=of, id=id)(change)
