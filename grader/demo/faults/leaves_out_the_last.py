# loses: q2.values
# says: The last average is missing
import numpy as np


def standardize(X):
    deviation = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(deviation < 1e-12, 1, deviation)


def moving_average(x, width):
    return np.array([x[i : i + width].mean() for i in range(len(x) - width)])
