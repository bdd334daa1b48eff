# loses: q2.1.stable
# says: The loss is infinite at large scores, because a probability underflows to 0 before its logarithm is taken: use scores - log(sum(exp(scores))) instead.
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = -np.sum(np.log(probs[np.arange(N), y])) / N
