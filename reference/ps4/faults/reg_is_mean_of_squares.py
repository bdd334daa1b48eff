# loses: q2.1.published q2.1.loss
# says: The regularisation term takes means of the squared weights: take their sums.
# --- replace
        reg_loss = 0.5 * reg * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
# --- by
        reg_loss = 0.5 * reg * (np.mean(W1 ** 2) + np.mean(W2 ** 2))
