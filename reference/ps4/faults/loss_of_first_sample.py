# loses: q2.1.published q2.1.loss q2.1.stable
# says: The data loss counts the first sample only: average over all rows of X.
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = -log_probs[0, y[0]]
