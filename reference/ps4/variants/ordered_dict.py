# Different: OrderedDicts, the loss as a 0-d array, and the further activations tanh, leaky and softplus.
from collections import OrderedDict

import numpy as np

EPSILON = 0.01


def logistic(a):
    return 1.0 / (1.0 + np.exp(-a))


class TwoLayerMLP(object):

    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation='sigmoid'):
        self.params = OrderedDict()
        self.params['W1'] = std * np.random.randn(input_size, hidden_size)
        self.params['b1'] = np.zeros(hidden_size)
        self.params['W2'] = std * np.random.randn(hidden_size, output_size)
        self.params['b2'] = np.zeros(output_size)
        self.activation = activation

    def activate(self, a):
        """The activation and its derivative."""
        if self.activation == 'sigmoid':
            h = logistic(a)
            return h, h * (1 - h)
        elif self.activation == 'relu':
            return np.maximum(a, 0), (a > 0).astype(float)
        elif self.activation == 'tanh':
            h = np.tanh(a)
            return h, 1 - h ** 2
        elif self.activation == 'leaky':
            return np.maximum(a, EPSILON * a), np.where(a > 0, 1.0, EPSILON)
        elif self.activation == 'softplus':
            return np.logaddexp(0, a), logistic(a)
        raise ValueError(self.activation)

    def loss(self, X, y=None, reg=0.0):
        h, slope = self.activate(np.matmul(X, self.params['W1']) + self.params['b1'])
        scores = np.matmul(h, self.params['W2']) + self.params['b2']
        if y is None:
            return scores

        N, C = scores.shape
        m = scores.max(axis=1, keepdims=True)
        log_norm = np.log(np.exp(scores - m).sum(axis=1, keepdims=True)) + m
        # the scores of the right classes, one per sample; np.choose takes up to 32 classes
        chosen = np.choose(y, scores.T)
        squares = sum((w ** 2).sum() for k, w in self.params.items() if w.ndim == 2)
        loss = np.array(np.mean(log_norm[:, 0] - chosen) + 0.5 * reg * squares)

        delta = (np.exp(scores - log_norm) - np.eye(C)[y]) / N
        grads = OrderedDict()
        grads['b2'] = delta.sum(axis=0)
        grads['W2'] = np.matmul(h.T, delta) + reg * self.params['W2']
        delta = np.matmul(delta, self.params['W2'].T) * slope
        grads['b1'] = delta.sum(axis=0)
        grads['W1'] = np.matmul(X.T, delta) + reg * self.params['W1']
        return loss, grads

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10, batch_size=100, verbose=False):
        N = X.shape[0]
        history = OrderedDict((name, []) for name in (
            'loss_history', 'grad_magnitude_history', 'train_acc_history', 'val_acc_history'))
        for epoch in range(num_epochs):
            index = np.random.permutation(N)
            for i in range(max(N // batch_size, 1)):
                batch = index[i * batch_size:(i + 1) * batch_size]
                loss, grads = self.loss(X[batch], y[batch], reg)
                for k, g in grads.items():
                    self.params[k] = self.params[k] - learning_rate * g
                history['loss_history'].append(loss)
                history['grad_magnitude_history'].append(np.linalg.norm(grads['W1']))
            history['train_acc_history'].append(np.mean(self.predict(X) == y))
            history['val_acc_history'].append(np.mean(self.predict(X_val) == y_val))
            learning_rate *= learning_rate_decay
        return history

    def predict(self, X):
        return np.argmax(self.loss(X), axis=1)
