"""½ in the regularisation, three loops, and einsum."""
import math

import numpy as np


def softmax_loss_naive(W, X, y, reg):
    N, D = X.shape
    C = W.shape[1]
    loss, dW = 0.0, np.zeros(W.shape)
    weights = W.tolist()
    for n in range(N):
        x = X[n].tolist()
        scores = [0.0] * C
        for c in range(C):
            for d in range(D):
                scores[c] += x[d] * weights[d][c]
        top = max(scores)
        exps = [math.exp(s - top) for s in scores]
        total = sum(exps)
        loss -= scores[int(y[n])] - top - math.log(total)
        for c in range(C):
            share = exps[c] / total - (1.0 if c == y[n] else 0.0)
            for d in range(D):
                dW[d, c] += share * x[d] / N
    return loss / N + 0.5 * reg * float((W * W).sum()), dW + reg * W


def softmax_loss_vectorized(W, X, y, reg):
    N = len(y)
    scores = np.einsum("nd,dc->nc", X, W)
    top = scores.max(1, keepdims=True)
    logs = scores - top - np.log(np.exp(scores - top).sum(1, keepdims=True))
    loss = -np.take_along_axis(logs, y[:, None], 1).sum() / N + 0.5 * reg * np.einsum("dc,dc->", W, W)
    error = np.exp(logs)
    np.subtract.at(error, (np.arange(N), y), 1)
    return np.array(loss), np.einsum("nd,nc->dc", X, error / N) + reg * W
