# loses: q2.1.published
# says: The loss is the logarithm to base 2; cross-entropy takes the natural one, np.log.
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N / np.log(2)
