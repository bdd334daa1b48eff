# Different: imports matplotlib and scipy, and takes expit, logsumexp and softmax from scipy.special.
import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit, logsumexp, softmax

plt.rcParams['figure.figsize'] = (10.0, 8.0)


class TwoLayerMLP(object):
    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation='sigmoid'):
        self.params = {
            'W1': std * np.random.randn(input_size, hidden_size),
            'b1': np.zeros(hidden_size),
            'W2': std * np.random.randn(hidden_size, output_size),
            'b2': np.zeros(output_size),
        }
        if activation == 'sigmoid':
            self.f = expit
            self.df = lambda z: expit(z) * expit(-z)
        else:
            self.f = lambda z: np.maximum(z, 0)
            self.df = lambda z: np.where(z > 0, 1.0, 0.0)

    def loss(self, X, y=None, reg=0.0):
        W1, b1, W2, b2 = self.params.values()
        z = X @ W1 + b1
        h = self.f(z)
        scores = h @ W2 + b2
        if y is None:
            return scores

        n = np.arange(X.shape[0])
        loss = np.mean(logsumexp(scores, axis=1) - scores[n, y])
        loss += 0.5 * reg * (np.vdot(W1, W1) + np.vdot(W2, W2))

        g2 = softmax(scores, axis=1)
        g2[n, y] -= 1
        g2 /= n.size
        g1 = (g2 @ W2.T) * self.df(z)
        grads = {
            'W1': X.T @ g1 + reg * W1,
            'b1': g1.sum(axis=0),
            'W2': h.T @ g2 + reg * W2,
            'b2': g2.sum(axis=0),
        }
        return loss, grads

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10, batch_size=100, verbose=False):
        n = X.shape[0]
        num_batches = max(n // batch_size, 1)
        losses, magnitudes, train_acc, val_acc = [], [], [], []
        for epoch in range(num_epochs):
            # equal parts of a permutation; a remainder is left out
            kept = np.random.permutation(n)[:num_batches * batch_size]
            for rows in np.array_split(kept, num_batches):
                loss, grads = self.loss(X[rows], y[rows], reg)
                losses.append(loss)
                magnitudes.append(np.linalg.norm(grads['W1']))
                for name in grads:
                    self.params[name] = self.params[name] - learning_rate * grads[name]
            train_acc.append(np.mean(self.predict(X) == y))
            val_acc.append(np.mean(self.predict(X_val) == y_val))
            learning_rate *= learning_rate_decay
        if verbose:
            plt.plot(losses)
            plt.title('loss')
        return {'loss_history': losses, 'grad_magnitude_history': magnitudes,
                'train_acc_history': train_acc, 'val_acc_history': val_acc}

    def predict(self, X):
        return np.argmax(self.loss(X), axis=1)
