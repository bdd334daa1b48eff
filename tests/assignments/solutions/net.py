import numpy as np


class Net:
    """Two fully connected layers with max(0, a) between them, and a softmax."""

    def __init__(self, inputs, hidden, classes, std=0.1):
        self.params = {
            "W1": std * np.random.randn(inputs, hidden),
            "b1": np.zeros(hidden),
            "W2": std * np.random.randn(hidden, classes),
            "b2": np.zeros(classes),
        }

    def loss(self, X, y=None, reg=0.0):
        """Return the scores (N, C) without y; else the loss and its gradients by parameter."""
        W1, b1, W2, b2 = (self.params[name] for name in ("W1", "b1", "W2", "b2"))
        N = len(X)
        ### BEGIN SOLUTION
        h = np.maximum(0, X @ W1 + b1)
        scores = h @ W2 + b2
        ### END SOLUTION
        if y is None:
            return scores
        ### BEGIN SOLUTION
        shifted = scores - scores.max(axis=1, keepdims=True)
        p = np.exp(shifted)
        p /= p.sum(axis=1, keepdims=True)
        loss = -np.mean(np.log(p[np.arange(N), y])) + reg * (np.sum(W1**2) + np.sum(W2**2))
        p[np.arange(N), y] -= 1
        p /= N
        back = (p @ W2.T) * (h > 0)
        grads = {"W2": h.T @ p + 2 * reg * W2, "b2": p.sum(axis=0)}
        grads["W1"] = X.T @ back + 2 * reg * W1
        grads["b1"] = back.sum(axis=0)
        ### END SOLUTION
        return loss, grads

    def train(self, X, y, X_val, y_val, learning_rate=0.1, decay=0.95, reg=0.001, num_iters=20, batch_size=5):
        """Train by stochastic gradient descent; return the losses, and the accuracies after each epoch."""
        epoch = max(len(X) // batch_size, 1)
        losses, train_accuracies, val_accuracies = [], [], []
        for it in range(num_iters):
            ### BEGIN SOLUTION
            rows = np.random.choice(len(X), batch_size)
            loss, grads = self.loss(X[rows], y[rows], reg=reg)
            losses.append(loss)
            for name in self.params:
                self.params[name] -= learning_rate * grads[name]
            ### END SOLUTION
            if (it + 1) % epoch == 0:
                train_accuracies.append(np.mean(self.predict(X) == y))
                val_accuracies.append(np.mean(self.predict(X_val) == y_val))
                learning_rate *= decay
        return {"loss": losses, "train": train_accuracies, "val": val_accuracies}

    def predict(self, X):
        """Return the label (N,) with the largest score."""
        ### BEGIN SOLUTION
        return np.argmax(self.loss(X), axis=1)
        ### END SOLUTION


if __name__ == "__main__":
    X, y = np.random.randn(12, 4), np.random.randint(0, 3, 12)
    net = Net(4, 7, 3, std=0.5)
    net.loss(X)
    net.loss(X, y, reg=0.1)
    net.train(X, y, X[:8], y[:8], learning_rate=0.2, decay=0.9, reg=0.05, num_iters=10, batch_size=6)
    net.predict(X)
