# loses: q2.1.published q2.1.scores q2.1.loss q2.1.stable
# says: loss() subtracts the mean from X, and does so in the array of its caller: use X as it is passed in, and leave it unchanged.
# --- replace
        N = X.shape[0]
# --- by
        N = X.shape[0]
        X -= np.mean(X, axis=0)
