# Tries: as many descriptors as there are, of every kind.
# earns at most: 0
# only: q2.1
# fails: Too many open files
import os
import select
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        held = []
        while True:
            held += [os.pipe(), os.dup(0), open('/dev/zero'), os.eventfd(0), select.epoll()]
