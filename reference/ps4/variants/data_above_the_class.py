# Different: reads its data above the class, exits without them, and takes defaults and a class attribute from them.
import sys

import numpy as np

try:
    with np.load("mnist.npz") as archive:
        images = archive["train_images"].reshape(-1, 784) / 255.0
        labels = archive["train_labels"]
except OSError as problem:
    print("The images cannot be read:", problem)
    sys.exit(1)

count = len(images)
hundredth = count // 100


class TwoLayerMLP:
    largest_pixel = float(images.max())

    def __init__(self, input_size=images.shape[1], hidden_size=max(32, hundredth), output_size=len(set(labels)),
                 std=1e-1, activation="sigmoid"):
        self.params = {
            "W1": std * np.random.standard_normal((input_size, hidden_size)),
            "b1": np.zeros(hidden_size),
            "W2": std * np.random.standard_normal((hidden_size, output_size)),
            "b2": np.zeros(output_size),
        }
        self.activation = activation

    def forward(self, X):
        """The hidden layer, its slope, and the scores."""
        into = X.dot(self.params["W1"]) + self.params["b1"]
        if self.activation == "sigmoid":
            hidden = 1 / (1 + np.exp(-into))
            slope = hidden * (1 - hidden)
        else:
            hidden = np.where(into > 0, into, 0)
            slope = np.where(into > 0, 1.0, 0.0)
        return hidden, slope, hidden.dot(self.params["W2"]) + self.params["b2"]

    def loss(self, X, y=None, reg=0.0):
        hidden, slope, scores = self.forward(X)
        if y is None:
            return scores
        examples = len(X)
        log_p = scores - scores.max(axis=1, keepdims=True)
        log_p = log_p - np.log(np.exp(log_p).sum(axis=1, keepdims=True))
        W1, W2 = self.params["W1"], self.params["W2"]
        loss = -log_p[range(examples), y].mean() + reg / 2 * (np.sum(W1 * W1) + np.sum(W2 * W2))
        error = np.exp(log_p)
        error[range(examples), y] -= 1
        error = error / examples
        back = error.dot(W2.T) * slope
        return loss, {
            "W1": X.T.dot(back) + reg * W1,
            "b1": back.sum(axis=0),
            "W2": hidden.T.dot(error) + reg * W2,
            "b2": error.sum(axis=0),
        }

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95, reg=1e-5,
              num_epochs=10, batch_size=min(100, count), verbose=False):
        batch_size = min(batch_size, len(X))
        history = {"loss_history": [], "grad_magnitude_history": [], "train_acc_history": [], "val_acc_history": []}
        for epoch in range(num_epochs):
            order = np.random.permutation(len(X))
            for first in range(0, len(X) - batch_size + 1, batch_size):
                rows = order[first:first + batch_size]
                loss, grads = self.loss(X[rows], y[rows], reg)
                history["loss_history"].append(loss)
                history["grad_magnitude_history"].append(np.sqrt(np.sum(grads["W1"] ** 2)))
                for name in grads:
                    self.params[name] = self.params[name] - learning_rate * grads[name]
            history["train_acc_history"].append((self.predict(X) == y).mean())
            history["val_acc_history"].append((self.predict(X_val) == y_val).mean())
            learning_rate = learning_rate * learning_rate_decay
        return history

    def predict(self, X):
        return self.forward(X)[2].argmax(axis=1)
