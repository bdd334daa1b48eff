# loses: q2.3.step
# says: Training runs one epoch too few.
# --- replace
        for epoch in range(num_epochs):
# --- by
        for epoch in range(1, num_epochs):
