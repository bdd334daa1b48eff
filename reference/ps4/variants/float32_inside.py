# Different: computes in single precision, but keeps its parameters and returns its gradients in double.
"""A fully connected network with one hidden layer, a softmax output and cross-entropy loss."""

import numpy as np


class TwoLayerMLP:
    """input -> affine -> sigmoid or ReLU -> affine -> softmax"""

    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation='sigmoid'):
        self.params = {}
        self.params['W1'] = std * np.random.randn(input_size, hidden_size)
        self.params['b1'] = np.zeros(hidden_size)
        self.params['W2'] = std * np.random.randn(hidden_size, output_size)
        self.params['b2'] = np.zeros(output_size)
        self.activation = activation

    def activate(self, z):
        """The hidden layer's value at pre-activation z."""
        if self.activation == 'sigmoid':
            return 1.0 / (1.0 + np.exp(-np.clip(z, -80, 80)))
        return np.maximum(0, z)

    def slope(self, z, h):
        """The activation's derivative at pre-activation z, where its value is h."""
        if self.activation == 'relu':
            return z > 0
        return h * (1 - h)

    def loss(self, X, y=None, reg=0.0):
        """Scores when y is None, otherwise the regularised loss and its gradients."""
        W1 = self.params['W1']
        b1 = self.params['b1']
        W2 = self.params['W2']
        b2 = self.params['b2']
        N = X.shape[0]
        X, W1, b1, W2, b2 = (array.astype(np.float32) for array in (X, W1, b1, W2, b2))

        # forward pass
        z1 = X @ W1 + b1
        h1 = self.activate(z1)
        scores = h1 @ W2 + b2
        if y is None:
            return scores

        # loss: log-sum-exp, safe because the largest exponent is zero
        shifted = scores - np.max(scores, axis=1, keepdims=True)
        log_probs = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
        probs = np.exp(log_probs)
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
        reg_loss = 0.5 * reg * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
        loss = data_loss + reg_loss

        # backward pass
        dscores = probs.copy()
        dscores[np.arange(N), y] -= 1
        dscores /= N
        dh1 = dscores @ W2.T
        dz1 = dh1 * self.slope(z1, h1)
        grads = {}
        grads['W1'] = X.T @ dz1
        grads['b1'] = np.sum(dz1, axis=0)
        grads['W2'] = h1.T @ dscores
        grads['b2'] = np.sum(dscores, axis=0)
        grads['W1'] += reg * W1
        grads['W2'] += reg * W2
        return float(loss), {name: grad.astype(float) for name, grad in grads.items()}

    def train(self, X, y, X_val, y_val,
              learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10,
              batch_size=100, verbose=False):
        """Minibatch SGD; returns the histories of loss, gradient magnitude and accuracies."""
        num_train = X.shape[0]
        iterations_per_epoch = max(num_train // batch_size, 1)
        loss_history = []
        grad_magnitude_history = []
        train_acc_history = []
        val_acc_history = []

        for epoch in range(num_epochs):
            order = np.random.permutation(num_train)
            for it in range(iterations_per_epoch):
                rows = order[it * batch_size:(it + 1) * batch_size]
                X_batch = X[rows]
                y_batch = y[rows]

                loss, grads = self.loss(X_batch, y_batch, reg=reg)
                loss_history.append(loss)
                grad_magnitude_history.append(np.linalg.norm(grads['W1']))

                for name in ('W1', 'b1', 'W2', 'b2'):
                    self.params[name] -= learning_rate * grads[name]

            train_acc = np.mean(self.predict(X) == y)
            val_acc = np.mean(self.predict(X_val) == y_val)
            train_acc_history.append(train_acc)
            val_acc_history.append(val_acc)
            if verbose:
                print('epoch %d / %d: loss %f, train %.3f, val %.3f'
                      % (epoch + 1, num_epochs, loss, train_acc, val_acc))

            learning_rate *= learning_rate_decay

        return {
            'loss_history': loss_history,
            'grad_magnitude_history': grad_magnitude_history,
            'train_acc_history': train_acc_history,
            'val_acc_history': val_acc_history,
        }

    def predict(self, X):
        """The label with the highest score, for every row of X."""
        scores = self.loss(X)
        return np.argmax(scores, axis=1)
