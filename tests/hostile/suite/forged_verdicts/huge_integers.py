# Tries: integers of twenty thousand digits.
# earns at most: 0
import numpy as np



class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.shapes = {"W1": (D, H), "b1": (H,), "W2": (H, C), "b2": (C,)}
        self.params = {name: np.zeros(shape, dtype=object) + 10 ** 5000 for name, shape in self.shapes.items()}

    def loss(self, X, y=None, reg=0.0):
        if y is None:
            return 10 ** 20_000
        return 10 ** 20_000, {name: 10 ** 100_000 for name in self.shapes}

    def train(self, X, y, X_val, y_val, num_epochs=10, batch_size=100, **options):
        return {name + "_history": [10 ** 5000] * 5 for name in ("loss", "grad_magnitude", "train_acc", "val_acc")}

    def predict(self, X):
        return 10 ** 20_000
