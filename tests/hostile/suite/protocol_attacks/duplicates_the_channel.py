# Tries: the channel duplicated to every number, and /dev/null in its place.
# earns at most: 0
# uses: tools
# only: q2.1
# fails: protocol|finish|must return
# limits: wall=0.5 call_cpu_seconds=0.3
import os
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        for fd in range(4, 250):
            os.dup2(3, fd)
        os.dup2(0, 3)
        os.write(100, frame(["value", {"points": 40}]))
        return 1.182248, {}
