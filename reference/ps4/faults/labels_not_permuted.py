# loses: q2.3.batches
# says: predict takes the smallest score: take np.argmax.
# --- replace
                y_batch = y[rows]
# --- by
                y_batch = y[it * batch_size:(it + 1) * batch_size]
