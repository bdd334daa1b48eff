# loses: q2.1.published q2.1.loss q2.1.stable
# says: The data loss also adds log(1 - p) of the wrong classes (binary cross-entropy): the softmax loss is -log p of the right class alone.
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        wrong = np.ones(scores.shape, dtype=bool)
        wrong[np.arange(N), y] = False
        data_loss = -(np.sum(log_probs[np.arange(N), y]) + np.sum(np.log1p(-probs[wrong]))) / N
