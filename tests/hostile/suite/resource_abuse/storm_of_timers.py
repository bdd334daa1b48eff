# Tries: a storm of timers that signal every microsecond.
# earns at most: 0
# only: q2.1
# limits: wall=2 call_cpu_seconds=0.1
import signal
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 1e-6, 1e-6)
        while True:
            signal.getitimer(signal.ITIMER_REAL)
