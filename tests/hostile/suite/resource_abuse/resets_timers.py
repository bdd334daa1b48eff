# Tries: the timers of the soft limit reset for ever, and their signals handled.
# earns at most: 0
# only: q2.1
# limits: wall=2 call_cpu_seconds=0.1
# fails: CPU seconds
import signal
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        signal.signal(signal.SIGPROF, lambda *_: None)
        while True:
            for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
                signal.setitimer(timer, 0)
