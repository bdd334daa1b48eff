"""Checks of the demo assignment. Sentences in quotes are from the handout."""

from functools import partial

import numpy as np

from grader import kit

STANDARDIZE, AVERAGE = "standardize", "moving_average"


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


def near(answer, name, arguments, truth):
    return kit.near(answer, getattr(truth, name)(*arguments))


@kit.check("q1", each=matrices)
def standardized(student, X):
    """Standardized matrices

    "Return X, an array (N, D), with mean 0 and standard deviation 1 in every column."
    """
    answer = student.call(STANDARDIZE, X)
    yield kit.claim("values", partial(near, answer, STANDARDIZE, (X,)))


@kit.check("q1", each=with_a_constant_column)
def constant_column(student, X):
    """Column of equal values

    "A column whose values are all equal becomes zeros."
    """
    answer = student.call(STANDARDIZE, X)

    def zeros(_truth, _causes):
        """Judge only the constant column. This is used if q1.values has already lost its points because of the other
        columns."""
        values = kit.array_of(answer, X.shape)
        column = X.std(axis=0) == 0
        return kit.passed() if values is not None and not values[:, column].any() else kit.failed("it is not zeros")

    yield kit.claim("constant", partial(near, answer, STANDARDIZE, (X,)), given=["q1.values"], own=zeros)


@kit.check("q2", each=series)
def averages(student, problem):
    """Averages of neighboring values

    "Return the means of every `width` neighboring values of x (N,), an array (N - width + 1,)."
    """
    answer = student.call(AVERAGE, *problem)
    yield kit.claim("values", partial(near, answer, AVERAGE, problem))


@kit.check("q2", each=whole_series)
def whole(student, problem):
    """Average of all values

    "With N, the result is the mean of all values."
    """
    answer = student.call(AVERAGE, *problem)

    def one_value(_truth, _causes):
        """Judge only the length of the result. This is used if q2.values has already lost its points because of the
        values."""
        values = kit.array_of(answer, (1,))
        is_number = values is not None and np.isfinite(values).all()
        return kit.passed() if is_number else kit.failed("it is not one number")

    yield kit.claim("whole", partial(near, answer, AVERAGE, problem), given=["q2.values"], own=one_value)
