import numpy as np


def standardize(X):
    result = np.zeros(X.shape)
    for j in range(X.shape[1]):
        mean = sum(X[:, j]) / len(X)
        spread = (sum((value - mean) ** 2 for value in X[:, j]) / len(X)) ** 0.5
        for i in range(len(X)):
            if spread > 1e-12:
                result[i, j] = (X[i, j] - mean) / spread
    return result


def moving_average(x, width):
    return np.array([sum(x[i : i + width]) / width for i in range(len(x) - width + 1)])
