# loses: q2.1.published q2.1.loss
# says: The regularisation term is twice too large: it is 0.5 * reg * (sum W1² + sum W2²), with the one half.
# --- replace
        reg_loss = 0.5 * reg * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
# --- by
        reg_loss = reg * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
