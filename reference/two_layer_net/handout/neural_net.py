"""A network with one hidden layer. Complete the places marked with YOUR CODE; keep names and arguments."""

import matplotlib.pyplot as plt
import numpy as np


class TwoLayerNet:
    """Inputs of size D, a hidden layer of H units with a ReLU, and scores for C classes:

    X (N, D), then X W1 + b1 (N, H), then the ReLU, then W2 and b2: scores (N, C). There is no ReLU on the scores.

    The parameters are in the dict self.params: W1 has shape (D, H), b1 (H,), W2 (H, C) and b2 (C,).
    """

    def __init__(self, input_size, hidden_size, output_size, std=1e-4):
        self.params = {}
        self.params["W1"] = std * np.random.randn(input_size, hidden_size)
        self.params["b1"] = np.zeros(hidden_size)
        self.params["W2"] = std * np.random.randn(hidden_size, output_size)
        self.params["b2"] = np.zeros(output_size)

    def loss(self, X, y=None, reg=0.0):
        """Compute scores, or loss and gradients.

        Without labels, loss returns the scores, of shape (N, C). With labels, loss returns the loss and a dict of its
        gradients, under the parameters' names. y holds the labels (N,), whole numbers from 0 to C - 1.

        The loss is the mean softmax cross-entropy plus reg times the sum of the squares of W1 and W2. The biases are
        not regularised. On the toy data the loss is about 1.30378789133.
        """
        # YOUR CODE: scores
        scores = None
        if y is None:
            return scores
        # YOUR CODE: loss
        loss = None
        # YOUR CODE: gradients. Compare your gradients with numerical ones.
        grads = {}
        return loss, grads

    def train(
        self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95, reg=5e-6, num_iters=100,
        batch_size=200, verbose=False,
    ):
        """Train by stochastic gradient descent on minibatches.

        Each iteration moves every parameter by -learning_rate times its gradient. After each epoch the learning rate is
        multiplied by learning_rate_decay. train returns loss_history, with the loss of each iteration, and
        train_acc_history and val_acc_history, with the accuracies of each epoch.
        """
        num_train = X.shape[0]
        iterations_per_epoch = max(num_train / batch_size, 1)
        loss_history, train_acc_history, val_acc_history = [], [], []
        for it in range(num_iters):
            X_batch, y_batch = None, None
            # YOUR CODE: draw batch_size examples at random, with their labels
            loss, grads = self.loss(X_batch, y=y_batch, reg=reg)
            loss_history.append(loss)
            # YOUR CODE: move the parameters
            if verbose and it % 100 == 0:
                print("iteration %d / %d: loss %f" % (it, num_iters, loss))
            if it % iterations_per_epoch == 0:
                train_acc_history.append((self.predict(X_batch) == y_batch).mean())
                val_acc_history.append((self.predict(X_val) == y_val).mean())
                learning_rate *= learning_rate_decay
        return {
            "loss_history": loss_history,
            "train_acc_history": train_acc_history,
            "val_acc_history": val_acc_history,
        }

    def predict(self, X):
        """predict returns for each row of X the label with the largest score."""
        # YOUR CODE
        return None
