# loses: q2.3.batches
# says: one epoch of
# --- replace
                rows = order[it * batch_size:(it + 1) * batch_size]
# --- by
                rows = np.arange(num_train)[:batch_size]
