# loses: q2.3.decay q2.3.batches
# says: The learning rate does not decay: multiply it with learning_rate_decay after each epoch.
# --- replace
            learning_rate *= learning_rate_decay
# --- by
                learning_rate *= learning_rate_decay
