# loses: q2.1.published
# says: The data loss has the wrong sign; it is minus the mean log-probability.
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = np.sum(log_probs[np.arange(N), y]) / N
