# loses: q2.1.published
# says: The regularisation in the loss leaves W1 out; sum the squares of W1 and of W2.
# --- replace
        reg_loss = 0.5 * reg * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
# --- by
        reg_loss = 0.5 * reg * np.sum(W2 ** 2)
