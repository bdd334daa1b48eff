# loses: q2.1.published q2.1.loss q2.1.stable
# says: The data loss has the wrong sign: it is minus the mean log probability of the right class.
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = np.sum(log_probs[np.arange(N), y]) / N
