"""Right answers, under each accepted interpretation of reg, and with known mistakes."""

import numpy as np

from grader import nets
from grader.kit.diagnosis import Interpretation
from grader.kit.mistake import combined, interpretations_of, mistakes_of

from . import mistakes as known
from .reference import TwoLayerNet


class Truth(nets.ModelTruth):
    def train_by(self, model, training, data):
        model.moment = training.moment
        return super().train_by(model, training, data)

    def batch_sizes(self, training):
        _, histories = self.trained(training)
        return [training.batch_size] * len(histories["loss_history"])

    def smooth_rows(self, problem):
        return np.abs(self.make(problem).preactivation(problem.X)).min(axis=1) > 1e-3

    def well_posed_training(self, training):
        """Beside the kit's conditions, the first loss is not so small that float32 rounds it off."""
        return self.loss(training.problem) > 0.1 and super().well_posed_training(training)

    def loss_from(self, problem, scores):
        net = self.make(problem)
        return net.data_loss(scores, problem.y) + net.penalty(problem.reg)

    def probabilities_of(self, scores):
        return np.exp(self.model(1, 1, 1).log_probabilities(scores))

    def gradients_from(self, problem, probabilities):
        net = self.make(problem)
        found = net.backward(problem.X, net.by_scores(np.log(probabilities), problem.y))
        return {name: g + net.penalty_gradient(name, problem.reg) for name, g in found.items()}


def mistakes(_settings):
    return mistakes_of(known)


def interpretations(_settings):
    return (Interpretation("", ""), *interpretations_of(known))


def truths(_settings):
    changes = {change.id: change for change in (*mistakes_of(known), *interpretations_of(known))}

    def truth(meaning, assumed):
        ids = [*sorted(assumed), meaning] if meaning else sorted(assumed)
        return Truth(combined(TwoLayerNet, [changes[id] for id in ids]))

    return truth
