# loses: q2.3.batches
# says: Every iteration of an epoch trains the same batch: take the next batch_size rows of the permutation each time.
# --- replace
                rows = order[it * batch_size:(it + 1) * batch_size]
# --- by
                rows = order[:batch_size]
