# loses: q2.3.decay q2.3.batches
# loses on mnist: q2.5.sigmoid.accuracy
# says: The learning rate decays by learning_rate_decay to the power of the epoch, again and again: multiply it with learning_rate_decay once after each epoch.
# --- replace
            learning_rate *= learning_rate_decay
# --- by
            learning_rate *= learning_rate_decay ** (epoch + 1)
