"""Long trainings, on a linear classifier of 300 points in three clouds."""

from fractions import Fraction

import numpy as np
import pytest

from grader import nets
from tests.unit.nets.linear import LINEAR, TRAINER, TRUTH, Linear, student

RECIPE = {"num_iters": 60, "batch_size": 30, "learning_rate": 0.5, "learning_rate_decay": 0.9}


@pytest.fixture(scope="module")
def long():
    random = np.random.default_rng(0)
    y = np.arange(300) % 3
    X = random.normal(size=(300, 4)) + 4 * np.eye(4)[y]
    data = nets.DataSet(X[:200], y[:200], X[200:250], y[200:250], X[250:], y[250:]).renumbered(np.array([2, 0, 1]))
    params = {"W": 0.1 * random.normal(size=(4, 3)), "b": np.zeros(3)}
    start = LINEAR.make((4, 3), params, data.X_train, data.y_train, 0.001)
    steps = [(0.9, Fraction(1)), (0.5, Fraction(1, 2))]
    return nets.LongTraining("linear", start, data, RECIPE, 20.0, steps, ("q1", "q2"), ("q2.predict",), TRAINER, 0.4)


def judged(model, long):
    """The verdicts on the accuracy and on predict, and the plots."""
    with student(model, long.data.shared()) as asked:
        accuracy, honest = nets.learns(asked, long)
        return accuracy.judge(TRUTH), honest.judge(TRUTH), accuracy.evidence(TRUTH)


def test_a_right_model_learns(long):
    accuracy, honest, evidence = judged(Linear, long)
    assert accuracy.holds
    assert honest.holds
    assert evidence.accuracy >= 0.9
    assert [curve.y_label for curve in evidence.curves] == ["loss", "accuracy", "accuracy"]
    assert sum(map(sum, evidence.matrix.counts)) == 50


def test_one_that_does_not_train_earns_nothing_whatever_it_records(long):
    class Lazy(Linear):
        def train(self, *args, **options):
            return {"loss_history": [0.0], "train_acc_history": [1.0], "val_acc_history": [1.0]}

    accuracy, _, _ = judged(Lazy, long)
    assert not accuracy.credit


def test_labels_that_are_not_those_of_the_parameters_are_noticed(long):
    class Memorised(Linear):
        def predict(self, X):
            return np.zeros(len(X), int)

    accuracy, honest, _ = judged(Memorised, long)
    assert accuracy.holds
    assert not honest.holds


def test_a_predict_that_raises_does_not_keep_train_from_being_judged(long):
    class NoPredict(Linear):
        def predict(self, X):
            raise ValueError("not written")

    accuracy, _, _ = judged(NoPredict, long)
    assert accuracy.holds
