"""A linear classifier, its truth, and a student of it in this process: the kit on models of another kind than ps4's."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from grader import kit, nets
from grader.guest.entry_points import EntryPoints
from grader.kit.draws import Each
from grader.kit.testing import STAND_IN, InProcess
from grader.model import Limits, Submission


class Linear:
    """Softmax regression, trained for a number of iterations."""

    random: Any = np.random

    def __init__(self, D, C, std=0.1):
        self.params = {"W": std * np.random.randn(D, C), "b": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        scores = X @ self.params["W"] + self.params["b"]
        if y is None:
            return scores
        shifted = scores - scores.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        g = np.exp(log_p)
        g[np.arange(len(y)), y] -= 1
        g /= len(y)
        loss = -log_p[np.arange(len(y)), y].mean() + reg * (self.params["W"] ** 2).sum()
        return loss, {"W": X.T @ g + 2 * reg * self.params["W"], "b": g.sum(axis=0)}

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95, reg=1e-5, num_iters=100,
              batch_size=200, verbose=False):  # fmt: skip
        histories = {"loss_history": [], "train_acc_history": [], "val_acc_history": []}
        per_epoch = max(len(X) // batch_size, 1)
        for it in range(num_iters):
            rows = self.rows(len(X), batch_size)
            loss, grads = self.loss(X[rows], y[rows], reg)
            for name, gradient in grads.items():
                self.params[name] = self.params[name] - learning_rate * gradient
            histories["loss_history"].append(loss)
            if (it + 1) % per_epoch == 0:
                histories["train_acc_history"].append((self.predict(X) == y).mean())
                histories["val_acc_history"].append((self.predict(X_val) == y_val).mean())
                learning_rate *= learning_rate_decay
        return histories

    def rows(self, N, batch_size):
        return self.random.choice(N, min(batch_size, N))

    def predict(self, X):
        return self.loss(X).argmax(axis=1)


LINEAR = nets.ModelSpec(lambda D, C: {"W": (D, C), "b": (C,)}, {"std": 0.1})
SHAPES = ((5, 3, 6), (3, 4, 11), (8, 5, 7))
TRUTH = nets.ModelTruth(Linear)
TRAINER = nets.Trainer(losses=("q1",), decay="q2.decay", predict="q2.predict")


@contextmanager
def student(model: type, shared: Mapping[str, np.ndarray] | None = None) -> Iterator[kit.Student]:
    made = kit.Student(
        Submission({"linear.py": STAND_IN}, (), repr(model)), InProcess(model), EntryPoints("class", ("Linear",)),
        ["linear.py"], Limits(), shared or {}, {},
    )  # fmt: skip
    try:
        made.begin()
        yield made
    finally:
        made.close()


def drawn(each: Each, seed: int = 0) -> list[Any]:
    return list(each(kit.Draw(np.random.default_rng(seed), False), TRUTH))


def verdict(model: type, each: Each, ask: Any) -> kit.Verdict:
    """Return the worst verdict on what a check claims of a student with this class."""
    with student(model) as asked:
        return kit.all_hold([one.judge(TRUTH) for problem in drawn(each) for one in ask(asked, problem)])


def own_verdict(model: type, each: Each, ask: Any, causes: Sequence[str]) -> kit.Verdict:
    """Return the worst verdict by the student's own answers, on claims that fail."""
    with student(model) as asked:
        found = [one for problem in drawn(each) for one in ask(asked, problem) if not one.judge(TRUTH).holds]
        assert found
        return kit.all_hold([one.own(TRUTH, causes) for one in found if one.own is not None])
