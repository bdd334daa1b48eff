# loses: q2.3.step
# says: Training runs one epoch too many.
# --- replace
        for epoch in range(num_epochs):
# --- by
        for epoch in range(num_epochs + 1):
