# Different: a notebook imports this module and puts the methods into its class.
"""The network's parameters, and its gaps."""

import numpy as np


class TwoLayerMLP:
    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation="sigmoid"):
        self.activation = activation
        self.params = {
            "W1": std * np.random.randn(input_size, hidden_size),
            "b1": np.zeros(hidden_size),
            "W2": std * np.random.randn(hidden_size, output_size),
            "b2": np.zeros(output_size),
        }

    def loss(self, X, y=None, reg=0.0):
        raise NotImplementedError("see the notebook")

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95, reg=1e-5, num_epochs=10,
              batch_size=100, verbose=False):
        raise NotImplementedError("see the notebook")

    def predict(self, X):
        raise NotImplementedError("see the notebook")
