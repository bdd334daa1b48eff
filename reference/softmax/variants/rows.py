import numpy as np
from random import shuffle


def softmax_loss_naive(W, X, y, reg):
    loss = 0.0
    dW = np.zeros_like(W)
    num_train = X.shape[0]
    num_classes = W.shape[1]
    for i in range(num_train):
        f = X[i, :].dot(W)
        f -= np.max(f)
        sum_exp = 0.0
        for j in range(num_classes):
            sum_exp += np.exp(f[j])
        loss += -f[y[i]] + np.log(sum_exp)
        for j in range(num_classes):
            p = np.exp(f[j]) / sum_exp
            if j == y[i]:
                dW[:, j] += (p - 1) * X[i]
            else:
                dW[:, j] += p * X[i]
    loss /= num_train
    dW /= num_train
    loss += reg * np.sum(W ** 2)
    dW += 2 * reg * W
    return loss, dW


def softmax_loss_vectorized(W, X, y, reg):
    N, C = X.shape[0], W.shape[1]
    scores = X @ W
    scores -= scores.max(axis=1)[:, np.newaxis]
    P = np.exp(scores)
    total = P.sum(axis=1)
    loss = np.mean(np.log(total) - scores[range(N), y]) + reg * np.square(W).sum()
    P /= total[:, None]
    onehot = np.eye(C)[y]
    return loss, X.T @ (P - onehot) / N + 2.0 * reg * W
