# loses: q2.loss q2.gradient q3.stable q4.speed
# says: defines no softmax_loss_vectorized
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
