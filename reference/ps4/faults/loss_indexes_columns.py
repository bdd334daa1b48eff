# loses: q2.1.published q2.1.loss q2.1.stable q2.4.forward.published q2.4.forward.loss
# says: times the reference
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = -np.sum(log_probs[:, y]) / N
