# loses: q2.1.published q2.1.loss q2.1.stable
# says: The data loss adds up the log probabilities of all classes: take the one of the right class y only.
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = -np.sum(log_probs) / N
