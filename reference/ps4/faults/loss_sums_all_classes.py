# loses: q2.1.published
# says: The loss sums over all classes; take only the log-probability of the right class.
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = -np.sum(log_probs) / N
