# loses: q2.1.published
# says: The biases are regularised in the loss; only W1 and W2 are.
# --- replace
        reg_loss = 0.5 * reg * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
# --- by
        reg_loss = 0.5 * reg * sum(np.sum(p ** 2) for p in (W1, b1, W2, b2))
