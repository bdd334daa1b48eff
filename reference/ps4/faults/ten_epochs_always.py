# loses: q2.3.step q2.3.batches
# says: Training always runs ten epochs: run num_epochs.
# --- replace
        for epoch in range(num_epochs):
# --- by
        for epoch in range(10):
