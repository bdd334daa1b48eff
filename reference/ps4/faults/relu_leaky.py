# loses: q2.4.forward.published q2.4.forward.loss
# says: The ReLU lets a part of negative values through (a leaky ReLU): it is max(0, a), so negative values become 0.
# --- replace
        return np.maximum(0, z)
# --- by
        return np.maximum(0.01 * z, z)
# --- replace
            return z > 0
# --- by
            return np.where(z > 0, 1.0, 0.01)
