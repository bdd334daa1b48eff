"""Right answers, under each accepted interpretation of reg, and with known mistakes."""

from dataclasses import dataclass, replace

import numpy as np

from grader import kit
from grader.kit.mistake import registered

from . import mistakes as known
from .reference import TwoLayerNet, ends_epoch


@dataclass(frozen=True, eq=False)
class Training(kit.Training):
    """The learning rate decays, and accuracies are recorded, at one of three moments of an epoch."""

    moment: int = 0

    def ends_epoch(self, step):
        return ends_epoch(step, self.steps, self.moment)

    def rates(self):
        decays = [self.recipe["learning_rate_decay"] if self.ends_epoch(n) else 1 for n in range(self.iterations)]
        return (self.recipe["learning_rate"] * np.cumprod([1, *decays[:-1]])).tolist()

    def at_each_moment(self):
        return [replace(self, moment=moment) for moment in range(3)]


class Truth(kit.ModelTruth):
    def train_by(self, model, training, data):
        model.moment = training.moment
        return super().train_by(model, training, data)

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


mistakes, readings, truths = registered(Truth, TwoLayerNet, known)
