# loses: q2.3.decay
# says: The learning rate is divided by the decay: multiply it.
# --- replace
            learning_rate *= learning_rate_decay
# --- by
            learning_rate /= learning_rate_decay
