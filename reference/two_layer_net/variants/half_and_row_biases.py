"""½ in the regularisation, biases (1, H), one-hot labels, floor division, decay at the end of an epoch."""
import numpy as np


class TwoLayerNet:
    def __init__(self, input_size, hidden_size, output_size, std=1e-4):
        self.params = dict(
            W1=np.random.normal(0, std, (input_size, hidden_size)), b1=np.zeros((1, hidden_size)),
            W2=np.random.normal(0, std, (hidden_size, output_size)), b2=np.zeros((1, output_size)),
        )

    def _forward(self, X):
        a = X.dot(self.params["W1"]) + self.params["b1"]
        h = a * (a > 0)
        return a, h, h.dot(self.params["W2"]) + self.params["b2"]

    def loss(self, X, y=None, reg=0.0):
        a, h, scores = self._forward(X)
        if y is None:
            return scores
        scores = scores - np.max(scores, axis=1, keepdims=True)
        log_p = scores - np.log(np.sum(np.exp(scores), axis=1, keepdims=True))
        onehot = np.zeros_like(scores)
        onehot[np.arange(len(y)), y] = 1
        loss = -np.sum(onehot * log_p) / len(y)
        loss += 0.5 * reg * (np.linalg.norm(self.params["W1"]) ** 2 + np.linalg.norm(self.params["W2"]) ** 2)
        d = (np.exp(log_p) - onehot) / len(y)
        dh = d.dot(self.params["W2"].T) * (a > 0)
        return loss, {
            "W1": X.T.dot(dh) + reg * self.params["W1"], "b1": dh.sum(axis=0, keepdims=True),
            "W2": h.T.dot(d) + reg * self.params["W2"], "b2": d.sum(axis=0, keepdims=True),
        }

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95, reg=5e-6, num_iters=100,
              batch_size=200, verbose=False):
        per_epoch = max(len(X) // batch_size, 1)
        stats = {"loss_history": [], "train_acc_history": [], "val_acc_history": []}
        order = np.array([], int)
        for it in range(num_iters):
            if len(order) < min(batch_size, len(X)):
                order = np.random.permutation(len(X))
            rows, order = order[:batch_size], order[batch_size:]
            loss, grads = self.loss(X[rows], y[rows], reg)
            stats["loss_history"].append(float(loss))
            for name, grad in grads.items():
                self.params[name] = self.params[name] - learning_rate * grad
            if (it + 1) % per_epoch == 0:
                stats["train_acc_history"].append(np.mean(self.predict(X) == y))
                stats["val_acc_history"].append(np.mean(self.predict(X_val) == y_val))
                learning_rate = learning_rate * learning_rate_decay
        return stats

    def predict(self, X):
        return np.argmax(self._forward(X)[2], 1)
