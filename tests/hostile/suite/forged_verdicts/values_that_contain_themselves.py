# Tries: lists and dicts that contain themselves or lie a thousand deep.
# earns at most: 0
import numpy as np

LOOP = []
LOOP += [LOOP, {"W1": LOOP}]
DEEP = 0.0
for _ in range(1000):
    DEEP = [DEEP]


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.shapes = {"W1": (D, H), "b1": (H,), "W2": (H, C), "b2": (C,)}
        self.params = {name: np.zeros(shape) for name, shape in self.shapes.items()}

    def loss(self, X, y=None, reg=0.0):
        if y is None:
            return LOOP
        return DEEP, {'W1': LOOP, 'b1': DEEP}

    def train(self, X, y, X_val, y_val, num_epochs=10, batch_size=100, **options):
        return {name + "_history": LOOP for name in ("loss", "grad_magnitude", "train_acc", "val_acc")}

    def predict(self, X):
        return LOOP
