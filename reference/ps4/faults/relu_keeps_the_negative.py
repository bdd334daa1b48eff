# loses: q2.4.forward.published
# says: ReLU keeps the negative part here; it is max(0, a), not min(0, a).
# --- replace
        return np.maximum(0, z)
# --- by
        return np.minimum(0, z)
# --- replace
            return z > 0
# --- by
            return z < 0
