# loses: q2.4.backward.W1 q2.4.backward.b1
# says: Softplus's derivative is σ(a), not σ(a)(1 - σ(a)).
# --- replace
        return np.maximum(0, z)
# --- by
        return np.maximum(0, z) + np.log1p(np.exp(-np.abs(z)))
# --- replace
            return z > 0
# --- by
            s = 1.0 / (1.0 + np.exp(-z))
            return s * (1 - s)
