# loses: q2.3.decay
# says: The decay compounds: multiply the current rate by learning_rate_decay, not by its power.
# --- replace
            learning_rate *= learning_rate_decay
# --- by
            learning_rate *= learning_rate_decay ** (epoch + 1)
