# loses: q2.1.published q2.1.loss q2.1.stable
# says: The data loss takes the probability of the right class without its logarithm: it is -mean(log p).
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = -np.sum(probs[np.arange(N), y]) / N
