# loses: q2.3.batches
# says: the change of params['W
# --- replace
        iterations_per_epoch = max(num_train // batch_size, 1)
# --- by
        iterations_per_epoch = 1
# --- replace
                rows = order[it * batch_size:(it + 1) * batch_size]
# --- by
                rows = order
