# loses: q2.4.forward.published q2.4.forward.loss
# says: The ReLU returns 0 and 1 (whether a > 0): it is max(0, a), so positive values pass unchanged.
# --- replace
        return np.maximum(0, z)
# --- by
        return np.where(z > 0, 1.0, 0.0)
