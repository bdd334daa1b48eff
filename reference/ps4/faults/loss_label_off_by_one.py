# loses: q2.1.published q2.1.loss q2.1.stable
# says: The data loss takes the probability of class y - 1: labels count from 0, so use y.
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = -np.sum(log_probs[np.arange(N), y - 1]) / N
