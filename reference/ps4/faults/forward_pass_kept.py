# loses: q2.1.published q2.2.b2 q2.3.predict q2.4.forward.published q2.4.backward.W1 q2.4.backward.W2 q2.4.backward.b2
# says: after training and new parameters, agrees with the forward pass at the net
# --- replace
        scores = h1 @ W2 + b2
# --- by
        scores = h1 @ W2 + b2
        if hasattr(self, 'last_X') and np.array_equal(X, self.last_X):
            scores = self.last_scores
        self.last_X = X.copy()
        self.last_scores = scores
