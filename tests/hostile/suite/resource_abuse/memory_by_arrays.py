# Tries: memory by arrays until there is none.
# earns at most: 0
# only: q2.1
# limits: memory_bytes=200000000 wall=5
# fails: MemoryError|more memory|CPU seconds
import os
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        held = []
        while True:
            held.append(np.ones(1 << 22))
