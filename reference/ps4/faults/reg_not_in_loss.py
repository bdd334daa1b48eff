# loses: q2.1.published q2.1.loss
# says: The loss has no regularisation term: add 0.5 * reg * (sum W1² + sum W2²).
# --- replace
        loss = data_loss + reg_loss
# --- by
        loss = data_loss
