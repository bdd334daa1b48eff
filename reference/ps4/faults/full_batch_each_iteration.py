# loses: q2.3.batches
# says: Every iteration uses all rows of X: take batch_size rows of the permutation.
# --- replace
                rows = order[it * batch_size:(it + 1) * batch_size]
# --- by
                rows = order
