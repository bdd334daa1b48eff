# loses: q2.values q2.whole
import numpy as np


def standardize(X):
    deviation = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(deviation < 1e-12, 1, deviation)


def moving_average(x, width):
    return np.convolve(x, np.full(width, 1 / width), mode="same")
