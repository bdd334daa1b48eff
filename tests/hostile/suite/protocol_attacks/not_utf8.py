# Tries: text that is no UTF-8, and lone surrogates, in values, names and errors.
# earns at most: 0
# uses: tools
import struct
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        bad = [b"\x92\xa5value\xa2\xff\xfe", b"\x92\xa5value\xa3\xed\xa0\x80", b"\x92\xa5value\x81\xa1\xff\x01"]
        header = bad[len(X) % 3]
        send(struct.pack("<IQ", len(header), 0) + header)
        return "caf\udce9", {"\udce9": 1.0}
