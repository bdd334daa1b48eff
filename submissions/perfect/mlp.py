import matplotlib.pyplot as plt
import numpy as np


def sigmoid(a):
    # exp of something positive can overflow, so only ever take exp(-|a|)
    e = np.exp(-np.abs(a))
    return np.where(a >= 0, 1.0, e) / (1.0 + e)


def log_softmax(scores):
    shifted = scores - scores.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


class TwoLayerMLP:
    """One hidden layer (sigmoid or ReLU), softmax cross-entropy on top."""

    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation="sigmoid"):
        if activation not in ("sigmoid", "relu"):
            raise ValueError(f"unknown activation: {activation}")
        self.activation = activation
        self.params = {}
        self.params["W1"] = std * np.random.randn(input_size, hidden_size)
        self.params["b1"] = np.zeros(hidden_size)
        self.params["W2"] = std * np.random.randn(hidden_size, output_size)
        self.params["b2"] = np.zeros(output_size)

    def _forward(self, X):
        """Hidden activations (N, H) and class scores (N, C)."""
        a1 = X @ self.params["W1"] + self.params["b1"]
        h1 = sigmoid(a1) if self.activation == "sigmoid" else np.maximum(a1, 0)
        return h1, h1 @ self.params["W2"] + self.params["b2"]

    def loss(self, X, y=None, reg=0.0):
        h1, scores = self._forward(X)
        if y is None:
            return scores

        W1, W2 = self.params["W1"], self.params["W2"]
        N = X.shape[0]
        rows = np.arange(N)

        logp = log_softmax(scores)
        loss = -logp[rows, y].mean() + 0.5 * reg * (np.sum(W1**2) + np.sum(W2**2))

        # d(mean cross entropy)/d(scores) = (softmax - onehot) / N; after this the 1/N is everywhere
        g = np.exp(logp)
        g[rows, y] -= 1.0
        g /= N

        grads = {"W2": h1.T @ g + reg * W2, "b2": g.sum(axis=0)}

        g = g @ W2.T
        if self.activation == "sigmoid":
            g *= h1 * (1.0 - h1)
        else:
            g *= h1 > 0
        grads["W1"] = X.T @ g + reg * W1
        grads["b1"] = g.sum(axis=0)
        return loss, grads

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10, batch_size=100, verbose=False):
        N = X.shape[0]
        loss_history, grad_magnitude_history = [], []
        train_acc_history, val_acc_history = [], []

        for epoch in range(num_epochs):
            order = np.random.permutation(N)
            for start in range(0, N, batch_size):
                batch = order[start:start + batch_size]
                loss, grads = self.loss(X[batch], y[batch], reg=reg)
                for name, grad in grads.items():
                    self.params[name] -= learning_rate * grad
                loss_history.append(float(loss))
                grad_magnitude_history.append(float(np.linalg.norm(grads["W1"])))

            train_acc_history.append(float(np.mean(self.predict(X) == y)))
            val_acc_history.append(float(np.mean(self.predict(X_val) == y_val)))
            if verbose:
                print(f"epoch {epoch + 1}/{num_epochs}  loss {loss_history[-1]:.4f}  "
                      f"train {train_acc_history[-1]:.4f}  val {val_acc_history[-1]:.4f}")
            learning_rate *= learning_rate_decay

        return {
            "loss_history": loss_history,
            "grad_magnitude_history": grad_magnitude_history,
            "train_acc_history": train_acc_history,
            "val_acc_history": val_acc_history,
        }

    def predict(self, X):
        return self._forward(X)[1].argmax(axis=1)


if __name__ == "__main__":
    # a quick look at the toy problem, both activations on one picture
    np.random.seed(1)
    X_toy, y_toy = 10 * np.random.randn(5, 4), np.array([0, 1, 2, 2, 1])
    for name, lr, epochs in (("sigmoid", 0.5, 100), ("relu", 0.1, 50)):
        np.random.seed(0)
        stats = TwoLayerMLP(4, 10, 3, std=0.1, activation=name).train(
            X_toy, y_toy, X_toy, y_toy, learning_rate=lr, num_epochs=epochs)
        plt.plot(stats["loss_history"], label=f"{name}: {stats['loss_history'][-1]:.4f}")
    plt.xlabel("iteration")
    plt.ylabel("loss")
    plt.legend()
    plt.show()
