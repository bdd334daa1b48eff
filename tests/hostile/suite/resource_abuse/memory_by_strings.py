# Tries: a string that doubles, and an integer that squares.
# earns at most: 0
# only: q2.1
# limits: memory_bytes=200000000 wall=5 call_cpu_seconds=0.3
# fails: MemoryError|CPU seconds|more memory
import os
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        text, number = 'x', 3
        while True:
            text += text
            number *= number
