# loses: q2.1.stable
# says: A small number is added inside the logarithm, which bounds the loss at large scores: use scores - log(sum(exp(scores))) instead.
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = -np.sum(np.log(probs[np.arange(N), y] + 1e-15)) / N
