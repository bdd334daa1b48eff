# loses: q2.1.published
# says: The sigmoid is applied twice to the hidden layer: h is σ(a).
# --- replace
            return 1.0 / (1.0 + np.exp(-z))
# --- by
            return 1.0 / (1.0 + np.exp(-1.0 / (1.0 + np.exp(-z))))
