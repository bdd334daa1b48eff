# loses: q2.3.decay q2.3.batches
# says: The decay is always 0.95: use the argument learning_rate_decay.
# --- replace
            learning_rate *= learning_rate_decay
# --- by
            learning_rate *= 0.95
