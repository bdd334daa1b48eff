# Tries: arrays a byte longer or shorter than their frame, and negative, huge and boolean lengths.
# earns at most: 0
# uses: tools
import msgpack
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        shapes = [[2], [3], [-1], [1 << 62, 1 << 62], [True], [2.0], [1] * 60, [0, 1 << 41], [0, 1 << 40, 1 << 40]]
        facts = msgpack.packb(["<f8", shapes[len(X) % 9]])
        send(frame(["value", msgpack.ExtType(1, facts)], bytes(17 if y is None else 15)))
        return 1.182248, {}
