# loses: q2.3.decay
# says: The learning rate loses the same amount each epoch: multiply it by learning_rate_decay.
# --- replace
        for epoch in range(num_epochs):
# --- by
        drop = learning_rate * (1 - learning_rate_decay)
        for epoch in range(num_epochs):
# --- replace
            learning_rate *= learning_rate_decay
# --- by
            learning_rate -= drop
