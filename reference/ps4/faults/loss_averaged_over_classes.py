# loses: q2.1.published q2.1.loss q2.1.stable
# says: The data loss is divided by N·C, a mean over classes as well: divide by N alone.
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = -np.mean(np.eye(scores.shape[1])[y] * log_probs)
