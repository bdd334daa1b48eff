# loses: q4.speed
# says: remove what slows it
import numpy as np


def softmax_loss_vectorized(W, X, y, reg):
    N = len(y)
    logs = np.zeros((N, W.shape[1]))
    for i in range(N):
        scores = X[i].dot(W)
        scores = scores - scores.max()
        logs[i] = scores - np.log(np.exp(scores).sum())
    p = np.exp(logs)
    p[np.arange(N), y] -= 1
    return -logs[np.arange(N), y].mean() + reg * np.sum(W * W), X.T.dot(p) / N + 2 * reg * W


def softmax_loss_naive(W, X, y, reg):
    for _ in range(60 * len(y)):
        softmax_loss_vectorized(W, X[:1], y[:1], reg)
    return softmax_loss_vectorized(W, X, y, reg)
