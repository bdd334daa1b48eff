# Different: the remainder of an epoch is trained as one more, smaller batch.
import math

import numpy as np


class TwoLayerMLP:

    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation='sigmoid'):
        self.params = {
            'W1': std * np.random.randn(input_size, hidden_size),
            'b1': np.zeros(hidden_size),
            'W2': std * np.random.randn(hidden_size, output_size),
            'b2': np.zeros(output_size),
        }
        self.activation = activation

    def loss(self, X, y=None, reg=0.0):
        W1, b1 = self.params['W1'], self.params['b1']
        W2, b2 = self.params['W2'], self.params['b2']
        pre = X @ W1 + b1
        if self.activation == 'sigmoid':
            # two formulas, so that the exponent is never positive
            e = np.exp(-np.abs(pre))
            h = np.where(pre >= 0, 1 / (1 + e), e / (1 + e))
            slope = h * (1 - h)
        else:
            h = np.maximum(pre, 0)
            slope = pre > 0
        scores = h @ W2 + b2
        if y is None:
            return scores

        n = X.shape[0]
        # log-sum-exp of the differences to the right class: already the sample's loss
        margins = scores - scores[np.arange(n), y][:, None]
        top = margins.max(axis=1, keepdims=True)
        each = top + np.log(np.exp(margins - top).sum(axis=1, keepdims=True))
        loss = each.mean() + 0.5 * reg * ((W1 ** 2).sum() + (W2 ** 2).sum())

        d = np.exp(margins - each)
        d[np.arange(n), y] -= 1
        d /= n
        inner = (d @ W2.T) * slope
        return loss, {
            'W1': X.T @ inner + reg * W1, 'b1': inner.sum(axis=0),
            'W2': h.T @ d + reg * W2, 'b2': d.sum(axis=0),
        }

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10, batch_size=100, verbose=False):
        n = X.shape[0]
        iterations = math.ceil(n / batch_size)
        loss_history, grad_magnitude_history = [], []
        train_acc_history, val_acc_history = [], []
        for epoch in range(num_epochs):
            order = np.random.permutation(n)
            for it in range(iterations):
                rows = order[it * batch_size:(it + 1) * batch_size]
                loss, grads = self.loss(X[rows], y[rows], reg)
                loss_history.append(loss)
                grad_magnitude_history.append(np.linalg.norm(grads['W1']))
                for name, value in self.params.items():
                    value -= learning_rate * grads[name]
            train_acc_history.append(np.count_nonzero(self.predict(X) == y) / n)
            val_acc_history.append(np.count_nonzero(self.predict(X_val) == y_val) / len(y_val))
            learning_rate *= learning_rate_decay
        return {
            'loss_history': loss_history,
            'grad_magnitude_history': grad_magnitude_history,
            'train_acc_history': train_acc_history,
            'val_acc_history': val_acc_history,
        }

    def predict(self, X):
        return np.argmax(self.loss(X), axis=1)
