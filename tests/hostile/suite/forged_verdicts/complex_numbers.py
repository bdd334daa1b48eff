# Tries: complex numbers whose real part would do.
# earns at most: 0
import numpy as np



class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.shapes = {"W1": (D, H), "b1": (H,), "W2": (H, C), "b2": (C,)}
        self.params = {name: np.zeros(shape) for name, shape in self.shapes.items()}

    def loss(self, X, y=None, reg=0.0):
        if y is None:
            return np.zeros((2, 2), complex)
        return 1.182248 + 0j, {name: np.zeros((2, 2), complex) for name in self.shapes}

    def train(self, X, y, X_val, y_val, num_epochs=10, batch_size=100, **options):
        return {name + "_history": np.zeros((2, 2), complex) for name in ("loss", "grad_magnitude", "train_acc", "val_acc")}

    def predict(self, X):
        return np.zeros((2, 2), complex)
