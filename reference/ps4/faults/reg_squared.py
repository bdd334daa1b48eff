# loses: q2.1.published q2.1.loss
# says: The regularisation strength enters the loss squared: it is 0.5 * reg * (sum W1² + sum W2²).
# --- replace
        reg_loss = 0.5 * reg * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
# --- by
        reg_loss = 0.5 * (np.sum((reg * W1) ** 2) + np.sum((reg * W2) ** 2))
