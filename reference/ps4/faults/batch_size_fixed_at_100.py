# loses: q2.3.batches
# says: the change of params['W
# --- replace
        iterations_per_epoch = max(num_train // batch_size, 1)
# --- by
        batch_size = 100
        iterations_per_epoch = max(num_train // batch_size, 1)
