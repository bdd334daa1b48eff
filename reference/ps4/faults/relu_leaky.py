# loses: q2.4.forward.published
# says: ReLU is leaky here; max(0, a) is zero for negative a.
# --- replace
        return np.maximum(0, z)
# --- by
        return np.maximum(0.01 * z, z)
# --- replace
            return z > 0
# --- by
            return np.where(z > 0, 1.0, 0.01)
