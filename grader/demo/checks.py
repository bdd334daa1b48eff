"""Checks of the demo assignment. Sentences in quotes are from the handout."""

import numpy as np

from grader import kit


def matrices(draw, _truth):
    """Yield a matrix (7, 3) and one (4, 6), with means and standard deviations other than 0 and 1."""
    for shape in ((7, 3), (4, 6)):
        yield draw.random.normal(3.0, 2.5, size=shape) * draw.random.uniform(0.5, 4.0, size=shape[1])


def with_a_constant_column(draw, _truth):
    X = draw.random.normal(size=(6, 4))
    X[:, draw.random.integers(4)] = 2.0
    yield X


def series(draw, _truth):
    for count, width in ((9, 3), (12, 5), (6, 1)):
        yield draw.random.normal(1.0, 2.0, size=count), width


def whole_series(draw, _truth):
    count = int(draw.random.integers(5, 9))
    yield draw.random.normal(1.0, 2.0, size=count), count


@kit.check("q1", each=matrices)
def standardized(ask, ref, expect, X):
    """Standardized matrices

    "Return X, an array (N, D), with mean 0 and standard deviation 1 in every column."
    """
    expect("values", ask.standardize(X), ref.standardize(X))


@kit.check("q1", each=with_a_constant_column)
def constant_column(ask, ref, expect, X):
    """Column of equal values

    "A column whose values are all equal becomes zeros."
    """
    column = np.ptp(X, axis=0) == 0
    expect("constant", ask.standardize(X)[:, column], ref.standardize(X)[:, column])


@kit.check("q2", each=series)
def averages(ask, ref, expect, x, width):
    """Averages of neighboring values

    "Return the means of every `width` neighboring values of x (N,), an array (N - width + 1,)."
    """
    expect("values", ask.moving_average(x, width), ref.moving_average(x, width))


@kit.check("q2", each=whole_series)
def whole(student, problem):
    """Average of all values

    "With N, the result is the mean of all values."
    """
    answer = student.call("moving_average", *problem)

    def judge(truth):
        return kit.near(answer, truth.moving_average(*problem))

    def one_value(_truth, _causes):
        """Judge only the length of the result. This is used if q2.values has already lost its points because of the
        values."""
        values = kit.array_of(answer, (1,))
        is_number = values is not None and np.isfinite(values).all()
        return kit.passed() if is_number else kit.failed("it is not one number")

    yield kit.claim("whole", judge, given=["q2.values"], own=one_value)
