# loses: q2.1.published q2.1.loss q2.1.stable
# says: The data loss uses the logarithm to base 2: use the natural logarithm, np.log.
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N / np.log(2)
