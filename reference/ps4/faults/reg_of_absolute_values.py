# loses: q2.1.published
# says: The regularisation uses absolute values; sum the squares of W1 and W2.
# --- replace
        reg_loss = 0.5 * reg * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
# --- by
        reg_loss = 0.5 * reg * (np.sum(np.abs(W1)) + np.sum(np.abs(W2)))
