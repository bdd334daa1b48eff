# Tries: crashes: a null pointer, an abort, a division, faulthandler's own.
# earns at most: 0
# only: q2.1
# fails: process ended
import ctypes
import faulthandler
import os
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        faulthandler.enable()
        if len(X) % 2:
            ctypes.string_at(0)
        os.abort()
