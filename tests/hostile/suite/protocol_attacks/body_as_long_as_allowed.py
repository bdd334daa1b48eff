# Tries: a body of 64 MiB that no array claims, in every call.
# earns at most: 0
# uses: tools
# fails: protocol
# only: q2.1
import os
import struct
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        data = struct.pack("<IQ", 1, 64 << 20) + b"\x01" + bytes(64 << 20)
        while data:
            data = data[os.write(3, data):]
