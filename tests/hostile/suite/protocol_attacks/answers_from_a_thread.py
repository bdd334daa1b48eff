# Tries: a thread that goes on answering after the call has come back.
# earns at most: 0
# uses: tools
# limits: wall=2 call_cpu_seconds=0.5
import threading
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        def flood():
            while True:
                send(frame(["value", 1.182248]))
        threading.Thread(target=flood, daemon=True).start()
        return 1.182248, {}
