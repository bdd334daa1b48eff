# loses: q1.loss q1.gradient q3.stable q4.speed
# says: This part still waits to be written
import numpy as np


def softmax_loss_naive(W, X, y, reg):
    raise NotImplementedError


def softmax_loss_vectorized(W, X, y, reg):
    rows = np.arange(len(y))
    scores = X @ W
    scores -= scores.max(axis=1, keepdims=True)
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    error = np.exp(logs)
    error[rows, y] -= 1
    return -logs[rows, y].mean() + reg / 2 * (W**2).sum(), X.T @ error / len(y) + reg * W
