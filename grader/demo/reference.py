"""The reference solution, in the form that students submit."""

import numpy as np


def standardize(X):
    centered = X - center(X)
    spread = deviation(X)
    return centered / np.where(spread == 0, 1.0, spread)


def moving_average(x, width):
    return windows(x, width).sum(axis=1) / divisor(width)


def center(X):
    return X.mean(axis=0)


def deviation(X):
    return np.sqrt(np.mean((X - X.mean(axis=0)) ** 2, axis=0))


def windows(x, width):
    return np.stack([x[start : start + width] for start in range(len(x) - width + 1)])


def divisor(width):
    return width
