# loses: q2.3.step q2.3.decay q2.3.batches
# says: The learning rate decays before the first epoch: multiply it with learning_rate_decay after each epoch.
# --- replace
            learning_rate *= learning_rate_decay
# --- by
# --- replace
        for epoch in range(num_epochs):
# --- by
        for epoch in range(num_epochs):
            learning_rate *= learning_rate_decay
