# loses: q2.4.backward.W1 q2.4.backward.b1
# says: Softplus' derivative is taken at h, the sigmoid of softplus(a): it is the sigmoid of the pre-activation a.
# --- replace
        return np.maximum(0, z)
# --- by
        return np.maximum(0, z) + np.log1p(np.exp(-np.abs(z)))
# --- replace
            return z > 0
# --- by
            return 1.0 / (1.0 + np.exp(-h))
