# loses: q2.3.decay q2.3.batches
# says: The learning rate decays one epoch late: multiply it with learning_rate_decay after each epoch, the first as well.
# --- replace
            learning_rate *= learning_rate_decay
# --- by
            if epoch > 0:
                learning_rate *= learning_rate_decay
