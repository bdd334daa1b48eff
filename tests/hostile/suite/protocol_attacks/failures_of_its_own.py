# Tries: failures in words of its own: a place on line -1, column 2**62, escapes, a limit of NaN seconds.
# earns at most: 0
# uses: tools
import time
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        evil = "\x1b[2J=1+1<script>alert(1)</script>\u202e\r\n"
        failures = [["raised", evil, evil, evil, -1, evil, 1 << 62], ["raised", "", "", "mlp.py", 1 << 62, "", -1]]
        failures += [["stopped", float("nan")], ["stopped", float("inf")], ["stopped", -1e308], ["unusable", evil * 1000]]
        failures += [["raised", "NameError", "x" * 3_000_000, "mlp.py", 1, "y" * 100_000, 0], ["unusable", ""]]
        send(frame(failures[len(X) % len(failures)]))
        time.sleep(0.1)
