# Tries: extensions that are not ours, timestamps, and arrays, names and opaque things inside one another.
# earns at most: 0
# uses: tools
import msgpack
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        for code in (1, 2, 3, 4, 127, -1):
            inner = msgpack.packb(msgpack.ExtType(code & 127, b"\xff" * 12))
            send(frame(["value", msgpack.ExtType(code & 127, inner), msgpack.Timestamp(1, 2)]))
        return 1.182248, {}
