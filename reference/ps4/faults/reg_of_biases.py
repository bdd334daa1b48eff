# loses: q2.1.published q2.2.b1 q2.2.b2
# says: The biases are regularised in the loss; only W1 and W2 are.
# --- replace
        reg_loss = 0.5 * reg * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
# --- by
        reg_loss = 0.5 * reg * sum(np.sum(p ** 2) for p in (W1, b1, W2, b2))
# --- replace
        grads['W2'] += reg * W2
# --- by
        grads['W2'] += reg * W2
        grads['b1'] += reg * b1
        grads['b2'] += reg * b2
