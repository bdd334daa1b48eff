# loses: q2.1.published
# says: The loss has no regularisation term; add 0.5 * reg * (sum of W1² and W2²).
# --- replace
        loss = data_loss + reg_loss
# --- by
        loss = data_loss
