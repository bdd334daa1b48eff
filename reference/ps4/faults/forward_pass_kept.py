# loses: q2.2.W1 q2.2.b1 q2.2.W2 q2.2.b2 q2.3.batches q2.3.predict
# says: The scores are remembered from an earlier call with the same X, although the parameters have changed since: compute them anew in every call.
# --- replace
        scores = h1 @ W2 + b2
# --- by
        scores = h1 @ W2 + b2
        if hasattr(self, 'last_X') and np.array_equal(X, self.last_X):
            scores = self.last_scores
        self.last_X = X.copy()
        self.last_scores = scores
