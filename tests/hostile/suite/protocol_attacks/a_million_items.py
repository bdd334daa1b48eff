# Tries: a reply of a million small things, then of a million empty dicts.
# earns at most: 0
# uses: tools
# only: q2.1
import os
import struct
import time
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        small = b"\xdd\x00\x0f\x42\x40" + (b"\x01", b"\x80", b"\xc0")[len(X) % 3] * 1_000_000
        data = struct.pack("<IQ", 7 + len(small), 0) + b"\x92\xa5value" + small
        while data:
            data = data[os.write(3, data):]
        time.sleep(0.5)
