# loses: q2.3.decay
# says: The decay is fixed at 0.95: multiply by learning_rate_decay.
# --- replace
            learning_rate *= learning_rate_decay
# --- by
            learning_rate *= 0.95
