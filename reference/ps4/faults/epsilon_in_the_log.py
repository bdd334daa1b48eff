# loses: q2.1.stable q2.4.forward.loss
# says: the first call was right, so loss keeps something between calls
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = -np.sum(np.log(probs[np.arange(N), y] + 1e-15)) / N
