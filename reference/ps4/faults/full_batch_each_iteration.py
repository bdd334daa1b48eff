# loses: q2.3.batches
# says: with batch_size=
# --- replace
                rows = order[it * batch_size:(it + 1) * batch_size]
# --- by
                rows = order
