# loses: q2.1.published
# says: X is divided by 255 inside loss: leave the data as they come.
# --- replace
        N = X.shape[0]
# --- by
        N = X.shape[0]
        X = X / 255.0
