# loses: q2.1.published
# says: The regularisation uses the norms of W1 and W2; the sum of squares is the norm squared.
# --- replace
        reg_loss = 0.5 * reg * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
# --- by
        reg_loss = 0.5 * reg * (np.linalg.norm(W1) + np.linalg.norm(W2))
