# Tries: recursion deep in C, until its stack overflows.
# earns at most: 0
# only: q2.1
# limits: memory_bytes=1000000000 wall=10 call_cpu_seconds=0.5
# fails: process ended|MemoryError|RecursionError|CPU seconds
import sys
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        sys.setrecursionlimit(10 ** 9)
        deep = ()
        for _ in range(300_000):
            deep = (deep,)
        return repr(deep)
