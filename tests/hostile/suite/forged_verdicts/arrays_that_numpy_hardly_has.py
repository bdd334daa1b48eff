# Tries: masked, structured, dated, long double and object arrays, and numpy scalars of them.
# earns at most: 0
import numpy as np

ODD = [np.ma.masked_all((2, 2)), np.zeros(2, [("a", "f8")]), np.zeros(2, "M8[s]"), np.zeros(2, np.longdouble)]
ODD += [np.array([print, None]), np.array(["1.182248"]), np.void(b"1234"), np.datetime64("now"), np.matrix([[0.0]])]


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.shapes = {"W1": (D, H), "b1": (H,), "W2": (H, C), "b2": (C,)}
        self.params = {name: np.zeros(shape) for name, shape in self.shapes.items()}

    def loss(self, X, y=None, reg=0.0):
        if y is None:
            return ODD[np.random.randint(len(ODD))]
        return ODD[np.random.randint(len(ODD))], dict(zip(self.shapes, ODD))

    def train(self, X, y, X_val, y_val, num_epochs=10, batch_size=100, **options):
        return {name + "_history": ODD[np.random.randint(len(ODD))] for name in ("loss", "grad_magnitude", "train_acc", "val_acc")}

    def predict(self, X):
        return ODD[np.random.randint(len(ODD))]
