# Different: draws from a np.random.default_rng of its own, and batches with replacement.
import numpy as np

rng = np.random.default_rng(2024)


class TwoLayerMLP:
    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation='sigmoid'):
        self.params = {
            'W1': rng.normal(0.0, std, size=(input_size, hidden_size)),
            'b1': np.zeros(hidden_size),
            'W2': rng.normal(0.0, std, size=(hidden_size, output_size)),
            'b2': np.zeros(output_size),
        }
        self.relu = activation == 'relu'

    def _forward(self, X):
        p = self.params
        z = X @ p['W1'] + p['b1']
        h = z * (z > 0) if self.relu else 1 / (1 + np.exp(-z))
        return z, h, h @ p['W2'] + p['b2']

    def loss(self, X, y=None, reg=0.0):
        z, h, scores = self._forward(X)
        if y is None:
            return scores
        p = self.params
        everyone = np.arange(len(y))
        log_p = scores - np.logaddexp.reduce(scores, axis=1)[:, np.newaxis]
        loss = -log_p[everyone, y].mean() + 0.5 * reg * sum(np.sum(p[w] ** 2) for w in ('W1', 'W2'))

        d2 = np.exp(log_p)
        d2[everyone, y] -= 1
        d2 /= len(y)
        d1 = d2 @ p['W2'].T * (z > 0 if self.relu else h - h ** 2)
        return loss, {'W1': X.T @ d1 + reg * p['W1'], 'b1': d1.sum(0),
                      'W2': h.T @ d2 + reg * p['W2'], 'b2': d2.sum(0)}

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10, batch_size=100, verbose=False):
        n = len(X)
        stats = {'loss_history': [], 'grad_magnitude_history': [],
                 'train_acc_history': [], 'val_acc_history': []}
        for epoch in range(num_epochs):
            for _ in range(max(n // batch_size, 1)):
                if batch_size < n:
                    rows = rng.integers(0, n, size=batch_size)
                else:
                    rows = np.arange(n)
                loss, grads = self.loss(X[rows], y[rows], reg)
                stats['loss_history'].append(loss)
                stats['grad_magnitude_history'].append(np.linalg.norm(grads['W1']))
                for name, grad in grads.items():
                    self.params[name] -= learning_rate * grad
            stats['train_acc_history'].append(np.mean(self.predict(X) == y))
            stats['val_acc_history'].append(np.mean(self.predict(X_val) == y_val))
            learning_rate *= learning_rate_decay
            if verbose:
                print(epoch + 1, {k: v[-1] for k, v in stats.items()})
        return stats

    def predict(self, X):
        return self._forward(X)[-1].argmax(axis=1)
