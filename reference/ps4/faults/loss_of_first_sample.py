# loses: q2.1.published
# says: The loss is the first example's alone: average over the batch.
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = -log_probs[0, y[0]]
