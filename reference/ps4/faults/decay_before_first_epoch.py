# loses: q2.3.step
# says: The learning rate decays before the first epoch already: decay it after each epoch.
# --- replace
            learning_rate *= learning_rate_decay
# --- by
# --- replace
        for epoch in range(num_epochs):
# --- by
        for epoch in range(num_epochs):
            learning_rate *= learning_rate_decay
