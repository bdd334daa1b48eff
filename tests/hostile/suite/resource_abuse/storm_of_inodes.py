# Tries: empty files, folders and links without an end.
# earns at most: 0
# only: q2.1
# fails: No space left|CPU seconds
# leaves: /tmp/@MARK@0
# limits: call_cpu_seconds=0.3
import os
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        for number in range(10**9):
            os.mkdir(f'@MARK@{number}')
            os.symlink('x', f'@MARK@{number}/link')
            open(f'@MARK@{number}/empty', 'w').close()
