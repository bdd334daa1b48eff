# Different: predict() goes through a softmax without the max trick, which is right on ordinary inputs.
import numpy as np


class TwoLayerMLP(object):

    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation='sigmoid'):
        self.params = {}
        self.params['W1'] = std * np.random.randn(input_size, hidden_size)
        self.params['b1'] = np.zeros(hidden_size)
        self.params['W2'] = std * np.random.randn(hidden_size, output_size)
        self.params['b2'] = np.zeros(output_size)
        self.activation = activation

    def loss(self, X, y=None, reg=0.0):
        W1, b1 = self.params['W1'], self.params['b1']
        W2, b2 = self.params['W2'], self.params['b2']
        N = X.shape[0]
        z = X @ W1 + b1
        h = 1 / (1 + np.exp(-z)) if self.activation == 'sigmoid' else np.maximum(z, 0)
        scores = h @ W2 + b2
        if y is None:
            return scores

        alpha = np.max(scores, axis=1)
        lse = alpha + np.log(np.sum(np.exp(scores.T - alpha), axis=0))
        loss = np.mean(lse - scores[np.arange(N), y])
        loss += 0.5 * reg * (np.sum(W1 ** 2) + np.sum(W2 ** 2))

        P = np.exp(scores.T - lse).T
        Y = np.eye(scores.shape[1])[y]
        dscores = (P - Y) / N
        dh = dscores @ W2.T
        dz = dh * (h * (1 - h) if self.activation == 'sigmoid' else (z > 0))
        grads = {
            'W1': X.T @ dz + reg * W1,
            'b1': dz.sum(axis=0),
            'W2': h.T @ dscores + reg * W2,
            'b2': dscores.sum(axis=0),
        }
        return loss, grads

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10, batch_size=100, verbose=False):
        N = X.shape[0]
        stats = {'loss_history': [], 'grad_magnitude_history': [],
                 'train_acc_history': [], 'val_acc_history': []}
        for epoch in range(num_epochs):
            order = np.random.permutation(N)
            for i in range(max(N // batch_size, 1)):
                rows = order[i * batch_size:(i + 1) * batch_size]
                loss, grads = self.loss(X[rows], y[rows], reg)
                stats['loss_history'].append(loss)
                stats['grad_magnitude_history'].append(np.linalg.norm(grads['W1']))
                for name in self.params:
                    self.params[name] -= learning_rate * grads[name]
            stats['train_acc_history'].append((self.predict(X) == y).mean())
            stats['val_acc_history'].append((self.predict(X_val) == y_val).mean())
            learning_rate *= learning_rate_decay
        return stats

    def predict(self, X):
        exp_scores = np.exp(self.loss(X))
        probabilities = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
        return np.argmax(probabilities, axis=1)
