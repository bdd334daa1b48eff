# loses: q2.1.published
# says: The data loss is summed over the batch; divide it by N.
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = -np.sum(log_probs[np.arange(N), y])
