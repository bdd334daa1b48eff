# loses: q2.4.backward.W1 q2.4.backward.b1
# says: Softplus's derivative is taken at h: it is σ(a), not σ(softplus(a)).
# --- replace
        return np.maximum(0, z)
# --- by
        return np.maximum(0, z) + np.log1p(np.exp(-np.abs(z)))
# --- replace
            return z > 0
# --- by
            return 1.0 / (1.0 + np.exp(-h))
