# loses: q2.1.published q2.1.loss q2.1.stable
# says: The data loss is summed over the samples: divide it by N, the number of rows of X.
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = -np.sum(log_probs[np.arange(N), y])
