"""Problem set 4: a perceptron with one hidden layer, written in numpy. This file is yours to complete.

Six gaps are marked GAP 1 to GAP 6. All but GAP 3 raise NotImplementedError until you put your code in their
place (remove the `raise` line). Everything else works as it stands, and you may change it, so long as the
names, the arguments and what is returned stay as described here: the grader calls nothing else.

The letters used for sizes: N examples, D inputs, H hidden units, C classes. An example is a ROW here:

    a1 = X W1 + b1          (N, H)   what goes into the hidden units
    h1 = activation(a1)     (N, H)   what comes out of them
    scores = h1 W2 + b2     (N, C)   no activation here: the softmax belongs to the loss
"""

import numpy as np


class TwoLayerMLP:
    """D inputs, H hidden units with an activation, C class scores, softmax cross-entropy loss."""

    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation="sigmoid"):
        """Draw the parameters. Nothing to fill in.

        input_size, hidden_size, output_size   D, H and C
        std                                    standard deviation of the initial weights
        activation                             "sigmoid" or "relu", for the hidden units

        self.params holds the parameters, and is the only place where they are kept: whoever puts other
        arrays there (training, the gradient check, the grader) changes what the net computes.

            W1 (D, H)    b1 (H,)    W2 (H, C)    b2 (C,)
        """
        if activation not in ("sigmoid", "relu"):
            raise ValueError(f'activation must be "sigmoid" or "relu", not {activation!r}')
        self.activation = activation
        self.params = {
            "W1": std * np.random.randn(input_size, hidden_size),
            "b1": np.zeros(hidden_size),
            "W2": std * np.random.randn(hidden_size, output_size),
            "b2": np.zeros(output_size),
        }

    def loss(self, X, y=None, reg=0.0):
        """Compute the scores, or the loss and its gradients.

        X    (N, D) floats, one example a row
        y    (N,) integers 0..C-1, the right class of each row; or None
        reg  strength of the regularisation of the weights

        Returns the scores, shape (N, C), where y is None. Otherwise returns (loss, grads): a number, and
        a dict with the keys of self.params and, under each, the gradient of the loss with respect to that
        parameter, in the parameter's shape. The loss is

            J = mean over the examples of -ln(softmax(scores)[right class])
                + 1/2 reg (sum of all W1**2 + sum of all W2**2)

        and the biases are not regularised. X, y and self.params are only read, never changed.
        """
        W1, b1 = self.params["W1"], self.params["b1"]
        W2, b2 = self.params["W2"], self.params["b2"]
        num_examples = X.shape[0]

        # GAP 1 (Q2.1, and Q2.4 for the ReLU): the forward pass. Look at self.activation.
        # Keep what the backward pass will need.
        raise NotImplementedError("GAP 1: compute the class scores, shape (N, C), and call them `scores`")

        if y is None:
            return scores

        # GAP 2 (Q2.1): the loss. Subtract each row's largest score before you take exponentials:
        # this changes no softmax and keeps exp() from overflowing. And work with the log-probabilities
        # themselves, scores - log(sum(exp(scores))): a probability may round to 0, whose log is infinite.
        raise NotImplementedError("GAP 2: compute mean cross-entropy plus regularisation, a number `loss`")

        # GAP 3 (Q2.2, and Q2.4 for the ReLU): the backward pass, from the scores back to W1 and b1.
        # Where does the mean's 1/N go, and which parameters does `reg` concern?
        grads = {}  # to be filled, with the keys "W1", "b1", "W2" and "b2"

        return loss, grads

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10, batch_size=100, verbose=False):
        """Train by stochastic gradient descent on minibatches.

        X, y                  (N, D) and (N,): the training set
        X_val, y_val          the validation set; it is only measured, never trained on
        learning_rate         size of a step during the first epoch
        learning_rate_decay   after each epoch the learning rate is multiplied by this, once
        reg                   strength of the regularisation, as in `loss`
        num_epochs            how many times to go through the training set
        batch_size            examples in a step; a training set that is smaller is used whole
        verbose               print a line for each epoch

        Changes self.params, and returns a dict of four lists:

            loss_history             loss of the batch, for each iteration
            grad_magnitude_history   Frobenius norm of the gradient of W1, for each iteration
            train_acc_history        share of right answers on the training set, after each epoch
            val_acc_history          the same for the validation set
        """
        num_train = X.shape[0]
        batch_size = min(batch_size, num_train)
        iterations_per_epoch = num_train // batch_size

        loss_history, grad_magnitude_history = [], []
        train_acc_history, val_acc_history = [], []

        for epoch in range(num_epochs):
            for iteration in range(iterations_per_epoch):
                # GAP 4 (Q2.3): one step. Draw `batch_size` random examples (all of them where
                # the batch is the whole set), call self.loss on them to get `loss` and `grads`,
                # and move every parameter a little way down its gradient.
                raise NotImplementedError("GAP 4: draw a batch, get its loss and grads, update self.params")

                loss_history.append(loss)
                grad_magnitude_history.append(np.linalg.norm(grads["W1"]))

            train_acc_history.append((self.predict(X) == y).mean())
            val_acc_history.append((self.predict(X_val) == y_val).mean())
            if verbose:
                print(f"epoch {epoch + 1} of {num_epochs}: loss {loss_history[-1]:.4f}, "
                      f"training accuracy {train_acc_history[-1]:.3f}, "
                      f"validation accuracy {val_acc_history[-1]:.3f}")

            # GAP 5 (Q2.3): the learning rate for the next epoch.
            raise NotImplementedError("GAP 5: make the learning rate smaller, once after each epoch")

        return {
            "loss_history": loss_history,
            "grad_magnitude_history": grad_magnitude_history,
            "train_acc_history": train_acc_history,
            "val_acc_history": val_acc_history,
        }

    def predict(self, X):
        """Return the class with the largest score for each row of X: integers 0..C-1 of shape (N,)."""
        # GAP 6 (Q2.3): there is a method that computes the scores already.
        raise NotImplementedError("GAP 6: return the index of the largest score of each row")
