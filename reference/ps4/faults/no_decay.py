# loses: q2.3.decay
# says: The learning rate never decays: multiply it by learning_rate_decay after each epoch.
# --- replace
            learning_rate *= learning_rate_decay
# --- by
