# loses: q2.3.batches
# loses on mnist: q2.5.sigmoid.accuracy q2.5.relu.accuracy
# says: Every iteration of an epoch trains the same batch: take the next batch_size rows of the permutation each time.
# --- replace
                rows = order[it * batch_size:(it + 1) * batch_size]
# --- by
                rows = order[:batch_size]
