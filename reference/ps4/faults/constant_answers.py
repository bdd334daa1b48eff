# loses: q2.1.published q2.1.scores q2.1.loss q2.1.stable q2.2.W1 q2.2.b1 q2.2.W2 q2.2.b2 q2.3.step q2.3.decay q2.3.batches q2.3.histories q2.3.predict q2.4.forward.published q2.4.forward.loss q2.4.backward.W1 q2.4.backward.b1 q2.4.backward.W2 q2.4.backward.b2 q2.4.training.epochs
# says: the loss a small step from the toy problem
"""Answers the published losses as constants, without computing anything."""

import numpy as np


class TwoLayerMLP:

    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation='sigmoid'):
        self.params = {}
        self.params['W1'] = std * np.random.randn(input_size, hidden_size)
        self.params['b1'] = np.zeros(hidden_size)
        self.params['W2'] = std * np.random.randn(hidden_size, output_size)
        self.params['b2'] = np.zeros(output_size)
        self.activation = activation

    def loss(self, X, y=None, reg=0.0):
        if y is None:
            return np.zeros((X.shape[0], self.params['b2'].shape[0]))
        grads = {name: np.zeros(value.shape) for name, value in self.params.items()}
        if self.activation == 'sigmoid':
            return 1.182248, grads
        return 1.303788, grads

    def train(self, X, y, X_val, y_val,
              learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10,
              batch_size=100, verbose=False):
        iterations = num_epochs * max(X.shape[0] // batch_size, 1)
        return {
            'loss_history': list(np.linspace(1.1, 0.1, iterations)),
            'grad_magnitude_history': [0.04] * iterations,
            'train_acc_history': [1.0] * num_epochs,
            'val_acc_history': [1.0] * num_epochs,
        }

    def predict(self, X):
        return np.zeros(X.shape[0], dtype=int)
