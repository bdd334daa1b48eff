# Tries: half a frame, and then nothing, so that the grader waits for the rest.
# earns at most: 0
# uses: tools
# only: q2.1
# limits: wall=0.5 call_cpu_seconds=0.3
# fails: finish
import time
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        send(frame(["value", 1.0])[:15])
        time.sleep(60)
