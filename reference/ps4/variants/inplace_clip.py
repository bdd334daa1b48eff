# Different: the sigmoid clips its own input in place, and most arrays are reused in place.
import numpy as np


def sigmoid(x):
    np.clip(x, -500, 500, out=x)
    return 1 / (1 + np.exp(-x))


def relu(x):
    x[x < 0] = 0
    return x


class TwoLayerMLP:
    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation='sigmoid'):
        W1 = np.random.randn(input_size, hidden_size)
        W2 = np.random.randn(hidden_size, output_size)
        W1 *= std
        W2 *= std
        self.params = {'W1': W1, 'b1': np.zeros(hidden_size), 'W2': W2, 'b2': np.zeros(output_size)}
        self.activation = activation

    def loss(self, X, y=None, reg=0.0):
        W1, W2 = self.params['W1'], self.params['W2']
        hidden = X @ W1
        hidden += self.params['b1']
        hidden = sigmoid(hidden) if self.activation == 'sigmoid' else relu(hidden)
        scores = hidden @ W2
        scores += self.params['b2']
        if y is None:
            return scores

        n = y.size
        scores -= scores.max(axis=1, keepdims=True)
        right = scores[np.arange(n), y]
        np.exp(scores, out=scores)
        sums = scores.sum(axis=1, keepdims=True)
        loss = np.log(sums).sum() - right.sum()
        loss /= n
        loss += 0.5 * reg * (W1.ravel() @ W1.ravel() + W2.ravel() @ W2.ravel())

        scores /= sums
        scores[np.arange(n), y] -= 1
        scores /= n
        grads = {'W2': hidden.T @ scores, 'b2': scores.sum(axis=0)}
        grads['W2'] += reg * W2
        back = scores @ W2.T
        if self.activation == 'sigmoid':
            back *= hidden
            hidden *= -1
            hidden += 1
            back *= hidden
        else:
            back[hidden == 0] = 0
        grads['W1'] = X.T @ back
        grads['W1'] += reg * W1
        grads['b1'] = back.sum(axis=0)
        return loss, grads

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10, batch_size=100, verbose=False):
        n = X.shape[0]
        order = np.arange(n)
        history = {'loss_history': [], 'grad_magnitude_history': [],
                   'train_acc_history': [], 'val_acc_history': []}
        for epoch in range(num_epochs):
            np.random.shuffle(order)
            for first in range(0, max(n // batch_size, 1) * batch_size, batch_size):
                rows = order[first:first + batch_size]
                loss, grads = self.loss(X.take(rows, axis=0), y.take(rows), reg)
                history['loss_history'].append(loss)
                history['grad_magnitude_history'].append(np.linalg.norm(grads['W1']))
                for name, grad in grads.items():
                    grad *= learning_rate
                    self.params[name] -= grad
            history['train_acc_history'].append(np.mean(self.predict(X) == y))
            history['val_acc_history'].append(np.mean(self.predict(X_val) == y_val))
            learning_rate *= learning_rate_decay
        return history

    def predict(self, X):
        return self.loss(X).argmax(axis=1)
