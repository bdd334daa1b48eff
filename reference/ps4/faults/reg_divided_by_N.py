# loses: q2.1.published
# says: The regularisation is divided by N; only the data loss is.
# --- replace
        reg_loss = 0.5 * reg * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
# --- by
        reg_loss = 0.5 * reg * (np.sum(W1 ** 2) + np.sum(W2 ** 2)) / N
