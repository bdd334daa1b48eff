# loses: q2.gradient q4.speed
# says: None
import numpy as np


def softmax_loss_naive(W, X, y, reg):
    loss, dW = 0.0, np.zeros_like(W)
    for x, label in zip(X, y):
        scores = [x.dot(W[:, c]) for c in range(W.shape[1])]
        largest = max(scores)
        total = sum(np.exp(s - largest) for s in scores)
        loss += np.log(total) - (scores[label] - largest)
        for c, s in enumerate(scores):
            dW[:, c] += (np.exp(s - largest) / total - (c == label)) * x
    return loss / len(X) + reg * np.sum(W * W), dW / len(X) + 2 * reg * W


def softmax_loss_vectorized(W, X, y, reg):
    scores = X.dot(W)
    scores -= scores.max(axis=1, keepdims=True)
    loss = np.mean(np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(y)), y]) + reg * np.sum(W * W)
    return loss, None
