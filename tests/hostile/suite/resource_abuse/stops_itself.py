# Tries: every stopping and killing signal sent to its own thread.
# earns at most: 0
# only: q2.1
# uses: tools
# limits: wall=0.3 call_cpu_seconds=0.1
import os
import signal
import threading
import time
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        for number in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGKILL, signal.SIGTTIN):
            gets(lambda: syscall(234, os.getpid(), threading.get_native_id(), number))
        time.sleep(1e6)
