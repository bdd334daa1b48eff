# loses: q2.3.step q2.3.decay q2.3.histories q2.4.training.epochs
# says: A batch's labels do not belong to its rows: index X and y with the same permutation.
# --- replace
                y_batch = y[rows]
# --- by
                y_batch = y[it * batch_size:(it + 1) * batch_size]
