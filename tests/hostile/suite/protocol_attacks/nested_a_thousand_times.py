# Tries: replies of a thousand lists in one another, which a sentence about them would have to follow down.
# earns at most: 0
# uses: tools
# only: q2.1
# fails: too deeply nested
import struct
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        header = b"\x92\xa5value" + b"\x91" * 1_000 + b"\x01"
        send(struct.pack("<IQ", len(header), 0) + header)
