# loses: q2.1.stable
# says: is infinite
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = -np.sum(np.log(probs[np.arange(N), y])) / N
