# Tries: /tmp and /dev/shm filled up to the last byte.
# earns at most: 0
# only: q2.1
# uses: tools
# fails: No space left|File too large
# leaves: /tmp/@MARK@0
# leaves: /dev/shm/@MARK@0
# limits: call_cpu_seconds=2 wall=10
import os
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        for folder in ('/tmp', '/dev/shm'):
            for number in range(10_000):
                gets(lambda: open(f'{folder}/@MARK@{number}', 'wb').write(bytes(1 << 20)))
                if refused:
                    break
        raise OSError(refused[-1])
