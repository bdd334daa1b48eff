"""The notebook's second shape: single precision inside, a helper of its own, loops over inputs only."""
import numpy as np


def _probabilities(scores):
    e = np.exp(scores - np.amax(scores, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True), scores - np.amax(scores, axis=-1, keepdims=True) - np.log(
        np.sum(e, axis=-1, keepdims=True)
    )


def softmax_loss_naive(W, X, y, reg):
    losses, dW = [], np.zeros_like(W, dtype=np.float32)
    for x, label in zip(X.astype(np.float32), y):
        p, log_p = _probabilities(x @ W.astype(np.float32))
        losses.append(-log_p[label])
        p[label] -= 1
        dW += np.outer(x, p)
    return np.float32(np.mean(losses) + reg * (W**2).sum()), dW / len(y) + np.float32(2 * reg) * W.astype(np.float32)


def softmax_loss_vectorized(W, X, y, reg):
    p, log_p = _probabilities(X.astype(np.float32).dot(W.astype(np.float32)))
    rows = np.arange(X.shape[0])
    loss = -np.mean(log_p[rows, y]) + np.float32(reg) * np.sum(W.astype(np.float32) ** 2)
    p[rows, y] -= 1
    return loss, X.T.astype(np.float32).dot(p) / np.float32(len(y)) + np.float32(2 * reg) * W.astype(np.float32)
