# Tries: an object that takes over every numpy function it is given to.
# earns at most: 0
import numpy as np

class Hijack:
    __array_priority__ = 1e9

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return True

    def __array_function__(self, function, types, args, kwargs):
        return True

    @property
    def __array_interface__(self):
        return {"shape": (1 << 40,), "typestr": "<f8", "data": (1, False), "version": 3}


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.shapes = {"W1": (D, H), "b1": (H,), "W2": (H, C), "b2": (C,)}
        self.params = {name: np.zeros(shape) for name, shape in self.shapes.items()}

    def loss(self, X, y=None, reg=0.0):
        if y is None:
            return Hijack()
        return Hijack(), {name: Hijack() for name in self.shapes}

    def train(self, X, y, X_val, y_val, num_epochs=10, batch_size=100, **options):
        return {name + "_history": Hijack() for name in ("loss", "grad_magnitude", "train_acc", "val_acc")}

    def predict(self, X):
        return Hijack()
