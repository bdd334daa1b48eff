# loses: q2.1.published
# says: The loss averages over classes too; average over the N examples only.
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = -np.mean(np.eye(scores.shape[1])[y] * log_probs)
