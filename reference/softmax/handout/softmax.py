"""A linear classifier with the softmax loss. Complete both functions; keep their names and arguments.

A score is W's column for a class times the input: scores = X W. The softmax turns an input's scores into probabilities,
and its loss is minus the logarithm of the probability of its own class. The loss to return is the mean over all inputs,
plus the regularisation reg * (sum of the squares of W).
"""

import numpy as np


def softmax_loss_naive(W, X, y, reg):
    """Compute loss and gradient with explicit loops over inputs and classes.

    W: weights (D, C). X: inputs (N, D). y: labels (N,), whole numbers from 0 to C - 1. reg: regularisation strength.

    Returns the loss, a number, and its gradient with respect to W, an array of W's shape. Leave W, X and y as they are.
    Scores may be as large as 1000: exp must not overflow.
    """
    loss = 0.0
    dW = np.zeros_like(W)
    # YOUR CODE
    raise NotImplementedError
    return loss, dW


def softmax_loss_vectorized(W, X, y, reg):
    """Compute the same, as softmax_loss_naive does, without explicit loops: at least six times as fast on large inputs."""
    loss = 0.0
    dW = np.zeros_like(W)
    # YOUR CODE
    raise NotImplementedError
    return loss, dW
