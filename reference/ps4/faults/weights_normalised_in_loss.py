# loses: q2.1.published q2.1.scores q2.1.loss q2.1.stable
# says: loss() changes self.params: it divides W1 by its norm. Only train() may change the parameters.
# --- replace
        N = X.shape[0]
# --- by
        N = X.shape[0]
        W1 /= np.linalg.norm(W1)
