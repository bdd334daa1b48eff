# loses: q2.1.published
# says: The regularisation in the loss takes the mean of the squares: take their sum.
# --- replace
        reg_loss = 0.5 * reg * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
# --- by
        reg_loss = 0.5 * reg * (np.mean(W1 ** 2) + np.mean(W2 ** 2))
