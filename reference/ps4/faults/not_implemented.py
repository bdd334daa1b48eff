# loses: q2.1.published q2.1.scores q2.1.loss q2.1.stable q2.2.W1 q2.2.b1 q2.2.W2 q2.2.b2 q2.3.step q2.3.decay q2.3.batches q2.3.histories q2.3.predict q2.4.forward.published q2.4.forward.loss q2.4.backward.W1 q2.4.backward.b1 q2.4.backward.W2 q2.4.backward.b2 q2.4.training.epochs
# says: This part still waits to be written
"""The skeleton as it was handed out, with nothing filled in but the constructor."""

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
        raise NotImplementedError('compute the scores, the loss and the gradients')

    def train(self, X, y, X_val, y_val,
              learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10,
              batch_size=100, verbose=False):
        raise NotImplementedError('train with SGD')

    def predict(self, X):
        raise NotImplementedError('predict the labels')
