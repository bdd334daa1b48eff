# loses: q2.loss
# says: in place
import numpy as np


def softmax_loss_naive(W, X, y, reg):
    loss, dW = 0.0, np.zeros_like(W)
    for i in range(len(X)):
        scores = X[i].dot(W) - X[i].dot(W).max()
        total = np.exp(scores).sum()
        loss += np.log(total) - scores[y[i]]
        for c in range(W.shape[1]):
            dW[:, c] += (np.exp(scores[c]) / total - (c == y[i])) * X[i]
    return loss / len(X) + reg * np.sum(W * W), dW / len(X) + 2 * reg * W


def softmax_loss_vectorized(W, X, y, reg):
    scores = X.dot(W)
    scores = scores - scores.max(axis=1, keepdims=True)
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    p = np.exp(logs)
    rows = np.arange(len(y))
    loss = -logs[rows, y].mean() + reg * np.sum(W * W)
    p[rows, y] -= 1
    dW = X.T.dot(p) / len(y) + 2 * reg * W
    X -= X.mean(axis=0)
    return loss, dW
