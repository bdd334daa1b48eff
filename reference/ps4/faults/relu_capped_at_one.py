# loses: q2.4.forward.published q2.4.backward.W1 q2.4.backward.b1 q2.4.training.epochs
# says: ReLU is capped here; max(0, a) has no upper bound.
# --- replace
        return np.maximum(0, z)
# --- by
        return np.clip(z, 0, 1)
# --- replace
            return z > 0
# --- by
            return (z > 0) & (z < 1)
