# Tries: an object whose __array__ answers differently every time it is asked.
# earns at most: 0
import numpy as np

class Chameleon:
    shape, dtype, ndim, size = (5, 3), np.dtype(float), 2, 15

    def __array__(self, dtype=None, copy=None):
        return np.random.randn(5, 3)

    def __float__(self):
        return 1.182248


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.shapes = {"W1": (D, H), "b1": (H,), "W2": (H, C), "b2": (C,)}
        self.params = {name: np.zeros(shape) for name, shape in self.shapes.items()}

    def loss(self, X, y=None, reg=0.0):
        if y is None:
            return Chameleon()
        return Chameleon(), {name: Chameleon() for name in self.shapes}

    def train(self, X, y, X_val, y_val, num_epochs=10, batch_size=100, **options):
        return {name + "_history": Chameleon() for name in ("loss", "grad_magnitude", "train_acc", "val_acc")}

    def predict(self, X):
        return Chameleon()
