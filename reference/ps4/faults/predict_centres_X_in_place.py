# loses: q2.3.decay q2.3.batches q2.3.histories q2.3.predict
# says: predict() subtracts the mean from X, and does so in the array of its caller: use X as it is passed in, and leave it unchanged.
# --- replace
        scores = self.loss(X)
# --- by
        X -= np.mean(X, axis=0)
        scores = self.loss(X)
