# loses: q3.stable
# says: subtract each row's largest score
import numpy as np


def softmax_loss_naive(W, X, y, reg):
    loss, dW = 0.0, np.zeros_like(W)
    for i in range(len(X)):
        e = [np.exp(X[i].dot(W[:, c])) for c in range(W.shape[1])]
        loss -= np.log(e[y[i]] / sum(e))
        for c in range(W.shape[1]):
            dW[:, c] += (e[c] / sum(e) - (c == y[i])) * X[i]
    return loss / len(X) + reg * np.sum(W * W), dW / len(X) + 2 * reg * W


def softmax_loss_vectorized(W, X, y, reg):
    e = np.exp(X.dot(W))
    p = e / e.sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    loss = -np.log(p[rows, y]).mean() + reg * np.sum(W * W)
    p[rows, y] -= 1
    return loss, X.T.dot(p) / len(y) + 2 * reg * W
