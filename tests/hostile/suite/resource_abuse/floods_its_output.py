# Tries: output without an end on standard output and standard error.
# earns at most: 0
# only: q2.1
# limits: wall=2 call_cpu_seconds=0.1
# fails: CPU seconds
import os
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        for _ in range(1000):
            print('x' * 100_000)
            os.write(2, b'y' * 100_000)
        while True:
            print('x' * 1_000_000)
