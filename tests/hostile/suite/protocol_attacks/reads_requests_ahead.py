# Tries: the next requests read from the channel before the guest can, and answered with what they ask for.
# earns at most: 0
# uses: tools
# only: q2.1
# limits: wall=1 call_cpu_seconds=0.3
import os
import threading
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        def steal():
            while data := os.read(3, 1 << 16):
                send(frame(["value", [1.182248, {"asked": data[:99].hex()}]]))
        threading.Thread(target=steal, daemon=True).start()
        return 1.182248, {}
