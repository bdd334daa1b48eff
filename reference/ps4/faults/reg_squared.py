# loses: q2.1.published
# says: The regularisation in the loss squares reg: it is 0.5 * reg * (sum of W1² and W2²).
# --- replace
        reg_loss = 0.5 * reg * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
# --- by
        reg_loss = 0.5 * (np.sum((reg * W1) ** 2) + np.sum((reg * W2) ** 2))
