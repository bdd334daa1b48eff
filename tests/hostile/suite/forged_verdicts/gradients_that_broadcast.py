# Tries: gradients of shapes that broadcast against the right ones.
# earns at most: 0
import numpy as np



class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.shapes = {"W1": (D, H), "b1": (H,), "W2": (H, C), "b2": (C,)}
        self.params = {name: np.zeros((1,) * len(shape)) for name, shape in self.shapes.items()}

    def loss(self, X, y=None, reg=0.0):
        if y is None:
            return np.zeros((1, 1))
        return np.zeros((1, 1, 1)), {name: np.zeros((1, 1)) for name in self.shapes}

    def train(self, X, y, X_val, y_val, num_epochs=10, batch_size=100, **options):
        return {name + "_history": np.zeros((1, 1)) for name in ("loss", "grad_magnitude", "train_acc", "val_acc")}

    def predict(self, X):
        return np.zeros((1, 1))
