# loses: q2.2.W1 q2.2.W2
# loses on mnist: q2.5.sigmoid.accuracy q2.5.relu.accuracy
# says: The regularisation terms of the gradients contain the signs of the weights (L1): the derivative of 0.5 * reg * W² is reg * W.
# --- replace
        grads['W1'] += reg * W1
# --- by
        grads['W1'] += reg * np.sign(W1)
# --- replace
        grads['W2'] += reg * W2
# --- by
        grads['W2'] += reg * np.sign(W2)
