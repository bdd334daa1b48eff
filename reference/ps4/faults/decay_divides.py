# loses: q2.3.decay q2.3.batches
# says: The learning rate grows: multiply it with learning_rate_decay, do not divide.
# --- replace
            learning_rate *= learning_rate_decay
# --- by
            learning_rate /= learning_rate_decay
