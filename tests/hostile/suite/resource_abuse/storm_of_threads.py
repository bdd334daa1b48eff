# Tries: as many threads as there are to be had, each of which computes.
# earns at most: 0
# only: q2.1
# limits: wall=2 call_cpu_seconds=0.1
# fails: CPU seconds
import threading
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        def spin():
            while True:
                np.ones((500, 500)) @ np.ones((500, 500))
        while True:
            try:
                threading.Thread(target=spin, daemon=True).start()
            except RuntimeError:
                pass
