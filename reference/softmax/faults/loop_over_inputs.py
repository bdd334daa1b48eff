# loses: q4.speed
# says: times as fast as softmax_loss_naive
import numpy as np


def softmax_loss_naive(W, X, y, reg):
    loss, dW = 0.0, np.zeros_like(W)
    for i in range(len(X)):
        scores = X[i].dot(W)
        scores = scores - scores.max()
        p = np.exp(scores) / np.exp(scores).sum()
        loss -= scores[y[i]] - np.log(np.exp(scores).sum())
        p[y[i]] -= 1
        dW += np.outer(X[i], p)
    return loss / len(X) + reg * np.sum(W * W), dW / len(X) + 2 * reg * W


def softmax_loss_vectorized(W, X, y, reg):
    return softmax_loss_naive(W, X, y, reg)
