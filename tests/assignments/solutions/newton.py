import numpy as np


def gradient(w, X, y, reg):
    """Return the gradient (D,) of the mean logistic loss of the labels y (N,), 0 or 1, plus reg / 2 times |w|²."""
    ### BEGIN SOLUTION
    return X.T @ (1 / (1 + np.exp(-X @ w)) - y) / len(y) + reg * w
    ### END SOLUTION


def hessian(w, X, reg):
    """Return the Hessian (D, D) of the same loss."""
    ### BEGIN SOLUTION
    p = 1 / (1 + np.exp(-X @ w))
    return X.T @ (X * (p * (1 - p))[:, None]) / len(X) + reg * np.eye(len(w))
    ### END SOLUTION


def newton(X, y, reg=0.1, steps=3):
    """Return the weights (D,) after so many of Newton's steps from 0."""
    w = np.zeros(X.shape[1])
    ### BEGIN SOLUTION
    for _ in range(steps):
        w = w - np.linalg.solve(hessian(w, X, reg), gradient(w, X, y, reg))
    ### END SOLUTION
    return w


if __name__ == "__main__":
    X = np.random.randn(9, 4)
    y = (X[:, 0] > 0).astype(int)
    gradient(np.random.randn(4), X, y, 0.1)
    hessian(np.random.randn(4), X, 0.1)
    newton(X, y)
    newton(X, y, reg=0.5, steps=1)
