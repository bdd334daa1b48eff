# Tries: memory by anonymous, shared and file mappings, and by stretching them.
# earns at most: 0
# only: q2.1
# limits: memory_bytes=60000000 wall=5 call_cpu_seconds=0.2
# fails: Cannot allocate|more memory|MemoryError|CPU seconds
import mmap
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        held = []
        while True:
            held.append(mmap.mmap(-1, 1 << 24))
            held[-1][::4096] = bytes(1 << 12)
