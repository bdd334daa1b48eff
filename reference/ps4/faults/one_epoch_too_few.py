# loses: q2.3.step q2.3.decay q2.3.batches q2.3.histories
# says: One epoch is missing: train for num_epochs epochs.
# --- replace
        for epoch in range(num_epochs):
# --- by
        for epoch in range(1, num_epochs):
