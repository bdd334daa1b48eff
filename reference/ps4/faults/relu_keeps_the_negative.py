# loses: q2.4.forward.published q2.4.forward.loss
# says: The ReLU keeps the negative values and drops the positive ones: it is max(0, a).
# --- replace
        return np.maximum(0, z)
# --- by
        return np.minimum(0, z)
# --- replace
            return z > 0
# --- by
            return z < 0
