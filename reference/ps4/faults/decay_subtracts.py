# loses: q2.3.decay q2.3.batches
# says: The learning rate falls by the same amount each epoch: multiply it with learning_rate_decay.
# --- replace
        for epoch in range(num_epochs):
# --- by
        drop = learning_rate * (1 - learning_rate_decay)
        for epoch in range(num_epochs):
# --- replace
            learning_rate *= learning_rate_decay
# --- by
            learning_rate -= drop
