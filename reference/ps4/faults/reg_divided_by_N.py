# loses: q2.1.published q2.1.loss
# says: The regularisation term is divided by N: only the data loss is an average over the samples.
# --- replace
        reg_loss = 0.5 * reg * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
# --- by
        reg_loss = 0.5 * reg * (np.sum(W1 ** 2) + np.sum(W2 ** 2)) / N
