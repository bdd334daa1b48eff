# loses: q2.3.decay
# says: The learning rate does not decay after the first epoch: decay it after every epoch.
# --- replace
            learning_rate *= learning_rate_decay
# --- by
            if epoch > 0:
                learning_rate *= learning_rate_decay
