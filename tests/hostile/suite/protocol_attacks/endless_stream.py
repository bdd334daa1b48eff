# Tries: bytes without an end.
# earns at most: 0
# uses: tools
# fails: protocol
import os
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        while True:
            send(b"\xdd" * (1 << 16))
