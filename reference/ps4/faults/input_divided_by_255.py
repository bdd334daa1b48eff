# loses: q2.1.published q2.1.scores q2.1.loss q2.1.stable
# says: The forward pass divides X by 255: use X as it is passed in.
# --- replace
        N = X.shape[0]
# --- by
        N = X.shape[0]
        X = X / 255.0
