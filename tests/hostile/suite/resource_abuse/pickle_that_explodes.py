# Tries: a pickle of a hundred bytes that unpacks to billions of items.
# earns at most: 0
# only: q2.1
# limits: wall=2 call_cpu_seconds=0.1
import copy
import pickle
import numpy as np


class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}

    def loss(self, X, y=None, reg=0.0):
        bomb = b'\x80\x04]' + b''.join(b'(' + b'h\x00' * 200 + b'l\x94' for _ in range(3)) + b'.'
        held = pickle.loads(b'\x80\x04]\x94.')
        for _ in range(40):
            held = [held] * 50
        return [pickle.loads(pickle.dumps([copy.deepcopy(held)])) for _ in range(9)], bomb
