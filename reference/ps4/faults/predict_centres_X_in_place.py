# loses: q2.3.decay q2.3.batches q2.3.histories q2.3.predict q2.4.training.epochs
# says: agrees with the forward pass at the net
# --- replace
        scores = self.loss(X)
# --- by
        X -= np.mean(X, axis=0)
        scores = self.loss(X)
