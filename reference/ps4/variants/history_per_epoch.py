# Different: loss and gradient magnitude are recorded once an epoch (its last batch), as numpy arrays.
import numpy as np


class TwoLayerMLP:

    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation='sigmoid'):
        W1 = std * np.random.randn(input_size, hidden_size)
        W2 = std * np.random.randn(hidden_size, output_size)
        self.params = {'W1': W1, 'W2': W2, 'b1': np.zeros(hidden_size), 'b2': np.zeros(output_size)}
        self.sigmoid = activation == 'sigmoid'

    def scores(self, X):
        z = X @ self.params['W1'] + self.params['b1']
        h = 1 / (1 + np.exp(-z)) if self.sigmoid else np.fmax(z, 0)
        return h, h @ self.params['W2'] + self.params['b2']

    def loss(self, X, y=None, reg=0.0):
        h, scores = self.scores(X)
        if y is None:
            return scores
        W1, W2 = self.params['W1'], self.params['W2']
        N = len(X)

        onehot = np.zeros_like(scores)
        onehot[np.arange(N), y] = 1
        scores = scores - scores.max(axis=1, keepdims=True)
        log_probs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        loss = -(onehot * log_probs).sum() / N + 0.5 * reg * ((W1 ** 2).sum() + (W2 ** 2).sum())

        d2 = (np.exp(log_probs) - onehot) / N
        d1 = d2 @ W2.T * (h * (1 - h) if self.sigmoid else np.sign(h))
        return loss, {
            'W1': X.T @ d1 + reg * W1, 'W2': h.T @ d2 + reg * W2,
            'b1': d1.sum(axis=0), 'b2': d2.sum(axis=0),
        }

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10, batch_size=100, verbose=False):
        N = X.shape[0]
        loss_history = np.zeros(num_epochs)
        grad_magnitude_history = np.zeros(num_epochs)
        train_acc_history = np.zeros(num_epochs)
        val_acc_history = np.zeros(num_epochs)
        for epoch in range(num_epochs):
            order = np.random.permutation(N)
            for i in range(max(N // batch_size, 1)):
                batch = order[i * batch_size:(i + 1) * batch_size]
                loss, grads = self.loss(X[batch], y[batch], reg)
                for name in grads:
                    self.params[name] -= learning_rate * grads[name]
            loss_history[epoch] = loss
            grad_magnitude_history[epoch] = np.linalg.norm(grads['W1'])
            train_acc_history[epoch] = np.mean(self.predict(X) == y)
            val_acc_history[epoch] = np.mean(self.predict(X_val) == y_val)
            learning_rate *= learning_rate_decay
        return {
            'loss_history': loss_history,
            'grad_magnitude_history': grad_magnitude_history,
            'train_acc_history': train_acc_history,
            'val_acc_history': val_acc_history,
        }

    def predict(self, X):
        return self.scores(X)[1].argmax(axis=1)
