# Tries: kernel memory by the largest pipes that there may be, all full.
# earns at most: 0
# only: q2.1
# uses: tools
# limits: wall=2 call_cpu_seconds=0.1
# fails: Too many open files|CPU seconds
import fcntl
import os
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        held = []
        while True:
            ends = os.pipe()
            held.append(ends)
            gets(lambda: fcntl.fcntl(ends[1], 1031, 1 << 20))
            os.set_blocking(ends[1], False)
            gets(lambda: os.write(ends[1], bytes(1 << 20)))
