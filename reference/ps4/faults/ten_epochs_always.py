# loses: q2.3.step q2.3.decay q2.3.batches q2.3.histories
# says: num_epochs is ignored: train for num_epochs epochs, not always for 10.
# --- replace
        for epoch in range(num_epochs):
# --- by
        for epoch in range(10):
