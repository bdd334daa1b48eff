# loses: q2.4.forward.published
# says: ReLU takes the absolute value here; it is max(0, a).
# --- replace
        return np.maximum(0, z)
# --- by
        return np.abs(z)
# --- replace
            return z > 0
# --- by
            return np.sign(z)
