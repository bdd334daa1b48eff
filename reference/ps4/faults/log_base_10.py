# loses: q2.1.published q2.1.stable
# says: The loss is the logarithm to base 10; cross-entropy takes the natural one, np.log.
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = -np.sum(np.log10(probs[np.arange(N), y])) / N
