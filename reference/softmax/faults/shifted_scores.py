# loses: q1.loss
import numpy as np


def softmax_loss_naive(W, X, y, reg):
    loss, dW = 0.0, np.zeros_like(W)
    for x, label in zip(X, y):
        scores = [x.dot(W[:, c]) + 0.1 * c for c in range(W.shape[1])]
        largest = max(scores)
        total = sum(np.exp(s - largest) for s in scores)
        loss += np.log(total) - (scores[label] - largest)
        for c, s in enumerate(scores):
            dW[:, c] += (np.exp(s - largest) / total - (c == label)) * x
    return loss / len(X) + reg * np.sum(W * W), dW / len(X) + 2 * reg * W


def softmax_loss_vectorized(W, X, y, reg):
    scores = X.dot(W) + 0.1 * np.arange(W.shape[1])
    scores -= scores.max(axis=1, keepdims=True)
    scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
    P = np.exp(scores)
    chosen = np.arange(len(y)), y
    loss = -np.mean(scores[chosen]) + reg * np.sum(W * W)
    P[chosen] -= 1
    return loss, X.T.dot(P) / len(X) + 2 * reg * W
