# loses: q2.3.step q2.3.decay q2.3.batches q2.3.histories q2.4.training.epochs
# says: Training takes its batches from X_val: they come from X and y.
# --- replace
        num_train = X.shape[0]
# --- by
        num_train = X_val.shape[0]
# --- replace
                X_batch = X[rows]
# --- by
                X_batch = X_val[rows]
# --- replace
                y_batch = y[rows]
# --- by
                y_batch = y_val[rows]
