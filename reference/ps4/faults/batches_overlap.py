# loses: q2.3.batches
# says: The batches overlap, each starts one row after the one before: take rows it * batch_size to (it + 1) * batch_size of the permutation.
# --- replace
                rows = order[it * batch_size:(it + 1) * batch_size]
# --- by
                rows = order[it:it + batch_size]
