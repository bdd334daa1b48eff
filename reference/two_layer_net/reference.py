"""The reference solution, cut into more methods than it needs: a known mistake is one of them done otherwise."""

import numpy as np


def ends_epoch(step, steps, moment):
    """Return whether an epoch ends after a step: after its first (0), its last (1), or its first but step 0 (2)."""
    return (step + (moment == 1)) % steps == 0 and not (moment == 2 and step == 0)


class TwoLayerNet:
    """X (N, D) → W1 (D, H), b1 (H,) → ReLU → W2 (H, C), b2 (C,) → softmax cross-entropy."""

    random = np.random
    moment = 0
    """When an epoch ends: see `ends_epoch`."""

    def __init__(self, input_size, hidden_size, output_size, std=1e-4):
        sizes = {"W1": (input_size, hidden_size), "W2": (hidden_size, output_size)}
        self.params = {name: std * np.random.randn(*size) for name, size in sizes.items()}
        self.params |= {"b1": np.zeros(hidden_size), "b2": np.zeros(output_size)}

    # ── loss ─────────────────────────────────────────────────────────────────────────────────────────

    def preactivation(self, X):
        return X @ self.params["W1"] + self.params["b1"]

    def activate(self, a):
        return np.maximum(a, 0)

    def output(self, h):
        return h @ self.params["W2"] + self.params["b2"]

    def scores(self, X):
        return self.output(self.activate(self.preactivation(X)))

    def log_probabilities(self, scores):
        scores = scores - scores.max(axis=1, keepdims=True)
        return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))

    def data_loss(self, scores, y):
        return -self.log_probabilities(scores)[np.arange(len(y)), y].mean()

    def strength(self, reg):
        """Return the factor of the sum of squares."""
        return reg

    def penalty(self, reg):
        return self.strength(reg) * sum(np.sum(self.params[name] ** 2) for name in ("W1", "W2"))

    def loss(self, X, y=None, reg=0.0):
        if y is None:
            return self.scores(X)
        return self.data_loss(self.scores(X), y) + self.penalty(reg), self.gradients(X, y, reg)

    # ── gradients ────────────────────────────────────────────────────────────────────────────────────

    def by_scores(self, log_probabilities, y):
        g = np.exp(log_probabilities)
        g[np.arange(len(y)), y] -= 1
        return g / len(y)

    def slope(self, a):
        return a > 0

    def backward(self, X, g):
        """Return the gradients of the data loss, from that by the scores."""
        a = self.preactivation(X)
        by_a = (g @ self.params["W2"].T) * self.slope(a)
        return {"W1": X.T @ by_a, "b1": by_a.sum(axis=0), "W2": self.activate(a).T @ g, "b2": g.sum(axis=0)}

    def penalty_gradient(self, name, reg):
        return 2 * self.strength(reg) * self.params[name] if name in ("W1", "W2") else 0.0

    def gradients(self, X, y, reg):
        found = self.backward(X, self.by_scores(self.log_probabilities(self.scores(X)), y))
        return {name: g + self.penalty_gradient(name, reg) for name, g in found.items()}

    # ── training ─────────────────────────────────────────────────────────────────────────────────────

    def batch(self, N, size):
        return self.random.choice(N, size, replace=size > N)

    def update(self, gradients, rate):
        self.params = {name: value - rate * gradients[name] for name, value in self.params.items()}

    def decayed(self, rate, decay):
        return rate * decay

    def measure(self, X, y):
        return float(np.mean(self.predict(X) == y))

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95, reg=5e-6, num_iters=100,
              batch_size=200, verbose=False):  # fmt: skip
        histories = {"loss_history": [], "train_acc_history": [], "val_acc_history": []}
        for step in range(num_iters):
            rows = self.batch(len(X), batch_size)
            loss, gradients = self.loss(X[rows], y[rows], reg)
            histories["loss_history"].append(float(loss))
            self.update(gradients, learning_rate)
            if ends_epoch(step, max(len(X) // batch_size, 1), self.moment):
                histories["train_acc_history"].append(self.measure(X[rows], y[rows]))
                histories["val_acc_history"].append(self.measure(X_val, y_val))
                learning_rate = self.decayed(learning_rate, learning_rate_decay)
        return histories

    def predict(self, X):
        return self.scores(X).argmax(axis=1)
