"""Known mistakes. Each function replaces a function of the reference solution."""

import numpy as np

from grader import kit

from .reference import windows

STANDARDIZE, AVERAGE = ["q1.values"], ["q2.values"]


@kit.mistake("The deviation is divided by N - 1: take the mean over all N values.", of="deviation", fails=STANDARDIZE)
def sample_deviation(X):
    return X.std(axis=0, ddof=1)


@kit.mistake("This divides by the variance: take its square root.", of="deviation", fails=STANDARDIZE)
def variance(X):
    return X.var(axis=0)


@kit.mistake("The mean is that of the whole matrix: take the mean of each column.", of="center", fails=STANDARDIZE)
def mean_of_all(X):
    return X.mean()


@kit.mistake("The mean is not subtracted.", of="center", fails=STANDARDIZE)
def not_centered(X):
    return np.zeros(X.shape[1])


@kit.mistake("This is the sum of the neighbors: divide it by the width.", of="divisor", fails=AVERAGE)
def sum_of_neighbors(_width):
    return 1


@kit.mistake("The last average is missing: there are N - width + 1 of them.", of="windows", fails=AVERAGE)
def last_missing(x, width):
    return windows(x, width)[:-1]
