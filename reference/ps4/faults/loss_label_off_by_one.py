# loses: q2.1.published
# says: The labels are off by one in the loss; class 0 is column 0.
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = -np.sum(log_probs[np.arange(N), y - 1]) / N
