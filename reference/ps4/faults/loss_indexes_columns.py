# loses: q2.1.published q2.1.loss q2.1.stable
# says: The data loss picks whole columns of the probabilities ([:, y]): take one entry per sample, [np.arange(N), y].
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = -np.sum(log_probs[:, y]) / N
