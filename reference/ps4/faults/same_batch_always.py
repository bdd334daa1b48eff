# loses: q2.3.batches
# says: Every iteration trains on the same rows, so that others are never seen: take the next batch_size rows of the epoch's permutation.
# --- replace
                rows = order[it * batch_size:(it + 1) * batch_size]
# --- by
                rows = np.arange(num_train)[:batch_size]
