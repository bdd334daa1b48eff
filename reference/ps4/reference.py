"""The reference solution, and the only place where the truth is computed.

It is cut into more methods than a solution needs, so that a known mistake is one method done differently
(`mistakes.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Params = dict[str, Array]


class TwoLayerMLP:
    """X (N, D) → W1 (D, H), b1 (H,) → activation → W2 (H, C), b2 (C,) → softmax cross-entropy."""

    random: Any = np.random
    """What batches are drawn with; it has numpy's `permutation`, `choice` and `integers`."""

    def __init__(
        self, input_size: int, hidden_size: int, output_size: int, std: float = 1e-1, activation: str = "sigmoid"
    ) -> None:
        self.activation = activation
        self.params: Params = {
            "W1": std * np.random.randn(input_size, hidden_size),
            "b1": np.zeros(hidden_size),
            "W2": std * np.random.randn(hidden_size, output_size),
            "b2": np.zeros(output_size),
        }

    # ── forward ──────────────────────────────────────────────────────────────────────────────────────

    def inputs(self, X: Array) -> Array:
        """What the first layer is given."""
        return X

    def preactivation(self, X: Array) -> Array:
        return X @ self.params["W1"] + self.params["b1"]

    def activate(self, a: Array) -> Array:
        if self.activation == "relu":
            return self.relu(a)
        with np.errstate(over="ignore"):  # exp(-a) may be inf; 1 / (1 + inf) is the right 0
            return np.asarray(1 / (1 + np.exp(-a)))

    def relu(self, a: Array) -> Array:
        return np.maximum(0, a)

    def hidden(self, a: Array) -> Array:
        return self.activate(a)

    def output(self, h: Array) -> Array:
        return h @ self.params["W2"] + self.params["b2"]

    def scores(self, X: Array) -> Array:
        return self.output(self.hidden(self.preactivation(self.inputs(X))))

    # ── loss ─────────────────────────────────────────────────────────────────────────────────────────

    def log_probabilities(self, scores: Array) -> Array:
        shifted = scores - scores.max(axis=1, keepdims=True)
        return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))

    def data_loss(self, scores: Array, y: Array) -> float:
        return float(-self.log_probabilities(scores)[np.arange(len(y)), y].mean())

    def penalty(self, reg: float, N: int) -> float:
        return 0.5 * reg * float((self.params["W1"] ** 2).sum() + (self.params["W2"] ** 2).sum())

    def loss_only(self, X: Array, y: Array, reg: float) -> float:
        return self.data_loss(self.scores(X), y) + self.penalty(reg, len(y))

    def loss(self, X: Array, y: Array | None = None, reg: float = 0.0) -> Any:
        """scores (N, C) without y; else (loss, gradients by parameter name)."""
        if y is None:
            return self.scores(X)
        return self.loss_only(X, y, reg), self.gradients(X, y, reg)

    # ── backward ─────────────────────────────────────────────────────────────────────────────────────

    def score_gradient(self, scores: Array, y: Array) -> Array:
        g = np.exp(self.log_probabilities(scores))
        g[np.arange(len(y)), y] -= 1
        return g / len(y)

    def slope(self, a: Array, h: Array) -> Array:
        """f'(a), where h = f(a)."""
        return self.relu_slope(a, h) if self.activation == "relu" else h * (1 - h)

    def relu_slope(self, a: Array, h: Array) -> Array:
        return (a > 0).astype(float)

    def data_gradients(self, X: Array, y: Array) -> Params:
        X = self.inputs(X)
        a = self.preactivation(X)
        h = self.hidden(a)
        g2 = self.score_gradient(self.output(h), y)
        return self.parameter_gradients(X, a, h, self.hidden_gradient(g2, a, h), g2)

    def parameter_gradients(self, X: Array, a: Array, h: Array, g1: Array, g2: Array) -> Params:
        """From the gradients with respect to a (g1) and to the scores (g2)."""
        return {"W1": X.T @ g1, "b1": g1.sum(axis=0), "W2": h.T @ g2, "b2": g2.sum(axis=0)}

    def hidden_gradient(self, g2: Array, a: Array, h: Array) -> Array:
        return (g2 @ self.params["W2"].T) * self.slope(a, h)

    def penalty_gradients(self, reg: float, N: int) -> Params:
        return {
            "W1": reg * self.params["W1"],
            "b1": np.zeros_like(self.params["b1"]),
            "W2": reg * self.params["W2"],
            "b2": np.zeros_like(self.params["b2"]),
        }

    def gradients(self, X: Array, y: Array, reg: float) -> Params:
        penalty = self.penalty_gradients(reg, len(y))
        return {name: g + penalty[name] for name, g in self.data_gradients(X, y).items()}

    # ── training ─────────────────────────────────────────────────────────────────────────────────────

    def batches(self, N: int, batch_size: int) -> Iterator[Array]:
        order = self.random.permutation(N)
        for i in range(max(N // batch_size, 1)):
            yield order[i * batch_size : (i + 1) * batch_size]

    def update(self, grads: Params, learning_rate: float) -> None:
        for name in self.params:
            self.params[name] = self.params[name] - learning_rate * grads[name]

    def decayed(self, learning_rate: float, decay: float, epoch: int) -> float:
        """After an epoch; the first is 0."""
        return learning_rate * decay

    def after_batch(self, learning_rate: float, decay: float) -> float:
        return learning_rate

    def first_learning_rate(self, learning_rate: float, decay: float) -> float:
        return learning_rate

    def magnitude(self, grads: Params) -> float:
        return float(np.linalg.norm(grads["W1"]))

    def epochs(self, num_epochs: int) -> int:
        return num_epochs

    def train(
        self,
        X: Array,
        y: Array,
        X_val: Array,
        y_val: Array,
        learning_rate: float = 1e-3,
        learning_rate_decay: float = 0.95,
        reg: float = 1e-5,
        num_epochs: int = 10,
        batch_size: int = 100,
        verbose: bool = False,
    ) -> dict[str, list[float]]:
        """Minibatch SGD; histories of loss and gradient per iteration, of accuracies per epoch."""
        histories: dict[str, list[float]] = {
            name: [] for name in ("loss_history", "grad_magnitude_history", "train_acc_history", "val_acc_history")
        }
        learning_rate = self.first_learning_rate(learning_rate, learning_rate_decay)
        for epoch in range(self.epochs(num_epochs)):
            before = dict(self.params)
            for batch in self.batches(len(X), batch_size):
                loss = self.batch_loss(X[batch], y[batch], reg)
                grads = self.gradients(X[batch], y[batch], self.training_reg(reg))
                self.update(grads, learning_rate)
                learning_rate = self.after_batch(learning_rate, learning_rate_decay)
                histories["loss_history"].append(self.recorded_loss(loss, X[batch], y[batch], reg, histories))
                histories["grad_magnitude_history"].append(self.magnitude(grads))
            train, val = self.measured_in_epoch(before, X, y, X_val, y_val)
            learning_rate = self.decayed(learning_rate, learning_rate_decay, epoch)
            histories["train_acc_history"].append(train)
            histories["val_acc_history"].append(val)
        return histories

    def batch_loss(self, X: Array, y: Array, reg: float) -> float:
        """For the history."""
        return self.loss_only(X, y, reg)

    def recorded_loss(self, loss: float, X: Array, y: Array, reg: float, histories: dict[str, list[float]]) -> float:
        """The loss of the batch before its update; asked after it."""
        return loss

    def accuracy(self, X: Array, y: Array) -> float:
        return float((self.predict(X) == y).mean())

    def accuracies(self, X: Array, y: Array, X_val: Array, y_val: Array) -> tuple[float, float]:
        """On the training and on the validation data, after an epoch."""
        return self.accuracy(X, y), self.accuracy(X_val, y_val)

    def measured_in_epoch(self, before: Params, X: Array, y: Array, X_val: Array, y_val: Array) -> tuple[float, float]:
        """The accuracies of an epoch that began at the parameters `before`."""
        return self.accuracies(X, y, X_val, y_val)

    def training_reg(self, reg: float) -> float:
        return reg

    def prediction_scores(self, X: Array) -> Array:
        return self.scores(X)

    def predict(self, X: Array) -> Array:
        return np.asarray(self.prediction_scores(X).argmax(axis=1))
