# Tries: recursion without an end and without a limit.
# earns at most: 0
# only: q2.1
# limits: memory_bytes=300000000 wall=5 call_cpu_seconds=0.2
import sys
import threading
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        sys.setrecursionlimit(10 ** 9)
        threading.stack_size(256 << 20)

        def down(n):
            return down(n + 1) + down(n)
        return down(0)
