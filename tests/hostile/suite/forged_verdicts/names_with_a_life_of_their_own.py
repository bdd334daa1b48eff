# Tries: an exception and an answer full of markup, escapes, formulas and text that turns around.
# earns at most: 0
# fails: owned
import numpy as np

EVIL = "=HYPERLINK(1)<script>alert(1)</script>\x1b[2J\x1b]0;owned\x07\u202e40/40\u2066 {{7*7}} [bold]x[/bold]\r\n"


class Named(Exception):
    pass


Named.__name__ = Named.__qualname__ = EVIL


def fail():
    raise Named(EVIL * 50)


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.shapes = {"W1": (D, H), "b1": (H,), "W2": (H, C), "b2": (C,)}
        self.params = {name: np.zeros(shape) for name, shape in self.shapes.items()}

    def loss(self, X, y=None, reg=0.0):
        if y is None:
            return fail()
        return type(EVIL, (), {})(), {name: fail() for name in self.shapes}

    def train(self, X, y, X_val, y_val, num_epochs=10, batch_size=100, **options):
        return {name + "_history": fail() for name in ("loss", "grad_magnitude", "train_acc", "val_acc")}

    def predict(self, X):
        return fail()
