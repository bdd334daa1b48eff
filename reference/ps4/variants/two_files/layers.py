"""The layers that mlp.py is built from; each function returns its output and what backward needs."""
import numpy as np


def affine_forward(x, w, b):
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def sigmoid_forward(x):
    out = 1 / (1 + np.exp(-x))
    return out, out


def sigmoid_backward(dout, out):
    return dout * out * (1 - out)


def relu_forward(x):
    return np.maximum(0, x), x


def relu_backward(dout, x):
    return np.where(x > 0, dout, 0)


def softmax_loss(scores, y):
    n = len(y)
    z = scores - scores.max(axis=1, keepdims=True)
    log_probs = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    dscores = np.exp(log_probs)
    dscores[np.arange(n), y] -= 1
    return -log_probs[np.arange(n), y].mean(), dscores / n


ACTIVATIONS = {
    'sigmoid': (sigmoid_forward, sigmoid_backward),
    'relu': (relu_forward, relu_backward),
}
