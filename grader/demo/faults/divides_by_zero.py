# loses: q1.constant
import numpy as np


def standardize(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


def moving_average(x, width):
    sums = np.cumsum(np.concatenate([[0.0], x]))
    return (sums[width:] - sums[:-width]) / width
