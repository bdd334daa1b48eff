# loses: q2.1.published q2.1.stable
# says: The loss adds log(1 - p) of the wrong classes: with a softmax it is the log-probability of the right class alone.
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        wrong = np.ones(scores.shape, dtype=bool)
        wrong[np.arange(N), y] = False
        data_loss = -(np.sum(log_probs[np.arange(N), y]) + np.sum(np.log1p(-probs[wrong]))) / N
