# loses: q2.1.published q2.1.scores q2.1.loss q2.1.stable
# says: The sigmoid is applied twice to the hidden layer: apply it once.
# --- replace
            return 1.0 / (1.0 + np.exp(-z))
# --- by
            return 1.0 / (1.0 + np.exp(-1.0 / (1.0 + np.exp(-z))))
