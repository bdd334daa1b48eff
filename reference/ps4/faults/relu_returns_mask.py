# loses: q2.4.forward.published
# says: ReLU gives 1 or 0 here: it is max(0, a), not a > 0.
# --- replace
        return np.maximum(0, z)
# --- by
        return np.where(z > 0, 1.0, 0.0)
