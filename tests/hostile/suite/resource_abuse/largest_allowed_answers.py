# Tries: answers just below what may cross, in every call.
# earns at most: 0
# only: q2.1
# limits: wall=10 call_cpu_seconds=0.5
import os
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        big = np.zeros(6 << 20)
        return 1.0, {'W1': big, 'b1': [0.5] * 99_999, 'W2': {str(n): n for n in range(99_999)}, 'b2': 'x' * 10_000}
