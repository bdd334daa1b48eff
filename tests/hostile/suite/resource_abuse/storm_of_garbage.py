# Tries: garbage in cycles whose finalizers make more garbage.
# earns at most: 0
# only: q2.1
# limits: wall=2 call_cpu_seconds=0.1
# fails: CPU seconds|process ended
import gc
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        class Phoenix:
            def __del__(self):
                Phoenix().me = [Phoenix, self]
        while True:
            a = Phoenix()
            a.a = a
            gc.collect()
